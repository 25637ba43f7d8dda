"""Freeze vouchers and end a freeze: nothing new can be held from a frozen one; no value moves."""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.gates import two_persons
from vouchers.models import Voucher
from vouchers.notices import tell_enterprise
from vouchers.states import write_row


@transaction.atomic
def freeze_voucher(voucher: Voucher, *, reason: str, actor: Actor, at: datetime) -> Voucher:
    """Freeze a voucher at once; one person is enough. Nothing new can be held from it."""
    voucher = _taken(voucher)
    if voucher.frozen:
        return voucher
    return _set_frozen(voucher, frozen=True, reason=reason, actor=actor, at=at)


@transaction.atomic
def unfreeze_voucher(
    voucher: Voucher, *, reason: str, approved_by: Actor, actor: Actor, at: datetime
) -> Voucher:
    """End a freeze; two people."""
    voucher = _taken(voucher)
    two_persons(actor, approved_by)
    if not voucher.frozen:
        return voucher
    return _set_frozen(voucher, frozen=False, reason=reason, actor=actor, at=at)


def _set_frozen(
    voucher: Voucher, *, frozen: bool, reason: str, actor: Actor, at: datetime
) -> Voucher:
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由和案号。", field="reason")
    event, word = ("freeze", "冻结") if frozen else ("unfreeze", "解冻")
    voucher.frozen = frozen
    voucher.save()
    write_row(voucher, event, word, (voucher.state,) * 2, actor=actor, at=at, reason=reason)
    audit.record(f"voucher.{event}", {"voucher": voucher.pk}, actor=actor, at=at)
    kind = "voucher_frozen" if frozen else "voucher_unfrozen"
    told = {"voucher_no": voucher.voucher_no, "reason": reason}
    tell_enterprise(voucher.enterprise, kind, told, about=voucher, at=at)
    return voucher


def _taken(voucher: Voucher) -> Voucher:
    vouchers = Voucher.objects.select_for_update(of=("self",)).select_related("enterprise")
    return vouchers.get(pk=voucher.pk)
