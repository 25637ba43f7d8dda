"""A provider files what its site is like; another natural person of the bureau confirms it.

What is confirmed is never changed: a correction is a new version of the same month.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from ledger import audit
from ledger.actors import Actor
from ledger.periods import Month
from ledger.refusals import Refused
from providers.efficiency import BOUNDS, fault_of
from providers.models import EfficiencyFiling, Provider
from providers.models.state_row import move, note_birth
from providers.restricting import judge_second
from vouchers.evidence import Upload, keep_upload
from vouchers.scanning import finding_about

MOST_WAITING = 100  # that one round of the scanner looks at


@transaction.atomic
def file_efficiency(
    provider: Provider,
    month: Month,
    said: Mapping[str, int | None],
    upload: Upload,
    *,
    note: str = "",
    actor: Actor,
    at: datetime,
) -> EfficiencyFiling:
    """File PUE, green power and latency of a month with the paper that carries them.

    Args:
        said: by the names of ``efficiency.BOUNDS``; None for what is not filed.

    Writes: filing with the file in quarantine, state row, log entry.

    Raises:
        Refused: nothing said, out of bounds, the month is not over, the provider is not in the
            register, a filing of the month still waits, or a file that will not do.
    """
    provider = Provider.objects.select_for_update(of=("self",)).get(pk=provider.pk)
    if provider.state not in (Provider.State.ADMITTED, Provider.State.SUSPENDED):
        raise Refused("not_admitted", "入库以后才能申报能效。")
    fault = fault_of(said)
    if fault:
        raise Refused("out_of_range", fault[1], field=fault[0])
    if at < month.end_at:
        raise Refused("month_open", f"{month.title}还没有结束，月末以后再申报。", field="month")
    earlier = provider.efficiency_filings.filter(month=str(month))
    if earlier.waiting().exists():
        raise Refused(
            "filing_waits",
            f"{month.title}已有一份申报等待确认，确认或退回后再申报。",
            field="month",
        )
    last = earlier.aggregate(last=Max("version"))["last"] or 0
    filing = EfficiencyFiling.objects.create(
        provider=provider,
        month=str(month),
        version=last + 1,
        note=note.strip(),
        filed_at=at,
        proposed_by_person=actor.person,
        **{name: said.get(name) for name in BOUNDS},
        **keep_upload(upload, at),
    )
    note_birth(filing, "申报能效", actor=actor, at=at)
    _log("provider.efficiency.file", filing, actor, at, _said(filing) | {"sha256": filing.sha256})
    return filing


@transaction.atomic
def confirm_efficiency(filing: EfficiencyFiling, *, actor: Actor, at: datetime) -> EfficiencyFiling:
    """Confirm a filing: from here on it counts, in place of an earlier version of its month.

    Writes: state row, log entry.

    Raises:
        Refused: not waiting, the same person, somebody with a seat at the provider, or a file that
            failed the check.
    """
    filing = _taken(filing)
    judge_second(filing.provider, actor.person, filing.proposed_by_person, "能效申报确认")
    if filing.scan == EfficiencyFiling.Scan.INFECTED:
        raise Refused("file_infected", "佐证文件未通过安全检查，请退回，由供方更换后重新申报。")
    move(filing, "approve", actor=actor, at=at)
    filing.approved_by_person, filing.decided_at = actor.person, at
    filing.save()
    _log("provider.efficiency.confirm", filing, actor, at, _said(filing))
    return filing


@transaction.atomic
def decline_efficiency(
    filing: EfficiencyFiling, *, reason: str, actor: Actor, at: datetime
) -> EfficiencyFiling:
    """Send a filing back with the reason that the provider will read.

    Writes: state row, log entry.
    """
    filing = _taken(filing)
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    move(filing, "decline", actor=actor, at=at, reason=reason.strip())
    filing.reason, filing.decided_at = reason.strip()[:200], at
    filing.save()
    _log("provider.efficiency.decline", filing, actor, at, {})
    return filing


def scan_filings(*, actor: Actor, at: datetime) -> int:
    """Have the papers in quarantine looked through; return how many came out."""
    waiting = EfficiencyFiling.objects.filter(scan="quarantined").order_by("filed_at")
    return sum(_scan(each, actor, at) for each in waiting[:MOST_WAITING])


@transaction.atomic
def _scan(filing: EfficiencyFiling, actor: Actor, at: datetime) -> bool:
    filing = _taken(filing)
    found = finding_about(filing.stored_path)
    if found is None or filing.scan != EfficiencyFiling.Scan.QUARANTINED:
        return False
    (filing.scan, filing.scanner), filing.scanned_at = found, at
    filing.save()
    facts = {"outcome": filing.scan, "scanner": filing.scanner}
    _log("provider.efficiency.scan", filing, actor, at, facts)
    return True


def _taken(filing: EfficiencyFiling) -> EfficiencyFiling:
    found = EfficiencyFiling.objects.select_related("provider").select_for_update(of=("self",))
    return found.get(pk=filing.pk)


def _said(filing: EfficiencyFiling) -> dict[str, Any]:
    """Return the values that were filed, under their units."""
    said = {name: getattr(filing, name) for name in BOUNDS}
    return {name: value for name, value in said.items() if value is not None}


def _log(
    kind: str, filing: EfficiencyFiling, actor: Actor, at: datetime, facts: dict[str, Any]
) -> None:
    about = {
        "provider": str(filing.provider_id),
        "filing": str(filing.pk),
        "month": filing.month,
        "version": filing.version,
    }
    audit.record(kind, about | facts, actor=actor, at=at)
