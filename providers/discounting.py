"""A provider takes something off the filed price of an order; what an order pays in a month.

Only really paid prices are supported: a discount and free credit come off before the public share
is taken (U16). A discount begins with a month that nobody settled yet, so no statement changes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import BASIS_POINTS, yuan_text
from ledger.identifiers import new_id
from ledger.periods import Month, month_of
from ledger.refusals import Refused
from providers.models import MeteringMonth, Order, OrderDiscount
from providers.pricing import PricingUnit, Tariff, Tier

MOST_CREDIT_FEN = 10**11
LONGEST_REASON = 200
OPEN_TO_DISCOUNTS = (Order.State.PLACED, Order.State.ACCEPTED)


@transaction.atomic
def grant_discount(
    order: Order,
    kind: str,
    value: int,
    *,
    from_month: Month,
    reason: str,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> OrderDiscount:
    """Take something off an order's price from a month on, as its provider.

    Args:
        kind: PERCENT, CONTRACT_PRICE or CREDIT.
        value: basis points, fen per unit of the price, or fen.
        from_month: first month of use concerned; it is not settled yet.
        reason: the contract clause or notice it follows from; the enterprise reads it.
        key: asking again with the same key gives the same discount.

    Writes: one row, one log entry.

    Raises:
        Refused: the order is over, the month is settled, out of range, or no lower price.
    """
    order = Order.objects.select_for_update(of=("self",)).select_related("price").get(pk=order.pk)
    if key and (known := OrderDiscount.objects.filter(pk=key).first()):
        if (known.order_id, known.kind, known.value) != (order.pk, kind, value):
            raise Refused("key_reused", "这次请求的编号已用于另一项优惠，请刷新页面后重试。")
        return known
    from_month = max(from_month, month_of(order.starts_at))
    reason = reason.strip()
    _check(order, from_month, reason)
    _check_value(order, kind, value)
    discount = OrderDiscount.objects.create(
        pk=key or new_id(),
        order=order,
        kind=kind,
        value=value,
        from_month=str(from_month),
        reason=reason,
        given_at=at,
        given_by_name=actor.name,
        given_by_person=actor.person,
    )
    audit.record(
        "order.discount",
        {
            "discount": str(discount.pk),
            "order": str(order.pk),
            "kind": kind,
            "value": str(value),
            "from_month": str(from_month),
        },
        actor=actor,
        at=at,
    )
    return discount


def _check(order: Order, from_month: Month, reason: str) -> None:
    """Refuse a discount of an order that is over or of a month that is settled, or without why."""
    if order.state not in OPEN_TO_DISCOUNTS:
        raise Refused("wrong_state", "订单已了结，不能再登记优惠。")
    if MeteringMonth.objects.filter(month__gte=str(from_month)).exists():
        raise Refused(
            "month_settled",
            f"{from_month.title}已经截止，优惠只能从尚未截止的月份开始。",
            field="from_month",
        )
    if not reason or len(reason) > LONGEST_REASON:
        raise Refused("reason_missing", "请写明优惠的依据（1 至 200 字）。", field="reason")


def _check_value(order: Order, kind: str, value: int) -> None:
    if kind == OrderDiscount.Kind.PERCENT:
        right, said = 0 < value <= BASIS_POINTS, "折扣应大于 0% 且不超过 100%。"
    elif kind == OrderDiscount.Kind.CONTRACT_PRICE:
        right = 0 < value < order.price.price_fen
        said = f"合同单价应大于 0 元且低于备案单价 {yuan_text(order.price.price_fen)} 元。"
    elif kind == OrderDiscount.Kind.CREDIT:
        right, said = 0 < value <= MOST_CREDIT_FEN, "赠送金额应大于 0 元且不超过 10 亿元。"
    else:
        right, said = False, "请选择优惠方式。"
    if not right:
        raise Refused("out_of_range", said, field="value")


def discounts_of(orders: Iterable[UUID]) -> dict[UUID, list[OrderDiscount]]:
    """Return the discounts of orders, the earliest first; one question for all."""
    found: dict[UUID, list[OrderDiscount]] = {}
    for each in OrderDiscount.objects.filter(order__in=list(orders)):
        found.setdefault(each.order_id, []).append(each)
    return found


def tariff_of(order: Order, usage_month: str, discounts: Sequence[OrderDiscount]) -> Tariff:
    """Return what an order pays for the use of a month.

    A contract price takes the place of the whole price list; a percentage comes off whichever
    price counts. Of each the newest that has begun is taken.
    """
    price = order.price
    begun = [each for each in discounts if each.from_month <= usage_month]
    newest = {each.kind: each.value for each in begun}
    tiers, filed = price.tariff_tiers(), None
    if fixed := newest.get(OrderDiscount.Kind.CONTRACT_PRICE):
        tiers, filed = (Tier(0, fixed),), price.price_fen
    return Tariff(
        unit=PricingUnit(price.pricing_unit),
        tiers=tiers,
        discount_bp=newest.get(OrderDiscount.Kind.PERCENT, 0),
        filed_price_fen=filed,
    )


def credit_of(discounts: Sequence[OrderDiscount], settle_month: str) -> int:
    """Return the free credit given up to a settlement month, used or not."""
    given = [
        each.value
        for each in discounts
        if each.kind == OrderDiscount.Kind.CREDIT and each.from_month <= settle_month
    ]
    return sum(given)
