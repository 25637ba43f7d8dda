"""Questions that other rooms ask of the usage: what counts for a month, and what still waits.

Set-based SQL over the stored records; nothing is written here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from django.db import connection

from ledger.periods import Month
from providers.models import Provider


@dataclass(frozen=True)
class MonthlyUsage:
    """The use of one order at one rate version in one settlement month.

    Units: ``device_milli_seconds`` exact; ``gflops`` per whole device. ``device_milli_seconds``
    may be negative when a correction of a closed month outweighs the month's own use.
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


@dataclass(frozen=True)
class Blocker:
    """Something of a month that waits and therefore keeps it from being closed."""

    kind: str
    provider: Provider
    count: int
    text: str


_MONTHLY = """
SELECT u.order_id, o.order_no, u.provider_id, o.enterprise_id, o.voucher_id, u.model_id, u.rate_id,
       u.gflops, o.price_id,
       sum(u.device_milli_seconds)::bigint,
       sum(CASE WHEN u.segment >= 1000 THEN -1 ELSE 1 END)::bigint,
       min(u.started_at), max(u.ended_at)
  FROM providers_usagerecord u
  JOIN providers_order o ON o.id = u.order_id
 WHERE u.counted AND u.livemode AND u.settle_month = %s
   AND (%s::uuid IS NULL OR u.provider_id = %s::uuid)
   AND (NOT %s OR o.voucher_id IS NOT NULL)
 GROUP BY u.order_id, o.order_no, u.provider_id, o.enterprise_id, o.voucher_id, u.model_id,
          u.rate_id, u.gflops, o.price_id
 ORDER BY u.provider_id, o.order_no, u.model_id, u.rate_id
"""


def monthly_usage(
    month: Month, provider: Provider | None = None, *, only_with_voucher: bool = False
) -> list[MonthlyUsage]:
    """Return what counts for a settlement month, summed exactly, in a fixed order.

    The order in which batches came, and how they were cut, makes no difference to the answer.
    """
    provider_id = provider.pk if provider else None
    with connection.cursor() as cursor:
        cursor.execute(_MONTHLY, [str(month), provider_id, provider_id, only_with_voucher])
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
_WAITS_FOR = {
    "unknown_model": "型号未登记",
    "no_rate": "型号没有有效折算系数",
    "no_capacity": "未登记该型号的算力规模",
    "over_capacity": "超过登记的算力规模",
    "over_hold": "超过订单占用额度",
    "suspect_repeat": "疑似重复，待核实",
}


def blockers(month: Month) -> list[Blocker]:
    """Name everything of a month that waits for somebody: held, open, in conflict."""
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
    return found


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
