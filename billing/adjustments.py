"""What a statement takes back of earlier months, and what cannot be set off yet.

A correction of a settled month counts in a later one. Its line is charged with the price, the
rate, the cap and the share of the statement that it corrects: what was taken is given back in
proportion; a line given back whole gives back exactly what it took. Nothing is written here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, Sum

from billing.models import MonthClose, Statement, StatementLine
from billing.rating import PricingUnit, Term, gross_fen
from ledger.amounts import divide_half_up, yuan_text
from ledger.periods import Month
from providers.metering import MonthlyUsage, monthly_usage
from providers.models import Order

ADJUSTMENT = "adjustment"


@dataclass(frozen=True)
class TakenBack:
    """Amounts of a line that takes back.

    Units: fen, none above zero; ``ratio_bp`` and ``cap_price_fen`` of the line it corrects.
    """

    gross_fen: int
    metered_fen: int
    public_fen: int
    ratio_bp: int
    cap_price_fen: int | None


def price_back(usage: MonthlyUsage, order: Order) -> TakenBack | None:
    """Price use that is taken back by what earlier statements charge for it.

    Returns:
        None when less stands charged than is to be taken back, e.g. after an upheld objection.
    """
    back = -usage.device_milli_seconds
    charged = StatementLine.objects.filter(
        statement__order=order, rate_ref=str(usage.rate_id), usage_month=usage.usage_month
    )
    stands = charged.aggregate(
        quantity=Sum("device_milli_seconds", default=0),
        metered=Sum("metered_fen", default=0),
        public=Sum("public_fen", default=0),
        ratio=Max("ratio_bp", default=0),
        cap=Max("cap_price_fen"),
    )
    quantity = stands["quantity"]
    if back > quantity:
        return None
    gross = gross_fen(
        back,
        gflops=usage.gflops,
        price_fen=order.price.price_fen,
        unit=PricingUnit(order.price.pricing_unit),
    )
    # Cut upwards: the public purse gets the odd fen back, as it never paid it.
    public = -(-stands["public"] * back // quantity)
    metered = divide_half_up(stands["metered"] * back, quantity)
    return TakenBack(
        gross_fen=-gross,
        metered_fen=-min(metered, gross),
        public_fen=-public,
        ratio_bp=stands["ratio"],
        cap_price_fen=stands["cap"],
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
    found: dict[UUID, list[Month]] = {}
    for close in MonthClose.objects.settled_before(month):
        for order_id in unstated_orders(close):
            taken = Statement.objects.filter(
                order_id=order_id, also_settles__contains=[close.month]
            )
            if not taken.exclude(month=str(month)).exists():
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


def order_usage(order: Order, month: Month) -> list[MonthlyUsage]:
    """Return what counts for one order in one settlement month."""
    return [each for each in monthly_usage(month, order.provider) if each.order_id == order.pk]


def tied_work(usages: Iterable[MonthlyUsage]) -> int:
    """Return the computing that a month itself metered: what it takes back lies in earlier ones.

    Units: GFLOPS-seconds, rounded down.
    """
    product = sum((u.device_milli_seconds + u.taken_back) * u.gflops for u in usages)
    return product // 1000
