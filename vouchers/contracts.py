"""A contract serves one application: its number is claimed once, for ever (AF02)."""

from datetime import datetime

from django.db import IntegrityError, transaction

from ledger.refusals import Refused
from vouchers.models import Application, ContractUse


def claim_contract(application: Application, at: datetime) -> None:
    """Claim the contract number an application named; the database keeps it unique.

    The step of issuing that makes a race of two vouchers over one contract end with one.

    Raises:
        Refused: another application stands on this contract already.
    """
    number = (application.answers.get("need") or {}).get("contract_no")
    if not number:
        return
    known = ContractUse.objects.filter(application=application).first()
    if known and known.number == number:
        return
    try:
        with transaction.atomic():
            ContractUse.objects.create(number=number, application=application, used_at=at)
    except IntegrityError as error:
        other = ContractUse.objects.filter(number=number).select_related("application").first()
        told = other.application.application_no if other else "另一件申请"
        raise Refused(
            "contract_used",
            f"合同 {number} 已用于 {told}，同一合同只支持一次，不能再发券。",
            clause=application.programme.edition.stacking.clause,
        ) from error
