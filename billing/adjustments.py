"""What a statement takes back of earlier months, and what cannot be set off yet.

A correction of a settled month counts in a later one. Its line is charged with the price, the
rate, the cap and the share of the statement that it corrects: what was taken is given back in
proportion; a line given back whole gives back exactly what it took. Nothing is written here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, Sum

from billing.models import MonthClose, Statement, StatementLine
from billing.rating import PricingUnit, Term, gross_fen
from ledger.amounts import divide_half_up, yuan_text
from ledger.periods import Month
from providers.metering import MonthlyUsage, monthly_usage
from providers.models import OfferingPrice, Order

ADJUSTMENT = "adjustment"


@dataclass(frozen=True)
class TakenBack:
    """A quantity that is taken back and its amounts, at one price.

    Units: device-milli-seconds above zero; fen, none above zero; ``ratio_bp`` and
    ``cap_price_fen`` of the lines it corrects.
    """

    device_milli_seconds: int
    records: int
    price_fen: int
    filed_price_fen: int | None
    tier: int
    discount_bp: int
    gross_fen: int
    credit_fen: int
    metered_fen: int
    public_fen: int
    ratio_bp: int
    cap_price_fen: int | None


@dataclass(frozen=True)
class Charged:
    """What stands charged at one price for an order, rate and month of use, over all statements.

    Units: device-milli-seconds, fen; the highest ratio in basis points and price cap in fen.
    """

    tier: int
    price_fen: int
    discount_bp: int
    filed_price_fen: int | None
    quantity: int
    metered_fen: int
    public_fen: int
    credit_fen: int
    ratio_bp: int
    cap_price_fen: int | None


#: By order, rate and month of use; the highest tier first.
Standing = dict[tuple[UUID, str, str], list[Charged]]


def standing_charges(usages: Iterable[MonthlyUsage]) -> Standing:
    """Return what stands charged where something is taken back; one question for a whole month."""
    orders = {each.order_id for each in usages if each.device_milli_seconds < 0}
    found: Standing = {}
    if not orders:
        return found
    rows = (
        StatementLine.objects.filter(statement__order__in=orders)
        .values_list(
            "statement__order_id", "rate_ref", "usage_month",
            "tier", "price_fen", "discount_bp", "filed_price_fen",
        )
        .annotate(
            Sum("device_milli_seconds"),
            Sum("metered_fen"),
            Sum("public_fen"),
            Sum("credit_fen"),
            Max("ratio_bp"),
            Max("cap_price_fen"),
        )
        .order_by("-tier", "-price_fen", "discount_bp")
    )  # fmt: skip
    for order, rate, month, *sums in rows:
        found.setdefault((order, rate, month), []).append(Charged(*sums))
    return found


def price_back(
    usage: MonthlyUsage, price: OfferingPrice, standing: Standing
) -> list[TakenBack] | None:
    """Price use that is taken back by what earlier statements charge for it.

    With a price list by quantity the highest tier is given back first, as if the use had never
    been: the tiers below it stay full.

    Args:
        price: of the order.
        standing: what is charged so far.

    Returns:
        None when less stands charged than is to be taken back, e.g. after an upheld objection.
    """
    left = -usage.device_milli_seconds
    stands = standing.get((usage.order_id, str(usage.rate_id), usage.usage_month), [])
    if left > sum(each.quantity for each in stands):
        return None
    backs: list[TakenBack] = []
    for each in stands:
        quantity = min(left, each.quantity)
        if quantity > 0:
            records = usage.records if not backs else 0
            backs.append(_give_back(each, quantity, records, usage, price))
            left -= quantity
    return backs


def _give_back(
    stands: Charged, quantity: int, records: int, usage: MonthlyUsage, price: OfferingPrice
) -> TakenBack:
    """Return the amounts of a quantity taken off one standing charge, in proportion."""
    priced = gross_fen(
        quantity,
        gflops=usage.gflops,
        price_fen=stands.price_fen,
        unit=PricingUnit(price.pricing_unit),
        discount_bp=stands.discount_bp,
    )
    credit = min(stands.credit_fen * quantity // stands.quantity, priced)
    gross = priced - credit
    # Cut upwards: the public purse gets the odd fen back, as it never paid it.
    public = -(-stands.public_fen * quantity // stands.quantity)
    metered = divide_half_up(stands.metered_fen * quantity, stands.quantity)
    return TakenBack(
        device_milli_seconds=quantity,
        records=records,
        price_fen=stands.price_fen,
        filed_price_fen=stands.filed_price_fen,
        tier=stands.tier,
        discount_bp=stands.discount_bp,
        gross_fen=-gross,
        credit_fen=-credit,
        metered_fen=-min(metered, gross),
        public_fen=-public,
        ratio_bp=stands.ratio_bp,
        cap_price_fen=stands.cap_price_fen,
    )


def terms_of(granted_fen: int, lines: Iterable[TakenBack]) -> list[Term]:
    """Return the steps from the month's own share to what the statement says, if any differ."""
    back = [each.public_fen for each in lines]
    if not back:
        return []
    return [
        Term(
            "taken_back",
            "冲减以前月份券抵扣",
            yuan_text(sum(back)),
            f"更正已截止月份的用量 {len(back)} 行，按原对账单的单价、系数与比例冲减",
        ),
        Term(
            "net",
            "本期净抵扣",
            yuan_text(granted_fen + sum(back)),
            f"{yuan_text(granted_fen)} {yuan_text(sum(back))}",
        ),
    ]


def carried_months(month: Month) -> dict[UUID, list[Month]]:
    """Return for each order the earlier months whose adjustments no statement has taken up."""
    taking = Statement.objects.exclude(also_settles=[]).exclude(month=str(month))
    taken = {
        (order_id, text)
        for order_id, months in taking.values_list("order_id", "also_settles")
        for text in months
    }
    found: dict[UUID, list[Month]] = {}
    for close in MonthClose.objects.settled_before(month):
        for order_id in unstated_orders(close):
            if (order_id, close.month) not in taken:
                found.setdefault(order_id, []).append(close.period)
    return found


def unstated_orders(close: MonthClose) -> list[UUID]:
    """Return the orders whose adjustments were more than a month could set off."""
    return [UUID(each["order"]) for each in close.carried if each["kind"] == ADJUSTMENT]


def carried_item(order: Order, gross_fen: int, public_fen: int) -> dict[str, object]:
    """Return how a month lists an adjustment that goes over to the next."""
    text = (
        f"订单 {order.order_no}：更正以前月份后应冲减费用 {yuan_text(-gross_fen)} 元"
        f"（券抵扣 {yuan_text(-public_fen)} 元），超过本月费用，转入下期抵扣"
    )
    return {
        "kind": ADJUSTMENT,
        "provider": order.provider.name,
        "provider_id": str(order.provider_id),
        "count": 1,
        "text": text,
        "order": str(order.pk),
    }


def earlier_usage(carried: Mapping[UUID, Sequence[Month]]) -> dict[UUID, list[MonthlyUsage]]:
    """Return what was carried over, by order and in the order of its months.

    One question for each month that anything comes from.
    """
    wanted: dict[Month, list[UUID]] = {}
    for order_id, months in carried.items():
        for month in months:
            wanted.setdefault(month, []).append(order_id)
    found: dict[UUID, list[MonthlyUsage]] = {}
    for month in sorted(wanted, key=str):
        for each in monthly_usage(month, orders=wanted[month]):
            found.setdefault(each.order_id, []).append(each)
    return found


def tied_work(usages: Iterable[MonthlyUsage]) -> int:
    """Return the computing that a month itself metered: what it takes back lies in earlier ones.

    Units: GFLOPS-seconds, rounded down.
    """
    product = sum((u.device_milli_seconds + u.taken_back) * u.gflops for u in usages)
    return product // 1000
