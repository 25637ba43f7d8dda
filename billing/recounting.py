"""Count orders with special terms a second time: price lists, discounts, credit, unpayable use.

Written apart from ``pricing`` and ``payable``: exact fractions over the plain rules of the edition
and the sums of the records, border by border, where those walk along with whole numbers. For all
other orders ``recomputing`` does the same in the database. Whoever extends one of the two extends
the other by hand.

Units: fen; milli-seconds of one device.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum

from billing.models import StatementLine
from ledger.periods import day_of
from providers.models import Order, OrderDiscount, UsageRecord
from vouchers.models import EnterpriseFact

HOUR = 3_600_000
ALL_BP = 10_000
_ALL_BASES = ("allocated", "reserved", "utilised")
_PAYABLE = ("payable_bases", "failed_most_bp", "cancelled_most_bp")


@dataclass
class Recounted:
    """What the second count finds for one order; as ``recomputing.Amounts`` names it."""

    lines: int = 0
    gross_fen: int = 0
    metered_fen: int = 0
    weighted_bp: int = 0
    back_fen: int = 0


@dataclass(frozen=True)
class _Use:
    settle_month: str
    month: str
    model_id: UUID
    rate_id: UUID
    gflops: int
    domestic: bool


def special_orders(orders: Iterable[UUID]) -> dict[UUID, Order]:
    """Return those of some orders whose price or programme says more than one price for all."""
    chosen = Q(discounts__isnull=False) | ~Q(price__tiers=[])
    for name in _PAYABLE:
        chosen |= Q(**{f"voucher__programme__rules__settlement__{name}__isnull": False})
    chosen |= Q(voucher__programme__rules__ratio__bonus__contains=[{"ground": "YOUNG"}])
    chosen |= Q(voucher__programme__rules__ratio__bonus__contains=[{"ground": "DOMESTIC"}])
    found = Order.objects.filter(chosen, pk__in=list(orders)).distinct()
    listed = found.select_related(
        "price", "enterprise", "voucher__programme", "voucher__application"
    )
    return {each.pk: each for each in listed}


def recount(order: Order, month: str, earlier: Sequence[str], cap_fen: int | None) -> Recounted:
    """Return what one order comes to in a settlement month.

    Args:
        earlier: settlement months whose adjustments are taken up along, in order.
        cap_fen: the programme's price cap for the order, None for none.
    """
    found = Recounted()
    uses = _uses(order, month, earlier)
    credit = _credit_left(order, month)
    counted: dict[str, Fraction] = defaultdict(Fraction)
    for use, outcomes in uses:
        quantity = sum(outcomes.values())
        if quantity < 0:
            _take_back(found, order, use, -quantity)
            continue
        own = use.settle_month == month
        for amount, payable in _payable(order, quantity, outcomes if own else {}):
            before = counted[use.month] + _charged(order, use.month, month)
            for gross, capped in _by_tier(order, use, amount, before, cap_fen):
                net = max(gross - credit, 0)
                credit -= gross - net
                metered = min(net, capped)
                ratio = _ratio(order, use) if payable else 0
                found.lines += 1
                found.gross_fen += net
                found.metered_fen += metered
                found.weighted_bp += metered * ratio
            counted[use.month] += Fraction(amount) * _work(order, use)
    return found


def _uses(
    order: Order, month: str, earlier: Sequence[str]
) -> list[tuple[_Use, dict[tuple[str, str], int]]]:
    rows = (
        UsageRecord.objects.filter(
            order=order, counted=True, livemode=True, settle_month__in=[month, *earlier]
        )
        .values_list(
            "settle_month", "month", "model_id", "rate_id", "gflops", "model__domestic",
            "basis", "job_state",
        )
        .annotate(Sum("device_milli_seconds"))
        .order_by("month", "model_id", "rate_id")
    )  # fmt: skip
    found: dict[_Use, dict[tuple[str, str], int]] = {}
    for *key, basis, state, amount in rows:
        found.setdefault(_Use(*key), {})[basis, state] = amount
    places = {each: place for place, each in enumerate([month, *earlier])}
    return sorted(found.items(), key=lambda each: places[each[0].settle_month])


def _work(order: Order, use: _Use) -> Fraction:
    """Return how many units of the price one milli-second of a device is."""
    if order.price.pricing_unit == "CARD_HOUR":
        return Fraction(1, HOUR)
    return Fraction(use.gflops, 1_000_000 * HOUR)


def _payable(
    order: Order, quantity: int, outcomes: dict[tuple[str, str], int]
) -> list[tuple[int, bool]]:
    """Return the payable part first, then each part that is not."""
    assert order.voucher is not None
    rules = order.voucher.programme.rules["settlement"]
    bases = rules.get("payable_bases", _ALL_BASES)
    if not outcomes or not any(name in rules for name in _PAYABLE):
        return [(quantity, True)]
    strange = [max(sum(v for (b, _), v in outcomes.items() if b == basis), 0)
               for basis in _ALL_BASES if basis not in bases]  # fmt: skip
    parts, rest = [], quantity
    for amount in strange:
        parts.append(min(amount, rest))
        rest -= parts[-1]
    counted = rest
    for state, name in (("failed", "failed_most_bp"), ("cancelled", "cancelled_most_bp")):
        ended = sum(max(outcomes.get((basis, state), 0), 0) for basis in bases)
        allowed = Fraction(counted * rules.get(name, ALL_BP), ALL_BP).__floor__()
        parts.append(min(max(ended - allowed, 0), rest))
        rest -= parts[-1]
    return ([(rest, True)] if rest else []) + [(each, False) for each in parts if each]


def _terms(order: Order, month: str) -> tuple[list[tuple[int, int]], int]:
    """Return the price list as (from units, fen) and the discount that count for a month."""
    newest: dict[str, int] = {}
    for each in OrderDiscount.objects.filter(order=order, from_month__lte=month):
        newest[each.kind] = each.value
    listed = [(0, order.price.price_fen)]
    listed += [(each["from_units"], each["price_fen"]) for each in order.price.tiers]
    if "CONTRACT_PRICE" in newest:
        listed = [(0, newest["CONTRACT_PRICE"])]
    return listed, newest.get("PERCENT", 0)


def _by_tier(
    order: Order, use: _Use, amount: int, before: Fraction, cap_fen: int | None
) -> list[tuple[int, int]]:
    """Return for each tier reached what is asked and what it is at the cap."""
    listed, discount_bp = _terms(order, use.month)
    work = _work(order, use)
    # How many milli-seconds lie below each border: as many whole ones as fit.
    below = [min(max(((units - before) / work).__floor__(), 0), amount) for units, _ in listed[1:]]
    ends = [0, *below, amount]
    found: list[tuple[int, int]] = []
    for (_, price), lower, upper in zip(listed, ends[:-1], ends[1:], strict=True):
        if upper > lower or (amount == 0 and not found):
            exact = (upper - lower) * work * price * (1 - Fraction(discount_bp, ALL_BP))
            gross = _half_up(exact)
            capped = gross if cap_fen is None else _half_up((upper - lower) * work * cap_fen)
            found.append((gross, min(gross, capped)))
    return found


def _half_up(exact: Fraction) -> int:
    return (exact + Fraction(1, 2)).__floor__()


def _charged(order: Order, usage_month: str, month: str) -> Fraction:
    """Return how many units earlier statements charge for a month of use."""
    if not order.price.tiers:
        return Fraction(0)
    rows = StatementLine.objects.filter(
        statement__order=order, usage_month=usage_month, statement__month__lt=month
    ).values_list("device_milli_seconds", "gflops")
    cards = order.price.pricing_unit == "CARD_HOUR"
    return sum(
        (
            Fraction(amount, HOUR) if cards else Fraction(amount * gflops, 1_000_000 * HOUR)
            for amount, gflops in rows
        ),
        Fraction(0),
    )


def _credit_left(order: Order, month: str) -> int:
    given = OrderDiscount.objects.filter(order=order, kind="CREDIT", from_month__lte=month)
    spent = StatementLine.objects.filter(statement__order=order, statement__month__lt=month)
    total = given.aggregate(total=Sum("value", default=0))["total"]
    return int(total - spent.aggregate(total=Sum("credit_fen", default=0))["total"])


def _ratio(order: Order, use: _Use) -> int:
    """Return the ratio of payable use by the plain rules; none after a firm left."""
    firm = order.enterprise
    assert order.voucher is not None
    if firm.state == "moved_out" and firm.standing_since is not None:
        first = UsageRecord.objects.filter(
            order=order, counted=True, livemode=True, rate_id=use.rate_id, month=use.month,
            settle_month=use.settle_month,
        ).order_by("started_at").first()  # fmt: skip
        if first is not None and day_of(first.started_at) >= firm.standing_since:
            return 0
    ratio = order.voucher.programme.rules["ratio"]
    held = [each["add_bp"] for each in ratio.get("bonus", []) if _holds(order, use, each)]
    added = max(held, default=0) if ratio["bonus_rule"] == "HIGHER_ONLY" else sum(held)
    return int(min(ratio["base_bp"] + added, ratio["max_bp"]))


def _holds(order: Order, use: _Use, bonus: dict[str, Any]) -> bool:
    ground = bonus.get("ground", "DOMESTIC" if bonus["code"] == "DOMESTIC" else "")
    if ground != "YOUNG":
        return ground == "DOMESTIC" and use.domestic
    assert order.voucher is not None
    handed_in = order.voucher.application.submitted_at
    if handed_in is None:
        return False
    said = (
        EnterpriseFact.objects.filter(
            enterprise=order.voucher.application.enterprise_id,
            name="founded_on",
            recorded_at__lte=handed_in,
        )
        .order_by("as_of", "recorded_at", "id")
        .last()
    )
    if said is None or not said.value:
        return False
    founded, day = date.fromisoformat(said.value), day_of(handed_in)
    months = (day.year - founded.year) * 12 + day.month - founded.month
    if months != bonus["months"]:
        return bool(months < bonus["months"])
    # In the month of the anniversary its day decides; where there is none, the last of the month.
    last = date.fromordinal(day.toordinal() + 1).month != day.month
    return day.day < founded.day and not last


def _take_back(found: Recounted, order: Order, use: _Use, quantity: int) -> None:
    """Take use off what stands charged, the highest tier first."""
    groups: dict[tuple[int, int, int], list[int]] = {}
    lines = StatementLine.objects.filter(
        statement__order=order, rate_ref=str(use.rate_id), usage_month=use.month
    )
    for each in lines:
        sums = groups.setdefault((each.tier, each.price_fen, each.discount_bp), [0, 0, 0, 0])
        for place, value in enumerate(
            (each.device_milli_seconds, each.metered_fen, each.public_fen, each.credit_fen)
        ):
            sums[place] += value
    for key in sorted(groups, key=lambda each: (-each[0], -each[1], each[2])):
        _, price, discount_bp = key
        stands, metered, public, credit = groups[key]
        part = min(quantity, stands)
        if part <= 0:
            continue
        quantity -= part
        exact = part * _work(order, use) * price * (1 - Fraction(discount_bp, ALL_BP))
        priced = _half_up(exact)
        gross = priced - min(Fraction(credit * part, stands).__floor__(), priced)
        found.lines += 1
        found.gross_fen -= gross
        found.metered_fen -= min(_half_up(Fraction(metered * part, stands)), gross)
        found.back_fen += Fraction(-public * part, stands).__floor__()
