"""What the provider's console shows of uploads, records and files: plain values, no markup."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from ledger import work
from ledger.amounts import divide_half_up
from ledger.periods import SHANGHAI, Month, day_of, month_of
from providers.calendar import Day
from providers.measures import (
    DEVICE_MILLI_SECONDS_PER_CARD_HOUR,
    GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR,
)
from providers.models import (
    BatchRow,
    OfferingPrice,
    Order,
    Provider,
    ProviderKey,
    UsageBatch,
    UsageRecord,
)
from providers.pages import KEY_WARNING, PER_PAGE
from providers.tallies import order_use

ONE_DAY = timedelta(days=1)
#: The fields of a record as the upload page explains them: name, required, meaning, example.
RECORD_FIELDS = (
    ("record_id", True, "贵方自己的编号，永久唯一", "job-20261003-0001"),
    ("order_no", True, "订单号（测试密钥用 TEST-OK）", "PTDD-2026-000001"),
    ("device_model", True, "登记型号或别名；未登记的先待定，不会猜", "nvidia-a100"),
    ("device_count", True, "分配的张数，整数", "8"),
    ("started_at", True, "开始，RFC 3339，必须带时区", "2026-10-03T00:00:00+08:00"),
    ("ended_at", False, "结束（不含）；没有结束就不写", "2026-10-03T01:00:00+08:00"),
    ("share_milli", False, "一张卡的千分之几，默认 1000", "500"),
    ("basis", False, "口径：allocated（默认）、reserved、utilised", "allocated"),
    ("job_state", False, "completed、failed、cancelled、running、unknown", "completed"),
    ("job_ref", False, "不透明的作业编号，不写人名、作业名、路径", "a81f3c"),
    ("utilisation_pct", False, "利用率 0 至 100，十进制文本，只作佐证", "71.5"),
    ("energy_kwh", False, "电量，十进制文本，只作佐证", "12.5"),
    ("device_seconds", False, "贵方自算的卡秒，只核对，不计费", "28800"),
    ("corrects", False, "更正哪一条记录", "job-20261003-0000"),
    ("reason", False, "更正原因；有 corrects 时必填", "张数写错"),
)


def progress_of(batch: UsageBatch) -> dict[str, Any] | None:
    """Return how far the judging of a large batch is; None when it is done."""
    if batch.status != UsageBatch.Status.PROCESSING:
        return None
    task = work.find("metering.batch", str(batch.pk))
    told = {"done": 0, "total": 0, "message": "等待开始", "error": ""}
    if task is not None:
        told |= {"done": task.done, "total": task.total, "message": task.message or "等待开始"}
        told["error"] = task.error if task.state in ("failed", "dead") else ""
    return told


def find_batches(provider: Provider, asked: dict[str, Any]) -> QuerySet[UsageBatch]:
    """Return the batches of a provider that fit a search, the newest first."""
    found = provider.batches.newest_first().select_related("key")
    if asked.get("status"):
        found = found.filter(status=asked["status"])
    if asked.get("outcome"):
        found = found.filter(**{f"{asked['outcome']}__gt": 0})
    if asked.get("key"):
        found = found.filter(key__key_id=asked["key"])
    if asked.get("mode"):
        found = found.filter(livemode=asked["mode"] == "live")
    if asked.get("day"):
        found = found.filter(received_at__gte=_starts(asked["day"]),
                             received_at__lt=_starts(asked["day"]) + ONE_DAY)  # fmt: skip
    if asked.get("digest"):
        found = found.filter(body_sha256__startswith=asked["digest"].lower())
    return found


def find_records(provider: Provider, asked: dict[str, Any]) -> QuerySet[Any]:
    """Return the records of a provider that fit a search, the newest first.

    Asked for duplicates, conflicts or rejected rows, the rows that were left out come instead.
    """
    if asked.get("state") in BatchRow.Outcome.values:
        return _find_left_out(provider, asked)
    found = UsageRecord.objects.filter(provider=provider, livemode=True, segment=0)
    if asked.get("record_id"):
        found = found.filter(record_id__startswith=asked["record_id"])
    if asked.get("order_no"):
        found = found.filter(order__order_no=asked["order_no"])
    if asked.get("device_model"):
        wanted = asked["device_model"]
        found = found.filter(Q(device_model__iexact=wanted) | Q(model__key__iexact=wanted))
    if asked.get("state"):
        found = found.filter(state=asked["state"])
    if asked.get("reason"):
        found = found.filter(hold_reason=asked["reason"])
    if asked.get("day"):
        starts = _starts(asked["day"])
        found = found.filter(started_at__gte=starts, started_at__lt=starts + ONE_DAY)
    return found.select_related("order", "model").order_by("-id")


def _find_left_out(provider: Provider, asked: dict[str, Any]) -> QuerySet[BatchRow]:
    """Return the rows that were not stored and fit a search, the newest first."""
    found = BatchRow.objects.filter(
        batch__provider=provider, batch__livemode=True, outcome=asked["state"]
    )
    if asked.get("record_id"):
        found = found.filter(record_id__startswith=asked["record_id"])
    for name in ("order_no", "device_model"):
        if asked.get(name):
            found = found.filter(**{f"given__{name}": asked[name]})
    if asked.get("reason"):
        found = found.filter(faults__contains=[{"code": asked["reason"]}])
    if asked.get("day"):
        found = found.filter(given__started_at__startswith=asked["day"].isoformat())
    return found.select_related("batch").order_by("-id")


def left_out_with(provider: Provider, record_id: str) -> list[BatchRow]:
    """Return the latest rows of one record id that were not stored."""
    if not record_id:
        return []
    rows = BatchRow.objects.filter(
        batch__provider=provider, batch__livemode=True, record_id=record_id
    )
    return list(rows.select_related("batch").order_by("-id")[:PER_PAGE])


def left_out_row(provider: Provider, pk: int) -> BatchRow | None:
    """Return one row of a provider's own that was not stored."""
    return (
        BatchRow.objects.filter(pk=pk, batch__provider=provider)
        .select_related("batch__key")
        .first()
    )


def _starts(day: date) -> datetime:
    """Return the first instant of a Shanghai day."""
    return datetime.combine(day, datetime.min.time(), SHANGHAI).astimezone(UTC)


def template_csv(provider: Provider, at: datetime) -> str:
    """Return a table to fill in: every column, and two lines under an order of the provider."""
    order = provider.orders.running().order_by("-placed_at").first()
    order_no = order.order_no if order else "PTDD-2026-000001"
    model = order.offering.model.key if order else "nvidia-a100"
    day = day_of(at) - ONE_DAY
    names = [name for name, _, _, _ in RECORD_FIELDS]
    lines = [",".join(names)]
    for number, hour in (("0001", "08"), ("0002", "10")):
        given = {
            "record_id": f"job-{day:%Y%m%d}-{number}",
            "order_no": order_no,
            "device_model": model,
            "device_count": "8",
            "started_at": f"{day}T{hour}:00:00+08:00",
            "ended_at": f"{day}T{int(hour) + 1:02d}:00:00+08:00",
        }
        lines.append(",".join(given.get(name, "") for name in names))
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def order_preview(provider: Provider, batch: UsageBatch) -> list[dict[str, Any]]:
    """Return what a batch adds to each order, and what its hold still bears afterwards.

    Units: fen; ``left_fen`` is None for an order without a voucher.
    """
    lines = {each["order_no"]: each for each in (batch.rated or {}).get("orders", [])}
    found = []
    for order in provider.orders.filter(order_no__in=lines).select_related("price", "voucher"):
        gross = int(lines[order.order_no]["gross_fen"])
        limit = order.gross_limit_fen
        spent = sum(gross_of(order, use, gflops) for _, gflops, use, _ in order_use(order.pk))
        left = None if limit is None else limit - spent - gross
        found.append({"order": order, "gross_fen": gross, "limit_fen": limit, "left_fen": left})
    return sorted(found, key=lambda each: str(each["order"].order_no))


def gross_of(order: Order, use: int, gflops: int) -> int:
    """Return what some use of an order costs at its filed price, half a fen rounded up."""
    if order.price.pricing_unit == OfferingPrice.PricingUnit.CARD_HOUR:
        return divide_half_up(use * order.price.price_fen, DEVICE_MILLI_SECONDS_PER_CARD_HOUR)
    product = use * gflops * order.price.price_fen
    return divide_half_up(product, GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR)


#: Colour of each state of a day; the word stands beside it always.
_DAY_COLOURS = {
    "reported": "green",
    "zero_declared": "grey",
    "missing": "red",
    "manifest_differs": "yellow",
}
WEEKDAYS = ("一", "二", "三", "四", "五", "六", "日")


def calendar_page(days: list[Day], month: Month, at: datetime) -> dict[str, Any]:
    """Return a month as weeks of seven cells, how many days of each state, and its neighbours."""
    today = day_of(at)
    cells: list[dict[str, Any] | None] = [None] * days[0].day.weekday()
    cells += [
        {
            "day": each,
            "colour": _DAY_COLOURS.get(each.state, "plain"),
            "today": each.day == today,
            "may_declare": each.state == "missing"
            or (each.state == "no_order" and each.day <= today),
        }
        for each in days
    ]
    cells += [None] * (-len(cells) % len(WEEKDAYS))
    weeks = [cells[first : first + len(WEEKDAYS)] for first in range(0, len(cells), len(WEEKDAYS))]
    counts: dict[str, int] = {}
    for each in days:
        counts[each.word] = counts.get(each.word, 0) + 1
    newest = Month(today.year, today.month)
    before = month_of(datetime.combine(month.first_day - ONE_DAY, datetime.min.time(), SHANGHAI))
    return {
        "month": month,
        "weeks": weeks,
        "weekdays": WEEKDAYS,
        "counts": counts,
        "open_gaps": sum(1 for each in days if each.is_gap),
        "before": str(before),
        "after": str(month.next()) if str(month) < str(newest) else "",
    }


_LIVE_STEPS = ("登记公钥", "证明持有私钥", "数据局另一人确认", "使用中", "到期或吊销")
_TEST_STEPS = ("生成", "使用中", "到期或吊销")


def key_life(key: ProviderKey, at: datetime) -> dict[str, Any]:
    """Return where a key stands in its life, what to do next, and whether it soon ends."""
    live = key.livemode
    steps = _LIVE_STEPS if live else _TEST_STEPS
    ended = key.state == ProviderKey.State.REVOKED or at >= key.valid_until
    if ended:
        current, following = len(steps), "不能再用。生成新的密钥即可。"
    elif key.state == ProviderKey.State.ACTIVE:
        current, following = len(steps) - 1, "可以使用。"
    elif key.possession_proved_at:
        current, following = 3, "等待区数据局由另一人确认，您不必再做什么。"
    else:
        current, following = 2, "用私钥对挑战值签名，粘贴结果，证明私钥在贵方手里。"
    days = (key.valid_until - at).days
    warning = ""
    if not ended and key.valid_until - at <= KEY_WARNING:
        warning = f"还有 {days} 天到期。请现在生成新的密钥，两把可同时有效，换好再吊销旧的。"
    used = key.batches.aggregate(last=Max("received_at"), count=Count("id"))
    return {
        "steps": steps,
        "current": current,
        "next": following,
        "warning": warning,
        "expired": key.state != ProviderKey.State.REVOKED and at >= key.valid_until,
        "last_used": used["last"],
        "batches": used["count"],
    }
