"""Questions that other rooms ask of the usage: what counts for a month, and what still waits.

Set-based SQL over the stored records; nothing is written here.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from django.db import connection

from ledger.periods import Month
from providers.calendar import gap_names, gap_word, waived
from providers.flags import suspect_batches
from providers.models import Provider


@dataclass(frozen=True)
class MonthlyUsage:
    """The use of one order at one rate version in one month, as it counts in a settlement month.

    ``usage_month`` is when it ran; it lies before the settlement month for late records and for
    corrections of months that were shut. ``taken_back`` of earlier months is already inside
    ``device_milli_seconds``, which is negative when more was taken back than came instead.

    Units: ``device_milli_seconds`` exact; ``gflops`` per whole device.
    """

    order_id: UUID
    order_no: str
    provider_id: UUID
    enterprise_id: UUID
    voucher_id: UUID | None
    model_id: UUID
    rate_id: UUID
    gflops: int
    price_id: UUID
    device_milli_seconds: int
    records: int
    first_at: datetime
    last_at: datetime
    usage_month: str
    taken_back: int


@dataclass(frozen=True)
class Blocker:
    """Something of a month that waits and therefore keeps it from being closed."""

    kind: str
    provider: Provider
    count: int
    text: str
    subject: str = ""


# Few among many: reversals of months that are shut, found by index before the sums are made.
_LATE = """
SELECT r.order_id, r.rate_id, r.month, -sum(r.device_milli_seconds)::bigint
  FROM providers_usagerecord r
  JOIN providers_usagerecord b
    ON b.provider_id = r.provider_id AND b.livemode AND b.month = r.month
   AND b.record_id = r.record_id AND b.segment = r.segment - 1000
 WHERE r.segment >= 1000 AND r.counted AND r.livemode AND r.settle_month = %(month)s
   AND b.settle_month < %(month)s
 GROUP BY 1, 2, 3
"""
# The sums first, over the records alone and by the fewest keys; whose they are and which model a
# rate is of is asked for the few rows that are left.
_MONTHLY = f"""
WITH late(order_id, rate_id, month, taken_back) AS MATERIALIZED ({_LATE}),
used AS MATERIALIZED (
    SELECT u.order_id, u.rate_id, u.month, max(u.gflops) AS gflops,
           sum(u.device_milli_seconds)::bigint AS device_milli_seconds,
           (count(*) - 2 * count(*) FILTER (WHERE u.segment >= 1000))::bigint AS records,
           min(u.started_at) AS first_at, max(u.ended_at) AS last_at
      FROM providers_usagerecord u
     WHERE u.counted AND u.livemode AND u.settle_month = %(month)s
       AND (%(provider)s::uuid IS NULL OR u.provider_id = %(provider)s::uuid)
       AND (%(orders)s::uuid[] IS NULL OR u.order_id = ANY (%(orders)s::uuid[]))
     GROUP BY 1, 2, 3
)
SELECT u.order_id, o.order_no, o.provider_id, o.enterprise_id, o.voucher_id, r.model_id, u.rate_id,
       u.gflops, o.price_id, u.device_milli_seconds, u.records, u.first_at, u.last_at, u.month,
       coalesce(l.taken_back, 0)
  FROM used u
  JOIN providers_order o ON o.id = u.order_id
  JOIN providers_acceleratorrate r ON r.id = u.rate_id
  LEFT JOIN late l ON l.order_id = u.order_id AND l.rate_id = u.rate_id AND l.month = u.month
 WHERE NOT %(with_voucher)s OR o.voucher_id IS NOT NULL
 ORDER BY o.provider_id, o.order_no, u.month, r.model_id, u.rate_id
"""  # noqa: S608 - put together from parts of its own


def monthly_usage(
    month: Month,
    provider: Provider | None = None,
    *,
    orders: Collection[UUID] | None = None,
    only_with_voucher: bool = False,
) -> list[MonthlyUsage]:
    """Return what counts for a settlement month, summed exactly, in a fixed order.

    The order in which batches came, and how they were cut, makes no difference to the answer.
    """
    facts = {
        "month": str(month),
        "provider": provider.pk if provider else None,
        "orders": None if orders is None else list(orders),
        "with_voucher": only_with_voucher,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MONTHLY, facts)
        return [MonthlyUsage(*line) for line in cursor.fetchall()]


def settlement_input(month: Month) -> bytes:
    """Return what the close of a month reads, as bytes that are the same for the same usage.

    One line of JSON for each order and rate version, in a fixed order, with sums alone: nothing
    in it says in which batch, row or order a record came. Its SHA-256 names a month's usage.

    Units: ``device_milli_seconds``, ``gflops``.
    """
    return b"".join(
        msgspec.json.encode(
            {
                "provider": str(each.provider_id),
                "order_no": each.order_no,
                "model": str(each.model_id),
                "rate": str(each.rate_id),
                "gflops": each.gflops,
                "device_milli_seconds": str(each.device_milli_seconds),
                "records": each.records,
                "first_at": each.first_at.astimezone(UTC).isoformat(),
                "last_at": each.last_at.astimezone(UTC).isoformat(),
            }
        )
        + b"\n"
        for each in monthly_usage(month)
    )


_WAITING = """
SELECT u.provider_id, u.state, u.hold_reason, count(*)
  FROM providers_usagerecord u
 WHERE u.livemode AND u.state IN ('held', 'open') AND u.month = %s
   AND (u.state = 'open' OR u.segment < 1000)
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3
"""
_CONFLICTS = """
SELECT provider_id, count(*)
  FROM providers_usageconflict
 WHERE livemode AND resolved_at IS NULL AND month = %s
 GROUP BY 1 ORDER BY 1
"""
_MOST_GAPS_SHOWN = 5
_WAITS_FOR = {
    "unknown_model": "型号未登记",
    "no_rate": "型号没有有效折算系数",
    "no_capacity": "未登记该型号的算力规模",
    "over_capacity": "超过登记的算力规模",
    "over_hold": "超过订单占用额度",
    "suspect_repeat": "疑似重复，待核实",
    "late_correction": "更正已截止月份，等待两人办理",
    "under_review": "正在核查，暂缓入账",
}


def blockers(month: Month, *, at: datetime | None = None) -> list[Blocker]:
    """Name everything of a month that waits: held, open, in conflict, suspect, missing.

    Args:
        at: the moment of looking, for days that are not over yet; without it all days are.
    """
    providers = {each.pk: each for each in Provider.objects.all()}
    found: list[Blocker] = []
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [str(month)])
        for provider_id, state, reason, count in cursor.fetchall():
            why = "缺少结束时间" if state == "open" else _WAITS_FOR.get(reason, reason)
            text = f"{providers[provider_id].name}：{count} 条记录{why}"
            found.append(Blocker(reason or state, providers[provider_id], count, text))
        cursor.execute(_CONFLICTS, [str(month)])
        for provider_id, count in cursor.fetchall():
            text = f"{providers[provider_id].name}：{count} 条记录编号相同而内容不同"
            found.append(Blocker("conflict", providers[provider_id], count, text))
    for provider_id, count in suspect_batches(month):
        text = f"{providers[provider_id].name}：{count} 个批次的密钥可能已泄露，须逐批核实"
        found.append(Blocker("compromised_key", providers[provider_id], count, text))
    return found + list(_gaps(month, at or month.end_at))


def _gaps(month: Month, at: datetime) -> Iterator[Blocker]:
    """Yield for each provider with orders in the month what is missing and not let stand."""
    having = Provider.objects.filter(
        orders__state__in=["accepted", "completed"],
        orders__starts_at__lt=month.end_at,
        orders__ends_at__gt=month.start_at,
    )
    for provider in having.distinct().order_by("uscc"):
        stand = waived(provider, month)
        names = [name for name in gap_names(provider, month, at=at) if name not in stand]
        names.sort(key=lambda name: not name.startswith("sequence"))  # few, and easily lost
        if names:
            shown = "、".join(gap_word(name) for name in names[:_MOST_GAPS_SHOWN])
            more = f" 等 {len(names)} 处" if len(names) > _MOST_GAPS_SHOWN else ""
            text = f"{provider.name}：上报缺口 {shown}{more}"
            yield Blocker("gap", provider, len(names), text, str(month))


_ORDER_USE = """
SELECT settle_month, gflops, sum(device_milli_seconds)::bigint,
       sum(CASE WHEN segment >= 1000 THEN -1 ELSE 1 END)::bigint
  FROM providers_usagerecord
 WHERE order_id = %s AND counted AND livemode
 GROUP BY 1, 2 ORDER BY 1, 2
"""


def order_use(order_id: UUID) -> Iterator[tuple[str, int, int, int]]:
    """Yield (settlement month, gflops, device_milli_seconds, records) of one order."""
    with connection.cursor() as cursor:
        cursor.execute(_ORDER_USE, [order_id])
        yield from cursor.fetchall()
