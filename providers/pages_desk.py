"""What the desk for usage shows: requests, waiting records, findings, gaps, conflicts.

Plain values for the bureau's pages, no markup.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from ledger.periods import Month, month_of
from providers.calendar import gap_names, gap_word, waived
from providers.models import (
    DeskRequest,
    Finding,
    MeteringMonth,
    Provider,
    UsageConflict,
    UsageRecord,
)
from providers.stories import story_of

#: Fields of a record as sent, in the order in which people compare them.
COMPARED = (
    ("order_no", "订单"), ("device_model", "上报型号"), ("device_count", "数量"),
    ("share_milli", "份额（千分之）"), ("started_at", "开始"), ("ended_at", "结束"),
    ("basis", "口径"), ("job_state", "作业状态"), ("job_ref", "作业"),
    ("utilisation_pct", "利用率"), ("energy_kwh", "电量"), ("device_seconds", "自报卡秒"),
    ("corrects", "更正对象"), ("reason", "更正原因"),
)  # fmt: skip
MONTHS_OF_GAPS = 3
_REASONS = frozenset(UsageRecord.HoldReason.values)
FIGURES = {
    "records": "记录数",
    "highest_pct": "最高利用率（%）",
    "threshold_pct": "界限（%）",
    "days": "天数",
    "device_milli_seconds_a_day": "每天用量（卡毫秒）",
    "device_milli_seconds": "用量（卡毫秒）",
    "declared_device_seconds": "自报（卡秒）",
    "computed_device_seconds": "计算（卡秒）",
    "before": "上月用量（卡毫秒）",
    "now": "本月用量（卡毫秒）",
    "factor": "界限（倍）",
}


@dataclass(frozen=True)
class Compared:
    """One field of two contents beside each other."""

    title: str
    stored: str
    given: str

    @property
    def differs(self) -> bool:
        """Say whether the two differ."""
        return self.stored != self.given


def desk(at: datetime) -> dict[str, Any]:
    """Return what waits at the desk, with a count of everything that has a page of its own."""
    asked = DeskRequest.objects.waiting().select_related("provider")
    open_subjects = set(asked.values_list("provider_id", "subject"))
    late = [
        each
        for each in _first_parts(hold_reason="late_correction").select_related("provider")[:200]
        if (each.provider_id, each.record_id) not in open_subjects
    ]
    return {
        "requests": [{"request": each, "record": _record_of(each)} for each in asked],
        "late": late,
        "findings": Finding.objects.undecided().count(),
        "conflicts": UsageConflict.objects.unresolved().count(),
        "months": list(_months(at)),
    }


def _record_of(request: DeskRequest) -> UsageRecord | None:
    """Return the first part of the record that a request is about, None for other requests."""
    if request.kind in (DeskRequest.Kind.WAIVE, DeskRequest.Kind.RELEASE):
        return None
    return UsageRecord.objects.filter(
        provider=request.provider, livemode=True, record_id=request.subject, segment=0
    ).first()


def _first_parts(**wanted: Any) -> QuerySet[UsageRecord]:
    return UsageRecord.objects.filter(
        livemode=True, segment=0, state__in=["held", "open"], **wanted
    ).order_by("id")


def waiting_records() -> QuerySet[UsageRecord]:
    """Return every record that waits, or was decided here before, the first part of each."""
    return UsageRecord.objects.filter(livemode=True, segment=0).select_related(
        "provider", "order__price", "model", "rate", "batch"
    )


def find_waiting(asked: dict[str, str]) -> QuerySet[UsageRecord]:
    """Return the records that wait, the oldest first, by provider and reason."""
    found = _first_parts().select_related("provider")
    try:
        found = found.filter(provider_id=UUID(asked["provider"])) if asked["provider"] else found
    except ValueError:
        return found.none()
    reason = asked["reason"]
    if reason == UsageRecord.State.OPEN:
        return found.filter(state=reason)
    return found.filter(hold_reason=reason) if reason in _REASONS else found


def _months(at: datetime) -> Iterator[dict[str, Any]]:
    """Yield the months still open, the oldest first, for their pages of gaps."""
    shut = set(MeteringMonth.objects.values_list("month", flat=True))
    month = month_of(at)
    months = [month]
    while len(months) < MONTHS_OF_GAPS:
        month = month.previous()
        months.append(month)
    for each in sorted(months):
        if str(each) not in shut:
            yield {"month": str(each), "title": each.title}


def gaps_of(month: Month, at: datetime) -> list[dict[str, Any]]:
    """Return for each provider with a gap in a month which ones, and which are let stand."""
    told = []
    for provider in Provider.objects.exclude(admitted_at=None).order_by("name"):
        names = gap_names(provider, month, at=at)
        if not names:
            continue
        stand = waived(provider, month)
        asked = provider.desk_requests.waiting().filter(subject=str(month)).first()
        told.append(
            {
                "provider": provider,
                "open": [gap_word(name) for name in names if name not in stand],
                "stand": [gap_word(name) for name in names if name in stand],
                "asked": asked,
            }
        )
    return told


def record_page(record: UsageRecord) -> dict[str, Any]:
    """Return a waiting record with its story and, beside it, what it would replace."""
    target = UsageRecord.objects.filter(
        provider=record.provider, livemode=True, record_id=record.corrects or "-", segment=0
    ).first()
    return story_of(record) | {
        "target": target,
        "compared": compare(as_given(target), as_given(record)) if target else [],
        "asked": record.provider.desk_requests.waiting()
        .filter(subject__in=[record.record_id, str(record.batch_id)])
        .first(),
        "past": record.provider.desk_requests.filter(subject=record.record_id).exclude(
            state="proposed"
        ),
        "may_correct": record.hold_reason == "late_correction",
        "waits": record.state in ("held", "open"),
        "suspect": record.state == "held" and record.hold_reason == "suspect_repeat",
    }


def conflict_page(conflict: UsageConflict) -> dict[str, Any]:
    """Return a conflict with both contents and both digests side by side."""
    stored = (
        UsageRecord.objects.filter(
            provider_id=conflict.provider_id,
            livemode=conflict.livemode,
            record_id=conflict.record_id,
            segment=0,
        )
        .select_related("order", "batch")
        .first()
    )
    digest = bytes(conflict.stored_digest).hex() if conflict.stored_digest else ""
    return {
        "conflict": conflict,
        "stored": stored,
        "stored_digest": digest,
        "compared": compare(as_given(stored), conflict.given),
    }


def as_given(record: UsageRecord | None) -> dict[str, str]:
    """Return the content of a stored record in the form in which rows are kept as given."""
    if record is None:
        return {}
    parts = UsageRecord.objects.filter(
        provider_id=record.provider_id,
        livemode=record.livemode,
        record_id=record.record_id,
        segment__lt=1000,
    ).order_by("segment")
    last = parts.last()
    ended = last.ended_at if last else None
    said = {
        "order_no": record.order.order_no if record.order else "",
        "device_model": record.device_model,
        "device_count": str(record.device_count),
        "share_milli": str(record.share_milli),
        "started_at": _instant(record.started_at),
        "ended_at": _instant(ended),
        "basis": record.basis,
        "job_state": record.job_state,
        "job_ref": record.job_ref,
        "utilisation_pct": _number(record.utilisation_pct),
        "energy_kwh": _number(record.energy_kwh),
        "device_seconds": _number(record.declared_device_seconds),
        "corrects": record.corrects,
        "reason": record.reason,
    }
    return {name: text for name, text in said.items() if text}


def _instant(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z" if moment else ""


def _number(value: Any) -> str:
    return f"{value.normalize():f}" if value is not None else ""


def compare(stored: dict[str, str], given: dict[str, str]) -> list[Compared]:
    """Set two contents beside each other, field by field; numbers by value."""
    found = []
    for name, title in COMPARED:
        left, right = stored.get(name, ""), given.get(name, "")
        if name in ("utilisation_pct", "energy_kwh", "device_seconds") and "." in right:
            right = right.rstrip("0").rstrip(".")
        if left or right:
            found.append(Compared(title, left or "—", right or "—"))
    return found


def all_findings() -> QuerySet[Finding]:
    """Return every finding."""
    return Finding.objects.select_related("provider")


def all_conflicts() -> QuerySet[UsageConflict]:
    """Return every conflict, closed or not."""
    return UsageConflict.objects.select_related("provider", "batch")


def find_findings(asked: dict[str, str]) -> QuerySet[Finding]:
    """Return findings by kind, month and provider; those nobody has called genuine unless told."""
    found = Finding.objects.all() if asked.get("all") else Finding.objects.undecided()
    if asked.get("kind") in Finding.Kind.values:
        found = found.filter(kind=asked["kind"])
    if asked.get("month"):
        found = found.filter(month=asked["month"])
    if asked.get("provider"):
        found = found.filter(provider__name__contains=asked["provider"])
    return found.select_related("provider").annotate(decided=Count("decisions")).order_by("-id")


def finding_page(finding: Finding) -> dict[str, Any]:
    """Return a finding with its figures, the records it names and what was decided."""
    named = UsageRecord.objects.filter(
        provider_id=finding.provider_id, livemode=True, segment=0, record_id__in=finding.records
    )
    rows = [
        ("服务商", finding.provider.name),
        ("月份", finding.month),
        ("对象", finding.subject),
        *((FIGURES.get(name, name), value) for name, value in sorted(finding.figures.items())),
    ]
    return {
        "finding": finding,
        "rows": [{"key": key, "value": value} for key, value in rows],
        "records": named.select_related("order").order_by("started_at", "record_id"),
        "decisions": finding.decisions.order_by("id"),
    }
