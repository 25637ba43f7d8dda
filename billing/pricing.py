"""Price the use of an order: its price list, what the provider takes off, what is payable.

One quantity of use becomes one line for each tier it reaches and for each reason why a part of it
is not payable. What the plan of a month looks up for that is read in sets.

Units: fen; milli-seconds of one device.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from django.db.models import F, Sum

from billing.adjustments import TakenBack
from billing.filed import Filed
from billing.models import StatementLine
from billing.payable import Outcome, PayablePart, payable_parts
from billing.rating import PricingUnit, ShareLine, gross_fen
from ledger.amounts import divide_half_up
from ledger.periods import Month, day_of
from providers.discounting import credit_of, discounts_of, tariff_of
from providers.metering import MonthlyUsage
from providers.models import (
    AcceleratorModel,
    AcceleratorRate,
    OfferingPrice,
    Order,
    OrderDiscount,
)
from providers.outcomes import Outcomes, outcomes_of
from providers.pricing import Tariff, base_quantity, slices
from vouchers.facts import founded_on
from vouchers.granting import held_bonuses
from vouchers.rulebook import Edition

FEWEST_PRICES_FOR_MEDIAN = 3


@dataclass(frozen=True)
class PricedLine:
    """One quantity of one model at one rate and one price.

    ``gross_fen`` is what is really asked: the discount and ``credit_fen`` are off. A line with an
    ``unpaid_reason`` is the enterprise's own.
    """

    usage: MonthlyUsage
    model: AcceleratorModel
    rate: AcceleratorRate
    price: OfferingPrice
    price_fen: int
    cap_price_fen: int | None
    gross_fen: int
    metered_fen: int
    filed_price_fen: int | None = None
    tier: int = 0
    discount_bp: int = 0
    credit_fen: int = 0
    unpaid_reason: str = ""
    bonus_codes: frozenset[str] = field(default_factory=frozenset)
    ratio_bp: int = 0
    public_fen: int = 0

    def as_share_line(self) -> ShareLine:
        """Return the line as the share formula sees it."""
        return ShareLine(
            list_fen=self.gross_fen, metered_fen=self.metered_fen, bonus_codes=self.bonus_codes
        )


@dataclass(frozen=True)
class PriceTerms:
    """What a plan knows of its orders' prices beside the filed ones.

    ``charged`` is the quantity that earlier statements count for an order and month of use, as
    ``base_quantity``; ``credit_used`` the free credit they took; ``founded`` by application.
    """

    settle_month: str
    discounts: Mapping[UUID, list[OrderDiscount]]
    credit_used: Mapping[UUID, int]
    charged: Mapping[tuple[UUID, str], int]
    outcomes: Outcomes
    founded: Mapping[UUID, date | None]


def read_terms(
    month: Month, orders: Collection[Order], editions: Mapping[UUID, Edition]
) -> PriceTerms:
    """Read what a plan needs; only orders with such terms are asked about."""
    discounts = discounts_of(each.pk for each in orders)
    graduated = {each.pk: each for each in orders if each.price.tiers}
    given = [pk for pk, found in discounts.items() if credit_of(found, str(month))]
    with_voucher = [(each, each.voucher) for each in orders if each.voucher is not None]
    choosy = [
        order.pk
        for order, voucher in with_voucher
        if not editions[voucher.programme_id].settlement.payable.everything
    ]
    young = {
        voucher.application_id: voucher.application
        for _, voucher in with_voucher
        if any(b.ground == "YOUNG" for b in editions[voucher.programme_id].ratio.bonuses)
    }
    return PriceTerms(
        settle_month=str(month),
        discounts=discounts,
        credit_used=_credit_used(month, given),
        charged=_charged(month, graduated),
        outcomes=outcomes_of(choosy, str(month)),
        founded={
            pk: founded_on(each, each.submitted_at) if each.submitted_at else None
            for pk, each in young.items()
        },
    )


def _credit_used(month: Month, orders: Collection[UUID]) -> dict[UUID, int]:
    if not orders:
        return {}
    lines = StatementLine.objects.filter(statement__order__in=orders)
    rows = lines.exclude(statement__month=str(month)).values_list("statement__order_id")
    return dict(rows.annotate(Sum("credit_fen")).order_by())


def _charged(month: Month, orders: Mapping[UUID, Order]) -> dict[tuple[UUID, str], int]:
    if not orders:
        return {}
    rows = (
        StatementLine.objects.filter(statement__order__in=list(orders))
        .exclude(statement__month=str(month))
        .values_list("statement__order_id", "usage_month")
        .annotate(
            cards=Sum("device_milli_seconds"),
            work=Sum(F("device_milli_seconds") * F("gflops")),
        )
        .order_by()
    )
    return {
        (order, usage_month): (
            cards if orders[order].price.pricing_unit == PricingUnit.CARD_HOUR else work
        )
        for order, usage_month, cards, work in rows
    }


def price_cap_fen(edition: Edition, market: Sequence[int]) -> int | None:
    """Return the highest price the programme supports for this kind of service, if it says one.

    The median of the filed prices in force for the same model and unit, times the edition's
    factor; with fewer than three prices there is no market to take a median of.

    Args:
        market: those prices in fen, the lowest first.
    """
    if edition.settlement.price_cap_rule != "MEDIAN_TIMES":
        return None
    if len(market) < FEWEST_PRICES_FOR_MEDIAN:
        return None
    middle, odd = divmod(len(market), 2)
    twice_median = 2 * market[middle] if odd else market[middle - 1] + market[middle]
    return divide_half_up(twice_median * edition.settlement.price_cap_bp, 2 * 10_000)


def price_order(
    order: Order,
    usages: Sequence[MonthlyUsage],
    edition: Edition,
    filed: Filed,
    terms: PriceTerms,
) -> list[PricedLine]:
    """Price what an order used, at its own price and at the programme's cap if lower.

    Tiers count the whole use of a month, what earlier statements charge for it included; free
    credit is used up line by line.
    """
    discounts = terms.discounts.get(order.pk, [])
    credit = credit_of(discounts, terms.settle_month) - terms.credit_used.get(order.pk, 0)
    counted: dict[str, int] = defaultdict(int)
    lines: list[PricedLine] = []
    cap = price_cap_fen(edition, filed.market(order.price))
    for usage in usages:
        tariff = tariff_of(order, usage.usage_month, discounts)
        codes = _bonus_codes(order, edition, filed.models[usage.model_id], terms)
        month = usage.usage_month
        records = usage.records  # they stand on the first line of their quantity
        for part in _parts(usage, edition, terms):
            before = terms.charged.get((order.pk, month), 0) + counted[month]
            counted[month] += base_quantity(part.device_milli_seconds, usage.gflops, tariff.unit)
            for line in _priced(order, usage, part, before, tariff, cap=cap, filed=filed):
                taken = min(credit, line.gross_fen)
                credit -= taken
                net = line.gross_fen - taken
                lines.append(
                    replace(
                        line,
                        usage=replace(line.usage, records=records),
                        credit_fen=taken,
                        gross_fen=net,
                        metered_fen=min(net, line.metered_fen),
                        bonus_codes=codes,
                    )
                )
                records = 0
    return lines


def _parts(usage: MonthlyUsage, edition: Edition, terms: PriceTerms) -> list[PayablePart]:
    """Return what is payable of a quantity and what is not."""
    found = terms.outcomes.get((usage.order_id, usage.rate_id, usage.usage_month), [])
    outcomes = [Outcome(*each) for each in found]
    return payable_parts(usage.device_milli_seconds, outcomes, edition.settlement.payable)


def _priced(
    order: Order,
    usage: MonthlyUsage,
    part: PayablePart,
    before: int,
    tariff: Tariff,
    *,
    cap: int | None,
    filed: Filed,
) -> list[PricedLine]:
    """Return one part of a quantity as lines, one for each tier; credit is not off yet."""
    lines = []
    for piece in slices(tariff, part.device_milli_seconds, gflops=usage.gflops, before=before):
        quantity = piece.device_milli_seconds
        gross = gross_fen(
            quantity,
            gflops=usage.gflops,
            price_fen=piece.price_fen,
            unit=tariff.unit,
            discount_bp=tariff.discount_bp,
        )
        capped = gross
        if cap is not None:
            capped = gross_fen(quantity, gflops=usage.gflops, price_fen=cap, unit=tariff.unit)
        lines.append(
            PricedLine(
                usage=replace(usage, device_milli_seconds=quantity),
                model=filed.models[usage.model_id],
                rate=filed.rates[usage.rate_id],
                price=order.price,
                price_fen=piece.price_fen,
                cap_price_fen=cap,
                gross_fen=gross,
                metered_fen=min(gross, capped),
                filed_price_fen=tariff.filed_price_fen,
                tier=piece.tier,
                discount_bp=tariff.discount_bp,
                unpaid_reason=part.reason,
            )
        )
    return lines


def _bonus_codes(
    order: Order, edition: Edition, model: AcceleratorModel, terms: PriceTerms
) -> frozenset[str]:
    """Return the bonuses a line deserves: by its model, and by what the applicant was then."""
    assert order.voucher is not None
    applied_at = order.voucher.application.submitted_at
    return held_bonuses(
        edition.ratio,
        domestic=model.domestic,
        founded_on=terms.founded.get(order.voucher.application_id),
        applied_on=day_of(applied_at) if applied_at else None,
    )


def back_line(usage: MonthlyUsage, back: TakenBack, order: Order, filed: Filed) -> PricedLine:
    """Return a line that takes back, with the amounts of what it corrects."""
    return PricedLine(
        usage=replace(usage, device_milli_seconds=-back.device_milli_seconds, records=back.records),
        model=filed.models[usage.model_id],
        rate=filed.rates[usage.rate_id],
        price=order.price,
        price_fen=back.price_fen,
        cap_price_fen=back.cap_price_fen,
        gross_fen=back.gross_fen,
        metered_fen=back.metered_fen,
        filed_price_fen=back.filed_price_fen,
        tier=back.tier,
        discount_bp=back.discount_bp,
        credit_fen=back.credit_fen,
        ratio_bp=back.ratio_bp,
        public_fen=back.public_fen,
    )
