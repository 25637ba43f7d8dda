"""Everything of a provider that waits, with what it waits for and what to do: no silent class.

Records that are held or open, conflicts that nobody has closed, and questions of the bureau.
Nothing is written here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from providers.models import Finding, Provider, UsageConflict, UsageRecord

MOST_WAITING = 1_000


@dataclass(frozen=True)
class Told:
    """What something waits for, and what the provider can do, in two languages."""

    waits_for_zh: str
    to_do_zh: str
    waits_for_en: str
    to_do_en: str


_NOTHING_ZH, _NOTHING_EN = "无需重报，到位后自动入账", "Nothing: it counts by itself when it comes"
REASONS: dict[str, Told] = {
    "unknown_model": Told(
        "型号未登记", "请联系区数据局登记型号或别名；无需重报",
        "The model is not registered", "Ask the bureau to register it; do not send again",
    ),
    "no_rate": Told("型号没有有效折算系数", _NOTHING_ZH, "The model has no rate", _NOTHING_EN),
    "no_capacity": Told(
        "未登记该型号的算力规模", "请在控制台登记算力规模，确认后自动入账",
        "No capacity of this model is registered", "File your capacity in the console",
    ),
    "over_capacity": Told(
        "同一时刻用量超过登记的算力规模", "请核对起止时间与数量并更正，或登记新增的算力规模",
        "More in use at once than is registered", "Correct the record or file more capacity",
    ),
    "over_hold": Told(
        "超过订单占用额度", "请联系企业与区数据局放开订单用量上限",
        "Beyond what the order's hold can carry", "Ask the enterprise and the bureau to lift it",
    ),
    "suspect_repeat": Told(
        "疑似重复，等待核实", "请向区数据局说明这些记录各自属实",
        "A suspected repeat", "Tell the bureau that each of them is genuine",
    ),
    "late_correction": Told(
        "更正已截止月份，等待区数据局两人办理", "无需重报；准许后在下一开放月份调整",
        "A correction of a shut month waits for two people of the bureau",
        "Nothing: agreed, it becomes an adjustment of the next open month",
    ),
    "under_review": Told(
        "区数据局正在核查，其间上报暂缓入账", "请按“区数据局请贵方说明”联系；核查结束后自动入账",
        "The bureau is looking into your reports", "Answer its questions; it counts after that",
    ),
    "open": Told(
        "没有结束时间", "作业结束后，请发送带结束时间的记录并在 corrects 填写本编号",
        "It has no end", "When the work has ended, send a record with an end that corrects it",
    ),
    "conflict": Told(
        "编号相同而内容不同", "已入账内容不变；要更正请用新编号并填写 corrects",
        "Same id, other content", "Nothing is overwritten; send a new id with corrects",
    ),
    "question": Told(
        "区数据局请贵方说明", "请按所附理由联系区数据局",
        "The bureau asks for an explanation", "Answer the bureau about what it says",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """One thing that waits.

    Args:
        reason: one of ``REASONS``.
        place: where the next page goes on.
        note: more to know, e.g. what the bureau asks; may be empty.
    """

    reason: str
    record_id: str
    order_no: str
    device_model: str
    month: str
    since: datetime
    batch_id: str
    place: str
    note: str = ""

    @property
    def told(self) -> Told:
        """Return the words for it."""
        return REASONS[self.reason]


def waiting_list(
    provider: Provider,
    *,
    reason: str = "",
    after: str = "",
    limit: int = 100,
    livemode: bool = True,
) -> tuple[list[Waiting], str]:
    """Return one page of what waits at a provider, and where the next one begins (empty: nowhere).

    Args:
        reason: only what waits for this.
        after: the place at which the page before ended.
    """
    kind, _, number = after.partition("-")
    found: list[Waiting] = []
    passed = not after
    for name, ask in _SOURCES.items():
        start = int(number) if name == kind else 0
        passed = passed or name == kind
        if passed and len(found) <= limit:
            found += ask(provider, reason, start, limit + 1 - len(found), livemode)
    page = found[:limit]
    return page, page[-1].place if len(found) > limit else ""


def _records(
    provider: Provider, reason: str, after: int, limit: int, livemode: bool
) -> list[Waiting]:
    """Return records that are held or open, the first part of each, in the order they came."""
    rows = UsageRecord.objects.filter(
        provider=provider, livemode=livemode, segment=0, state__in=["held", "open"], id__gt=after
    )
    if reason == "open":
        rows = rows.filter(state="open")
    elif reason:
        rows = rows.filter(state="held", hold_reason=reason)
    return [
        Waiting(
            reason=row.hold_reason or row.state,
            record_id=row.record_id,
            order_no=row.order.order_no if row.order else "",
            device_model=row.device_model,
            month=row.month,
            since=row.received_at,
            batch_id=str(row.batch_id),
            place=f"record-{row.pk}",
            note=row.corrects and f"更正 {row.corrects}",
        )
        for row in rows.select_related("order").order_by("id")[:limit]
    ]


def _conflicts(
    provider: Provider, reason: str, after: int, limit: int, livemode: bool
) -> list[Waiting]:
    """Return conflicts that nobody has closed, with the two digests."""
    if reason not in ("", "conflict"):
        return []
    rows = UsageConflict.objects.filter(
        provider=provider, livemode=livemode, resolved_at__isnull=True, id__gt=after
    )
    return [
        Waiting(
            reason="conflict",
            record_id=row.record_id,
            order_no=str(row.given.get("order_no", "")),
            device_model=str(row.given.get("device_model", "")),
            month=row.month,
            since=row.batch.received_at,
            batch_id=str(row.batch_id),
            place=f"conflict-{row.pk}",
            note=f"来件摘要 {row.given_text}",
        )
        for row in rows.select_related("batch").order_by("id")[:limit]
    ]


def _questions(
    provider: Provider, reason: str, after: int, limit: int, livemode: bool
) -> list[Waiting]:
    """Return what the bureau asked about and has not called genuine since."""
    if reason not in ("", "question") or not livemode:
        return []
    rows = Finding.objects.filter(provider=provider, id__gt=after)
    asked = rows.last_decided("ask") | rows.last_decided("hold")
    asked = asked.order_by("id").prefetch_related("decisions")[:limit]
    return [
        Waiting(
            reason="question",
            record_id=str(row.records[0]) if row.records else "",
            order_no="",
            device_model="",
            month=row.month,
            since=question.decided_at,
            batch_id="",
            place=f"question-{row.pk}",
            note=f"{row.get_kind_display()}（{row.subject}）：{question.reason}",
        )
        for row in asked
        for question in [max(row.decisions.all(), key=lambda each: each.pk)]
    ]


_Source = Callable[[Provider, str, int, int, bool], list[Waiting]]
_SOURCES: dict[str, _Source] = {
    "record": _records,
    "conflict": _conflicts,
    "question": _questions,
}
#: How a place at which a page ended is written.
PLACE = re.compile(rf"(?:{'|'.join(_SOURCES)})-[0-9]{{1,18}}")
