"""What the pages of this room show, computed once for all doors: plain values, no markup."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest

from ledger.amounts import pflops_hours, yuan_text
from ledger.periods import SHANGHAI, Month, day_of
from providers.models import (
    AcceleratorRate,
    BatchRow,
    Offering,
    OfferingPrice,
    Order,
    OrderDiscount,
    Provider,
    StateRow,
    UsageBatch,
    UsageRecord,
)
from providers.tallies import order_use

PER_PAGE = 25
STRIP_DAYS = 30
KEY_WARNING = timedelta(days=30)
BATCH_COLOURS = {"accepted": "green", "partial": "yellow", "rejected": "red", "processing": "blue"}
OUTCOMES = (
    ("accepted", "已入账"),
    ("duplicate", "重复"),
    ("conflict", "冲突"),
    ("rejected", "被拒"),
    ("held", "待定"),
    ("open", "未结束"),
    ("zero", "零用量"),
)
SOURCES = {"api": "接口", "console": "网页", "file": "文件"}


@dataclass(frozen=True)
class Day:
    """One cell of the strip: what a provider reported for a day."""

    day: date
    word: str
    colour: str
    records: int


def page_of(request: HttpRequest, rows: Any, size: int = PER_PAGE) -> Page[Any]:
    """Return the page of a list that the address asks for."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def strip(provider: Provider, at: datetime) -> list[Day]:
    """Return the last thirty days: reported, declared as zero, or missing."""
    today = day_of(at)
    first = today - timedelta(days=STRIP_DAYS - 1)
    since = datetime.combine(first, datetime.min.time(), SHANGHAI)
    counted = (
        provider.usage.filter(livemode=True, segment=0, started_at__gte=since)
        .annotate(on=TruncDate("started_at", tzinfo=SHANGHAI))
        .values("on")
        .annotate(count=Count("id"), waiting=Count("id", filter=Q(state__in=["held", "open"])))
    )
    found = {row["on"]: (row["count"], row["waiting"]) for row in counted}
    zero = set(
        provider.zero_declarations.filter(livemode=True, day__gte=first).values_list(
            "day", flat=True
        )
    )
    days = []
    for number in range(STRIP_DAYS):
        day = first + timedelta(days=number)
        count, waiting = found.get(day, (0, 0))
        if waiting:
            days.append(Day(day, "有待定", "yellow", count))
        elif count:
            days.append(Day(day, "已上报", "green", count))
        elif day in zero:
            days.append(Day(day, "零申报", "grey", 0))
        else:
            days.append(Day(day, "今天" if day == today else "缺报", "plain", 0))
    return days


def overview(provider: Provider, at: datetime) -> dict[str, Any]:
    """Return what a provider should see first: this month's use, what waits, what expires."""
    month = Month(day_of(at).year, day_of(at).month)
    sums = (
        provider.usage.filter(livemode=True, counted=True, settle_month=str(month))
        .values("gflops")
        .annotate(total=Sum("device_milli_seconds"))
    )
    used = sum(row["total"] * row["gflops"] for row in sums)
    records = provider.usage.filter(
        livemode=True, segment=0, state="accepted", settle_month=str(month)
    ).count()
    return {
        "figures": [
            {"label": f"{month.title}已入账", "value": f"{records:,}", "unit": "条"},
            {
                "label": f"{month.title}用量",
                "value": f"{pflops_hours(used):,.4f}",
                "unit": "PFLOPS·时",
                "hint": "FP16 稠密",
            },
            {"label": "服务中订单", "value": provider.orders.running().count(), "unit": "个"},
        ],
        "todo": list(_todo(provider, at)),
        "strip": strip(provider, at),
        "keys": provider.keys.exclude(state="revoked").exists(),
        "batches": list(provider.batches.newest_first()[:5]),
    }


def _todo(provider: Provider, at: datetime) -> Iterator[dict[str, str]]:
    """Yield what waits for the provider, with the page where it is done."""
    orders = provider.orders.waiting().count()
    if orders:
        yield {"text": f"{orders} 个订单待接单", "url": "console_orders", "query": ""}
    waiting = provider.usage.filter(livemode=True, segment=0, state__in=["held", "open"])
    for state, word, query in (("held", "待定", ""), ("open", "未结束", "?reason=open")):
        count = waiting.filter(state=state).count()
        if count:
            yield {"text": f"{count} 条记录{word}", "url": "console_waiting", "query": query}
    questions = provider.findings.last_decided("ask").count()
    if questions:
        text = f"区数据局有 {questions} 项请贵方说明"
        yield {"text": text, "url": "console_waiting", "query": "?reason=question"}
    conflicts = provider.conflicts.unresolved().count()
    if conflicts:
        text = f"{conflicts} 条记录编号冲突，等待处理"
        yield {"text": text, "url": "console_batches", "query": "?outcome=conflict"}
    expiring = provider.keys.filter(state="active", valid_until__lt=at + KEY_WARNING).count()
    if expiring:
        yield {"text": f"{expiring} 把密钥将在 30 天内到期", "url": "console_keys", "query": ""}


def batch_rows(batch: UsageBatch) -> list[dict[str, Any]]:
    """Return the facts of a batch as key and value."""
    rows = [
        ("批次号", str(batch.pk)),
        ("结果", batch.get_status_display()),
        ("来源", SOURCES.get(batch.source, batch.source)),
        ("上报人", batch.sent_by_name),
        ("模式", "正式" if batch.livemode else "测试（不计入）"),
        ("出错时", batch.get_on_error_display()),
        ("接收时间", _moment(batch.received_at)),
        ("文件 SHA-256", batch.body_sha256),
        ("用量（卡毫秒）", f"{batch.device_milli_seconds:,}"),
        ("用量（PFLOPS·时）", f"{batch.pflops_hours:,.6f}"),
        ("按备案单价试算（元）", yuan_text(int((batch.rated or {}).get("gross_fen", 0)))),
        ("签名", "RFC 9421，已保存为证据" if batch.signature else "网页登录上传"),
    ]
    return [{"key": key, "value": value} for key, value in rows]


def counts_of(batch: UsageBatch) -> list[dict[str, Any]]:
    """Return the outcomes of a batch with their counts, in the order people read them."""
    return [
        {"code": code, "word": word, "count": batch.counts[code]}
        for code, word in OUTCOMES
        if batch.counts[code]
    ]


def result_lines(batch: UsageBatch, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of a batch in words: the outcome, what a held one waits for, its own page."""
    words = dict(OUTCOMES) | dict(UsageRecord.State.choices)
    why = dict(UsageRecord.HoldReason.choices)
    numbers = [row["row"] for row in rows]
    stored = dict(
        UsageRecord.objects.filter(batch=batch, segment=0, row_no__in=numbers).values_list(
            "row_no", "pk"
        )
    )
    left = dict(
        BatchRow.objects.filter(batch=batch, row_no__in=numbers).values_list("row_no", "pk")
    )
    outside = set(BatchRow.Outcome.values)
    return [
        dict(
            row,
            word=words[row["status"]],
            why=why.get(row.get("hold_reason", ""), ""),
            pk=None if row["status"] in outside else stored.get(row["row"]),
            left_pk=left.get(row["row"]) if row["status"] in outside else None,
        )
        for row in rows
    ]


def order_rows(order: Order) -> list[dict[str, Any]]:
    """Return the facts of an order as key and value."""
    rows = [
        ("订单号", order.order_no),
        ("企业", order.enterprise.name),
        ("服务商", order.provider.name),
        ("服务项目", f"{order.offering.title}（{order.offering.model.name}）"),
        ("备案单价", price_text(order.price)),
        ("数量", f"{order.device_count} 张，每张计划 {order.planned_hours:,} 小时"),
        ("服务期", period_text(order)),
        ("预计费用", f"{yuan_text(order.estimated_gross_fen)} 元"),
        *_voucher_rows(order),
        ("占用券额", f"{yuan_text(order.held_fen)} 元"),
        ("下单时间", _moment(order.placed_at)),
    ]
    rows[5:5] = [("供方优惠", text) for text in discount_texts(order)]
    return [{"key": key, "value": value} for key, value in rows]


def _voucher_rows(order: Order) -> list[tuple[str, str]]:
    """Return the vouchers of an order; where there are several, what each holds and has left."""
    if order.voucher is None:
        return [("算力券", "不用券（全部自付）")]
    parts = list(order.parts.select_related("voucher", "hold"))
    if not parts:
        return [("算力券", order.voucher.voucher_no)]
    shares = [(order.voucher, order.hold), *((each.voucher, each.hold) for each in parts)]
    return [
        (
            f"算力券（第 {ordinal} 张）",
            f"{voucher.voucher_no}：占用 {yuan_text(hold.amount_fen)} 元，"
            f"尚余 {yuan_text(hold.left_fen)} 元",
        )
        for ordinal, (voucher, hold) in enumerate(shares, start=1)
        if hold is not None
    ]


def period_text(order: Order) -> str:
    """Return the service period as first and last day."""
    last = day_of(order.ends_at - timedelta(seconds=1))
    return f"{day_of(order.starts_at)} 至 {last}"


def price_text(price: Any) -> str:
    """Return a filed price as people say it, with the number format its unit is counted in."""
    unit = unit_text(price)
    said = f"{yuan_text(price.price_fen)} 元／{unit}（第 {price.version} 版）"
    steps = [
        f"每月超过 {each['from_units']:,} {unit}的部分 {yuan_text(each['price_fen'])} 元"
        for each in price.tiers
    ]
    return "；".join([said, *steps])


def unit_text(price: Any) -> str:
    """Return the unit of a price; a PFLOPS-hour names the format in which it is counted."""
    unit: str = price.get_pricing_unit_display()
    by_card = price.pricing_unit == OfferingPrice.PricingUnit.CARD_HOUR
    return unit if by_card else f"{unit}（FP16 稠密）"


def discount_texts(order: Order) -> list[str]:
    """Return what the provider takes off the price of an order, each as one sentence."""
    return [
        f"{each.get_kind_display()}：{discount_text(each, order.price)}，自"
        f"{Month.parse(each.from_month).title}起。依据：{each.reason}"
        for each in order.discounts.all()
    ]


def discount_text(discount: OrderDiscount, price: Any) -> str:
    """Return a discount in words."""
    if discount.kind == OrderDiscount.Kind.PERCENT:
        whole, rest = divmod(discount.value, 100)
        return f"按单价减 {whole}.{rest:02d}%"
    if discount.kind == OrderDiscount.Kind.CONTRACT_PRICE:
        return f"{yuan_text(discount.value)} 元／{unit_text(price)}"
    return f"{yuan_text(discount.value)} 元"


def use_rows(order: Order) -> list[dict[str, Any]]:
    """Return what was used of an order, by settlement month."""
    return [
        {
            "month": month,
            "records": records,
            "card_hours": _card_hours(use),
            "pflops_hours": pflops_hours(use * gflops),
        }
        for month, gflops, use, records in order_use(order.pk)
    ]


def _card_hours(use: int) -> str:
    """Return device_milli_seconds as card-hours with two decimals, rounded down."""
    hundredths = use * 100 // 3_600_000
    return f"{hundredths // 100:,}.{hundredths % 100:02d}"


def history(subject: Any) -> list[dict[str, Any]]:
    """Return the moves of a thing for the timeline, oldest first."""
    return [
        {"title": row.event_label, "by": row.actor_name, "at": row.at, "text": row.reason}
        for row in StateRow.objects.of(subject)
    ]


def _moment(moment: datetime) -> str:
    local = moment.astimezone(SHANGHAI)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M:%S}"


def open_offerings() -> QuerySet[Offering]:
    """Return what an enterprise may order now."""
    return Offering.objects.open_to_order()


def offerings_with_price(at: datetime) -> list[dict[str, Any]]:
    """Return offerings with the price in force and the rate of the model."""
    rates = {
        rate.model_id: rate.gflops
        for rate in AcceleratorRate.objects.in_force(at).filter(number_format="FP16_DENSE")
    }
    return [
        {
            "offering": each,
            "price": price,
            "price_text": price_text(price),
            "gflops": rates.get(each.model_id),
        }
        for each in open_offerings()
        if (price := each.price_at(at)) is not None
    ]
