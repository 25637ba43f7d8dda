"""Compute a month a second time, by the database alone, and hold the plan against it.

Written apart from ``rating`` and ``planning``: one SQL text goes from the records to every amount
of every order, reading prices, rates, rules and earlier charges by itself, in whole-number decimal
arithmetic of PostgreSQL, against whole numbers and fractions of Python. Whoever extends one of the
two extends the other by hand; where they differ, nothing is written.

Source: domain.md 2.10; reliability.md 1.1 (I5).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection

from billing.models import Statement, StatementLine
from billing.recounting import recount, special_orders
from ledger.amounts import yuan_text
from ledger.periods import Month
from ledger.refusals import Refused
from providers.models import Order, Provider

MOST_SHOWN = 5
ALL_BP = 10_000

# Half up, exactly: div() is an exact whole-number quotient, round() would round twice.
_PRICED = "div(2 * l.quantity * {price} + l.unit_size, 2 * l.unit_size)"

_AMOUNTS = f"""
WITH used AS MATERIALIZED (
    SELECT u.order_id, u.rate_id, u.month, %(month)s::text AS settle_month,
           sum(u.device_milli_seconds) AS dms
      FROM providers_usagerecord u
     WHERE u.counted AND u.livemode AND u.settle_month = %(month)s
       AND (%(provider)s::uuid IS NULL OR u.provider_id = %(provider)s::uuid)
     GROUP BY 1, 2, 3
), carried AS MATERIALIZED (
    SELECT u.order_id, u.rate_id, u.month, u.settle_month::text,
           sum(u.device_milli_seconds) AS dms
      FROM unnest(%(orders)s::uuid[], %(months)s::text[]) AS t(order_id, month)
      JOIN providers_usagerecord u ON u.order_id = t.order_id AND u.settle_month = t.month
     WHERE u.counted AND u.livemode
       AND (%(provider)s::uuid IS NULL OR u.provider_id = %(provider)s::uuid)
     GROUP BY 1, 2, 3, 4
), newest AS (
    SELECT DISTINCT ON (p.offering_id, p.pricing_unit) f.model_id, p.pricing_unit, p.price_fen
      FROM providers_offeringprice p
      JOIN providers_offering f ON f.id = p.offering_id AND f.state = 'published'
     WHERE p.valid_from <= %(at)s
     ORDER BY p.offering_id, p.pricing_unit, p.valid_from DESC, p.version DESC
), market AS (
    SELECT model_id, pricing_unit, count(*) AS prices,
           array_agg(price_fen ORDER BY price_fen) AS fen
      FROM newest GROUP BY 1, 2
), charged AS (
    SELECT s.order_id, l.rate_ref, l.usage_month, sum(l.device_milli_seconds) AS dms,
           sum(l.metered_fen) AS metered_fen, sum(l.public_fen) AS public_fen
      FROM billing_statementline l JOIN billing_statement s ON s.id = l.statement_id
     WHERE s.month < %(month)s
       AND s.order_id IN (SELECT order_id FROM used WHERE dms < 0
                          UNION SELECT order_id FROM carried WHERE dms < 0)
     GROUP BY 1, 2, 3
), line AS (
    SELECT u.order_id, u.dms, p.price_fen, c.dms AS charged_dms, c.metered_fen AS charged_metered,
           c.public_fen AS charged_public,
           abs(u.dms)::numeric
               * CASE p.pricing_unit WHEN 'CARD_HOUR' THEN 1 ELSE r.gflops END AS quantity,
           CASE p.pricing_unit WHEN 'CARD_HOUR' THEN 3600000 ELSE 3600000000000 END::numeric
               AS unit_size,
           CASE WHEN g.rules #>> '{{settlement,price_cap_rule}}' = 'MEDIAN_TIMES' AND m.prices >= 3
                THEN div((m.fen[(m.prices + 1) / 2] + m.fen[m.prices / 2 + 1])::numeric
                         * (g.rules #>> '{{settlement,price_cap_bp}}')::numeric + 10000, 20000)
           END AS cap_fen,
           CASE WHEN e.state = 'moved_out' AND e.standing_since IS NOT NULL
                 AND (SELECT (min(f.started_at) AT TIME ZONE 'Asia/Shanghai')::date
                        FROM providers_usagerecord f
                       WHERE f.counted AND f.livemode AND f.order_id = u.order_id
                         AND f.rate_id = u.rate_id AND f.month = u.month
                         AND f.settle_month = u.settle_month) >= e.standing_since
                THEN 0
                ELSE least((g.rules #>> '{{ratio,max_bp}}')::int,
                           (g.rules #>> '{{ratio,base_bp}}')::int
                           + CASE WHEN a.domestic THEN coalesce(
                                 (SELECT max((b ->> 'add_bp')::int)
                                    FROM jsonb_array_elements(g.rules #> '{{ratio,bonus}}') b
                                   WHERE b ->> 'code' = 'DOMESTIC'), 0) ELSE 0 END)
           END AS ratio_bp
      FROM (SELECT * FROM used WHERE order_id <> ALL (%(unstated)s::uuid[])
            UNION ALL SELECT * FROM carried) u
      JOIN providers_order o ON o.id = u.order_id
      JOIN vouchers_voucher v ON v.id = o.voucher_id
      JOIN vouchers_programme g ON g.id = v.programme_id
      JOIN vouchers_enterprise e ON e.id = o.enterprise_id
      JOIN providers_offeringprice p ON p.id = o.price_id
      JOIN providers_offering f ON f.id = p.offering_id
      JOIN providers_acceleratorrate r ON r.id = u.rate_id
      JOIN providers_acceleratormodel a ON a.id = r.model_id
      LEFT JOIN market m ON m.model_id = f.model_id AND m.pricing_unit = p.pricing_unit
      LEFT JOIN charged c ON u.dms < 0 AND c.order_id = u.order_id
                         AND c.rate_ref = u.rate_id::text AND c.usage_month = u.month
), priced AS (
    SELECT l.*, {_PRICED.format(price="l.price_fen")} AS gross,
           {_PRICED.format(price="least(l.price_fen, coalesce(l.cap_fen, l.price_fen))")} AS capped
      FROM line l
)
SELECT p.order_id, o.order_no, count(*), sum(p.dms)::bigint,
       sum(CASE WHEN p.dms < 0 THEN -p.gross ELSE p.gross END)::bigint,
       sum(CASE WHEN p.dms < 0
                THEN -least(div(2 * p.charged_metered * -p.dms + p.charged_dms, 2 * p.charged_dms),
                            p.gross)
                ELSE p.capped END)::bigint,
       sum(CASE WHEN p.dms < 0 THEN 0 ELSE p.capped * p.ratio_bp END)::bigint,
       sum(CASE WHEN p.dms < 0
                THEN -div(p.charged_public * -p.dms + p.charged_dms - 1, p.charged_dms)
                ELSE 0 END)::bigint,
       coalesce(max(h.left_fen), 0)
           + (SELECT coalesce(sum(x.left_fen), 0) FROM providers_orderpart y
                JOIN vouchers_hold x ON x.id = y.hold_id AND x.state = 'open'
               WHERE y.order_id = p.order_id)::bigint,
       max(p.cap_fen)::bigint
  FROM priced p
  JOIN providers_order o ON o.id = p.order_id
  LEFT JOIN vouchers_hold h ON h.id = o.hold_id
 GROUP BY 1, 2 ORDER BY 2
"""  # noqa: S608 - put together from parts of its own


@dataclass(frozen=True)
class Amounts:
    """What the database finds for one order.

    ``weighted_bp`` is the capped amount of each line times its ratio, added up; ``back_fen`` what
    corrections give back of earlier shares, not above zero; ``held_fen`` what its hold still holds.

    Units: fen; device-milli-seconds; fen times basis points.
    """

    order_id: UUID
    order_no: str
    lines: int
    device_milli_seconds: int
    gross_fen: int
    metered_fen: int
    weighted_bp: int
    back_fen: int
    held_fen: int | None
    cap_fen: int | None


@dataclass(frozen=True)
class Recheck:
    """How a second computation ended.

    Units: ``difference_fen`` is the sum of all differences of gross and public amounts.
    """

    lines: int
    statements: int
    difference_fen: int


Drafted = Sequence[tuple[Statement, Sequence[StatementLine]]]


def amounts(
    month: Month,
    taken_up: Iterable[tuple[UUID, str]],
    unstated: Iterable[UUID],
    *,
    at: datetime,
    provider: Provider | None = None,
) -> list[Amounts]:
    """Return what every order of a settlement month comes to, by order number.

    Args:
        taken_up: (order, earlier month) whose adjustments are settled along.
        unstated: orders whose adjustments go over to a later month; they are left out.
        at: prices filed by then make the market.
    """
    along = list(taken_up)
    facts = {
        "month": str(month),
        "provider": provider.pk if provider else None,
        "at": at,
        "unstated": list(unstated),
        "orders": [order for order, _ in along],
        "months": [earlier for _, earlier in along],
    }
    with connection.cursor() as cursor:
        cursor.execute(_AMOUNTS, facts)
        found = [Amounts(*row) for row in cursor.fetchall()]
    special = special_orders(each.order_id for each in found)
    return [
        _recounted(each, special[each.order_id], month, along) if each.order_id in special else each
        for each in found
    ]


def _recounted(
    amounts: Amounts, order: Order, month: Month, along: Sequence[tuple[UUID, str]]
) -> Amounts:
    """Return the amounts of an order with terms that the text above does not know."""
    earlier = [text for order_id, text in along if order_id == order.pk]
    counted = recount(order, str(month), earlier, amounts.cap_fen)
    return replace(amounts, **vars(counted))


def recheck(month: Month, drafts: Drafted, unstated: Iterable[UUID], *, at: datetime) -> Recheck:
    """Hold every statement of a plan against the database's own computation.

    Raises:
        Refused: they differ, with the first orders and amounts that do.
    """
    taken_up = [(each.order_id, earlier) for each, _ in drafts for earlier in each.also_settles]
    found = {each.order_id: each for each in amounts(month, taken_up, unstated, at=at)}
    faults: list[str] = []
    difference = 0
    for statement, lines in drafts:
        theirs = found.pop(statement.order_id, None)
        if theirs is None:
            difference += abs(statement.gross_fen)
            faults.append(f"{statement.statement_no} 重算没有这笔订单")
            continue
        difference += abs(statement.gross_fen - theirs.gross_fen)
        faults += [f"{theirs.order_no} {each}" for each in _faults(statement, lines, theirs)]
    difference += sum(abs(each.gross_fen) for each in found.values())
    faults += [f"{each.order_no} 计价没有这笔订单" for each in found.values()]
    if faults:
        shown = "；".join(faults[:MOST_SHOWN])
        more = f" 等 {len(faults)} 处" if len(faults) > MOST_SHOWN else ""
        raise Refused(
            "recomputed_differently",
            f"独立重算与计价结果不一致：{shown}{more}。"
            "没有写入任何内容，请联系平台管理员核对计价规则后重试。",
            details={"faults": str(len(faults)), "difference_fen": str(difference)},
        )
    return Recheck(sum(len(lines) for _, lines in drafts), len(drafts), difference)


def _faults(statement: Statement, lines: Sequence[StatementLine], theirs: Amounts) -> list[str]:
    """Return in words where a statement and the second computation part."""
    used = [each for each in lines if each.device_milli_seconds >= 0]
    back = sum(each.public_fen for each in lines if each.device_milli_seconds < 0)
    weighted = sum(each.metered_fen * each.ratio_bp for each in used)
    pairs = (
        ("行数", len(lines), theirs.lines),
        ("设备毫秒", statement.device_milli_seconds, theirs.device_milli_seconds),
        ("服务总价", statement.gross_fen, theirs.gross_fen),
        ("限价后金额", sum(each.metered_fen for each in lines), theirs.metered_fen),
        ("限价后金额×比例", weighted, theirs.weighted_bp),
        ("冲减以前月份券抵扣", back, theirs.back_fen),
    )
    faults = [
        f"{name} 计价 {_shown(name, ours)}、重算 {_shown(name, other)}"
        for name, ours, other in pairs
        if ours != other
    ]
    granted = statement.public_fen - back
    most = theirs.weighted_bp // ALL_BP
    if granted > most:
        faults.append(f"券抵扣 {yuan_text(granted)} 元，按比例最多 {yuan_text(most)} 元")
    if granted > (theirs.held_fen or 0):
        faults.append(f"券抵扣 {yuan_text(granted)} 元，超过订单占用")
    return faults


def _shown(name: str, value: int) -> str:
    return f"{yuan_text(value)} 元" if name in ("服务总价", "限价后金额") else f"{value}"
