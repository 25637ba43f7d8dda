"""The whole story of one record: as sent, judged, computed, priced, held, corrected, settled.

Plain values for pages; every figure is an integer until the last step, and each step is written
out, so that anybody can do the sum again on paper.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse

from ledger import audit
from ledger.amounts import divide_half_up, pflops_hours_text, yuan_text
from ledger.periods import SHANGHAI
from providers.bodies import body_path
from providers.measures import (
    DEVICE_MILLI_SECONDS_PER_CARD_HOUR,
    GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR,
)
from providers.models import (
    BatchRow,
    Capacity,
    DeskRequest,
    MeteringMonth,
    OfferingPrice,
    StateRow,
    UsageBatch,
    UsageConflict,
    UsageRecord,
)
from providers.raw_rows import raw_row
from providers.receipts import REVERSALS_FROM, faults_of
from providers.records import FIELDS

MOST_CORRECTIONS = 50
MOST_ATTEMPTS = 50
_PLACES = {name: place for place, name in enumerate(FIELDS)}
SOURCES = {"api": "接口", "console": "网页", "file": "文件"}
#: What every outcome means and what there is to do, in one sentence.
MEANINGS = {
    "accepted": "计入结算，无需处理。",
    "held": "内容有效，正在等待；等到之后自动入账，不必重传。",
    "open": "没有结束时间，暂不计算；结束后请上报一条更正它的记录。",
    "zero": "张数或时长为零，用量为零，已留存。",
    "superseded": "已被后来的记录更正；原来的用量已冲销，这一条保留备查。",
    "duplicate": "与已收到的完全相同，没有重复计算，无需处理。",
    "conflict": "编号相同而内容不同：原来的不变，这一份没有入账。",
    "rejected": "有错误，没有入账；改正后重新上报。",
}


@dataclass(frozen=True)
class Step:
    """One thing that happened to a record, and where to read more."""

    at: datetime | None
    title: str
    text: str = ""
    by: str = ""
    url: str = ""
    link: str = ""


def story_of(first: UsageRecord) -> dict[str, Any]:
    """Return the whole story of a stored record; ``first`` is its segment 0."""
    parts = _parts_of(first)
    whole = [each for each in parts if each.segment < REVERSALS_FROM]
    chain = correction_chain(first)
    return {
        "record": first,
        "batch": first.batch,
        "meaning": MEANINGS.get(first.state, ""),
        "parts": parts,
        "rows": _stored_rows(whole),
        "raw": _raw_of(first.batch, first.row_no),
        "sums": list(sums_of(whole)),
        "rate": first.rate,
        "price": first.order.price if first.order else None,
        "chain": chain if len(chain) > 1 else [],
        "corrected_by": next((each for each in chain if each.corrects == first.record_id), None),
        "attempts": attempts_of(first.batch, first.record_id),
        "steps": list(_steps(first, parts, chain)),
        "evidence": evidence_of(first.batch),
        "months": sorted({each.settle_month for each in parts if each.counted}),
    }


def story_of_left_out(row: BatchRow) -> dict[str, Any]:
    """Return the story of a row that was not stored: duplicate, conflict or rejected, and why."""
    batch = row.batch
    stored = UsageRecord.objects.filter(
        provider_id=batch.provider_id, livemode=batch.livemode, record_id=row.record_id, segment=0
    ).first()
    conflict = UsageConflict.objects.filter(batch=batch, row_no=row.row_no).first()
    raw = _raw_of(batch, row.row_no)
    return {
        "row": row,
        "batch": batch,
        "meaning": MEANINGS[row.outcome],
        "given": [
            {"key": name, "value": row.given[name]}
            for name in sorted(row.given, key=lambda each: (_PLACES.get(each, len(FIELDS)), each))
        ],
        "raw": raw,
        "faults": faults_of(row),
        "stored": stored if row.record_id else None,
        "conflict": conflict,
        "differences": _differences(row, stored) if row.outcome == "conflict" and stored else [],
        "attempts": attempts_of(batch, row.record_id, but=row.pk),
        "evidence": evidence_of(batch),
    }


def _parts_of(first: UsageRecord) -> list[UsageRecord]:
    found = UsageRecord.objects.filter(
        provider_id=first.provider_id, livemode=first.livemode, record_id=first.record_id
    )
    return list(found.select_related("order__price", "model", "rate", "batch").order_by("segment"))


def _raw_of(batch: UsageBatch, row_no: int) -> str:
    """Return the row as sent, if the body is still kept."""
    return raw_row(body_path(batch.body_sha256), batch.content_type, batch.content_encoding, row_no)


def evidence_of(batch: UsageBatch) -> dict[str, Any]:
    """Return what proves a batch: signature, key, digest, place in the public log."""
    index = audit.entry_index(batch.log_entry_id) if batch.log_entry_id else None
    return {
        "index": index,
        "entry": batch.log_entry_id,
        "key": batch.key,
        "signature": batch.signature,
        "signature_input": batch.signature_input,
        "kept": body_path(batch.body_sha256).is_file(),
    }


def sums_of(parts: list[UsageRecord]) -> Iterator[dict[str, Any]]:
    """Yield how each part's figure came about, line by line in exact integers."""
    for part in parts:
        told: dict[str, Any] = {"month": part.month, "settle_month": part.settle_month}
        if part.ended_at is None:
            yield told | {"lines": ["没有结束时间，暂不计算。"]}
            continue
        weight = part.device_count * part.share_milli
        use = part.device_milli_seconds
        seconds = use // weight if weight else 0
        lines = [
            f"{part.device_count:,} 张 × {part.share_milli:,} 千分份额 × {seconds:,} 整秒"
            f" = {use:,} 卡毫秒"
        ]
        if part.gflops and part.rate:
            product = use * part.gflops
            lines.append(
                f"{use:,} × {part.gflops:,} GFLOPS（系数第 {part.rate.version} 版）= {product:,}"
            )
            lines.append(
                f"{product:,} ÷ {GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR:,}"
                f" = {pflops_hours_text(product)} PFLOPS·时（六位小数，四舍六入五成双）"
            )
        else:
            lines.append("还没有折算系数，不能折算，也不会猜。")
        lines += _money(part)
        yield told | {"lines": lines}


def _money(part: UsageRecord) -> Iterator[str]:
    """Yield the sum that gives the price; the statement rounds once over the whole month."""
    if part.order is None or not part.gflops:
        return
    price = part.order.price
    use = part.device_milli_seconds
    if price.pricing_unit == OfferingPrice.PricingUnit.CARD_HOUR:
        product, unit = use * price.price_fen, DEVICE_MILLI_SECONDS_PER_CARD_HOUR
        factors = f"{use:,} × {price.price_fen:,} 分"
    else:
        product, unit = use * part.gflops * price.price_fen, GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR
        factors = f"{use:,} × {part.gflops:,} × {price.price_fen:,} 分"
    fen = divide_half_up(product, unit)
    yield (
        f"{factors} ÷ {unit:,} = {fen:,} 分 = {yuan_text(fen)} 元（备案单价第 {price.version} 版）"
    )


def _stored_rows(parts: list[UsageRecord]) -> list[dict[str, Any]]:
    first, last = parts[0], parts[-1]
    rows: list[tuple[str, Any]] = [
        ("订单", first.order.order_no if first.order else "测试订单"),
        ("上报型号", first.device_model),
        ("登记型号", first.model.name if first.model else "未登记"),
        ("数量", f"{first.device_count:,} 张"),
        ("份额", f"{first.share_milli} / 1000"),
        ("开始", moment_text(first.started_at)),
        ("结束", moment_text(last.ended_at) if last.ended_at else "未结束"),
        ("口径", first.basis),
        ("作业状态", first.job_state or "—"),
        ("作业", first.job_ref or "—"),
        ("利用率（%）", _exact(first.utilisation_pct)),
        ("电量（kWh）", _exact(first.energy_kwh)),
        ("自报卡秒（只核对）", _exact(first.declared_device_seconds)),
        ("更正对象", first.corrects or "—"),
        ("更正原因", first.reason or "—"),
        ("内容摘要（SHA-256）", bytes(first.content_digest).hex()),
    ]
    return [{"key": key, "value": value} for key, value in rows]


def _exact(value: Any) -> str:
    """Return a decimal without its trailing zeros, or a dash."""
    return "—" if value is None else f"{value.normalize():f}"


def correction_chain(record: UsageRecord) -> list[UsageRecord]:
    """Return every version of a record from the first to the last, itself among them."""
    own = UsageRecord.objects.filter(
        provider_id=record.provider_id, livemode=record.livemode, segment=0
    ).select_related("batch")
    chain = [record]
    while chain[0].corrects and len(chain) < MOST_CORRECTIONS:
        earlier = own.filter(record_id=chain[0].corrects).first()
        if earlier is None or earlier in chain:
            break
        chain.insert(0, earlier)
    while chain[-1].state == "superseded" and len(chain) < MOST_CORRECTIONS:
        later = own.filter(corrects=chain[-1].record_id).first()
        if later is None or later in chain:
            break
        chain.append(later)
    return chain


def attempts_of(batch: UsageBatch, record_id: str, *, but: int = 0) -> list[BatchRow]:
    """Return when else the same record id came and was left out."""
    if not record_id:
        return []
    rows = BatchRow.objects.filter(
        batch__provider_id=batch.provider_id, batch__livemode=batch.livemode, record_id=record_id
    ).exclude(pk=but)
    return list(rows.select_related("batch").order_by("id")[:MOST_ATTEMPTS])


def _differences(row: BatchRow, stored: UsageRecord) -> list[dict[str, str]]:
    """Return the fields in which a conflicting row differs from what counts."""
    last = UsageRecord.objects.filter(
        provider_id=stored.provider_id, livemode=stored.livemode, record_id=stored.record_id,
        segment__lt=REVERSALS_FROM,
    ).order_by("segment").last()  # fmt: skip
    ours = {
        "order_no": stored.order.order_no if stored.order else "TEST-OK",
        "device_model": stored.device_model,
        "device_count": str(stored.device_count),
        "share_milli": str(stored.share_milli),
        "started_at": stored.started_at,
        "ended_at": last.ended_at if last else None,
        "basis": stored.basis,
        "job_state": stored.job_state,
        "job_ref": stored.job_ref,
    }
    lines = []
    for name, value in ours.items():
        theirs = row.given.get(name, "")
        if isinstance(value, datetime):
            same, shown = _same_moment(theirs, value), value.astimezone(SHANGHAI).isoformat()
        else:
            shown = str(value or "")
            same = theirs in (shown, "")
        if not same:
            lines.append({"field": name, "stored": shown or "—", "given": theirs or "—"})
    return lines


def _same_moment(text: str, moment: datetime) -> bool:
    try:
        return datetime.fromisoformat(text) == moment
    except (TypeError, ValueError):
        return False


def _steps(
    first: UsageRecord, parts: list[UsageRecord], chain: list[UsageRecord]
) -> Iterator[Step]:
    """Yield what happened, oldest first."""
    batch = first.batch
    how = SOURCES.get(batch.source, batch.source)
    yield Step(
        batch.received_at,
        "收到",
        f"{how}上报，批次第 {first.row_no:,} 行"
        + ("，签名（RFC 9421）核验通过" if batch.signature else ""),
        batch.sent_by_name,
        reverse("console_batch", args=[batch.pk]),
        "批次与回执",
    )
    yield Step(batch.finished_at or batch.received_at, "判定", _judged(first))
    yield from _released(first)
    yield from _decided(first)
    if first.corrects:
        earlier = next((each for each in chain if each.record_id == first.corrects), None)
        yield Step(
            batch.finished_at or batch.received_at,
            "更正",
            f"更正 {first.corrects}：{first.reason}",
            url=reverse("console_record", args=[earlier.pk]) if earlier else "",
            link="被更正的记录",
        )
    later = next((each for each in chain if each.corrects == first.record_id), None)
    if later is not None:
        yield Step(
            later.received_at,
            "被更正",
            f"由 {later.record_id} 更正：{later.reason}",
            later.batch.sent_by_name,
            reverse("console_record", args=[later.pk]),
            "更正它的记录",
        )
    for part in parts:
        if part.segment >= REVERSALS_FROM:
            yield Step(
                part.received_at,
                "冲销",
                f"{part.month} 的用量 {part.device_milli_seconds:,} 卡毫秒，"
                f"计入 {part.settle_month} 结算",
            )
    yield from _months(parts)


def _judged(first: UsageRecord) -> str:
    if first.state == UsageRecord.State.HELD:
        return f"待定：{first.get_hold_reason_display()}。{MEANINGS['held']}"
    if first.state in (UsageRecord.State.OPEN, UsageRecord.State.ZERO):
        return f"{first.get_state_display()}：{MEANINGS[first.state]}"
    late = first.settle_month != first.month
    return f"有效{f'，迟报，计入 {first.settle_month} 结算' if late else ''}"


def _released(first: UsageRecord) -> Iterator[Step]:
    """Yield the release of a record that was held when it came, as far as the books tell it.

    What it waited for came later than the record itself: its rate, or the first capacity of its
    model. A record of a batch without held rows never waited.
    """
    if not first.counted or first.rate is None or not first.batch.held:
        return
    rate = _approved_at(first.rate)
    if rate is not None and rate > first.received_at:
        text = f"收到时型号没有有效的折算系数，待定；第 {first.rate.version} 版系数批准后自动入账"
        yield Step(rate, "放行", f"{text}，没有重传")
        return
    approvals = [
        at
        for each in Capacity.objects.filter(
            provider_id=first.provider_id, model_id=first.model_id, state="approved"
        )
        if (at := _approved_at(each)) is not None
    ]
    if approvals and min(approvals) > first.received_at:
        yield Step(
            min(approvals),
            "放行",
            "收到时没有已确认的算力规模，待定；规模确认后自动入账，没有重传",
        )


def _decided(first: UsageRecord) -> Iterator[Step]:
    """Yield what the bureau was asked about a record and what became of it."""
    for asked in DeskRequest.objects.filter(
        provider_id=first.provider_id, subject=first.record_id
    ).order_by("proposed_at"):
        yield Step(asked.proposed_at, "主管部门办理", f"提出{asked.get_kind_display()}")
        if asked.decided_at:
            yield Step(asked.decided_at, "主管部门办结", asked.get_state_display())


def _approved_at(filing: Any) -> datetime | None:
    """Return when a rate or a capacity was approved."""
    approved = StateRow.objects.of(filing).filter(to_state="approved").last()
    return approved.at if approved else None


def _months(parts: list[UsageRecord]) -> Iterator[Step]:
    """Yield when the intake of each settlement month ended."""
    months = sorted({each.settle_month for each in parts if each.counted})
    shut = {each.month: each for each in MeteringMonth.objects.filter(Q(month__in=months))}
    for month in months:
        if month in shut:
            yield Step(shut[month].closed_at, "截止", f"{month} 的收数截止，用量进入对账单")
        else:
            yield Step(None, "待结算", f"计入 {month} 结算，该月尚未截止")


def moment_text(moment: datetime) -> str:
    """Return an instant to the second in Shanghai, with the fraction if it has one."""
    local = moment.astimezone(SHANGHAI)
    fraction = f".{local:%f}".rstrip("0") if local.microsecond else ""
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M:%S}{fraction}"
