"""What a quantity of device time costs: filed tiers, a provider's discount, one rounding.

Pure integers. A tariff is graduated: each tier's price applies to the part of an order's use of
one month that lies within it. A tier ends on a whole milli-second of a device; the one that
straddles the border of a PFLOPS-hour tier belongs to the next.

Units: milli-seconds of one device; GFLOPS of the rate; fen per card-hour or PFLOPS-hour; basis
points. Source: ledger.md 1.5 (one rounding place), product.md G 69-71, reliability.md H18.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.amounts import BASIS_POINTS, divide_half_up
from ledger.refusals import Refused
from providers.measures import (
    DEVICE_MILLI_SECONDS_PER_CARD_HOUR,
    GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR,
)

MOST_PRICE_FEN = 10_000_000
MOST_TIERS = 20
MOST_UNITS = 10**9


class PricingUnit(StrEnum):
    """What a filed price is the price of."""

    PFLOPS_HOUR = "PFLOPS_HOUR"
    CARD_HOUR = "CARD_HOUR"


@dataclass(frozen=True)
class Tier:
    """The price of what lies beyond ``from_units`` card-hours or PFLOPS-hours of a month."""

    from_units: int
    price_fen: int


@dataclass(frozen=True)
class Tariff:
    """What one order pays in one month.

    ``tiers`` ascend and begin at 0; ``discount_bp`` comes off each of their prices;
    ``filed_price_fen`` is the price on file where a price of the contract took its place.
    """

    unit: PricingUnit
    tiers: tuple[Tier, ...]
    discount_bp: int = 0
    filed_price_fen: int | None = None

    @property
    def graduated(self) -> bool:
        """Tell whether the price depends on the quantity of the month."""
        return len(self.tiers) > 1


@dataclass(frozen=True)
class Slice:
    """The part of a quantity that lies within one tier; ``tier`` counts from 1, 0 for no tiers."""

    tier: int
    device_milli_seconds: int
    price_fen: int


@dataclass(frozen=True)
class TierRow:
    """One line of a price list as it is filed: from, up to (None: without end), price."""

    from_units: int
    to_units: int | None
    price_fen: int


def gross_fen(
    device_milli_seconds: int,
    *,
    gflops: int,
    price_fen: int,
    unit: PricingUnit,
    discount_bp: int = 0,
) -> int:
    """Return what a quantity of device time costs at a price, half a fen rounded up, once."""
    if device_milli_seconds < 0 or gflops < 0 or price_fen < 0:
        raise ValueError("quantities and prices are not negative")
    product = device_milli_seconds * price_fen * (BASIS_POINTS - discount_bp)
    if unit is PricingUnit.CARD_HOUR:
        return divide_half_up(product, DEVICE_MILLI_SECONDS_PER_CARD_HOUR * BASIS_POINTS)
    return divide_half_up(product * gflops, GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR * BASIS_POINTS)


def base_quantity(device_milli_seconds: int, gflops: int, unit: PricingUnit) -> int:
    """Return a quantity as tiers count it: device-milli-seconds, or these times GFLOPS."""
    return device_milli_seconds * (gflops if unit is PricingUnit.PFLOPS_HOUR else 1)


def slices(
    tariff: Tariff, device_milli_seconds: int, *, gflops: int, before: int = 0
) -> list[Slice]:
    """Cut a quantity at the borders of the tiers; the parts add up to it.

    Args:
        before: what the month counts already, as ``base_quantity``.
    """
    if not tariff.graduated:
        return [Slice(0, device_milli_seconds, tariff.tiers[0].price_fen)]
    if device_milli_seconds == 0:
        return [Slice(1, 0, tariff.tiers[0].price_fen)]
    per_unit, step = DEVICE_MILLI_SECONDS_PER_CARD_HOUR, 1
    if tariff.unit is PricingUnit.PFLOPS_HOUR:
        per_unit, step = GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR, gflops
    ends = [max(each.from_units * per_unit - before, 0) // step for each in tariff.tiers[1:]]
    bounds = [0, *(min(each, device_milli_seconds) for each in ends), device_milli_seconds]
    return [
        Slice(number, upper - lower, tier.price_fen)
        for number, (tier, lower, upper) in enumerate(
            zip(tariff.tiers, bounds, bounds[1:], strict=False), start=1
        )
        if upper > lower
    ]


def tiered_gross_fen(tariff: Tariff, device_milli_seconds: int, *, gflops: int) -> int:
    """Return what one month's quantity costs, each tier rounded as the line it becomes."""
    return sum(
        gross_fen(
            each.device_milli_seconds,
            gflops=gflops,
            price_fen=each.price_fen,
            unit=tariff.unit,
            discount_bp=tariff.discount_bp,
        )
        for each in slices(tariff, device_milli_seconds, gflops=gflops)
    )


def read_tiers(rows: Sequence[TierRow]) -> tuple[Tier, ...]:
    """Return a price list as tiers.

    Raises:
        Refused: no row, a gap, an overlap, an end before its beginning, or a price that is none.
    """
    if not 0 < len(rows) <= MOST_TIERS:
        raise _wrong(f"价目须有 1 至 {MOST_TIERS} 档")
    ordered = sorted(rows, key=lambda each: each.from_units)
    expected = 0
    for number, row in enumerate(ordered, start=1):
        _check_row(number, row, expected, last=number == len(ordered))
        expected = row.to_units or 0
    return tuple(Tier(each.from_units, each.price_fen) for each in ordered)


def _check_row(number: int, row: TierRow, expected: int, *, last: bool) -> None:
    """Refuse a row that does not begin where the one before it ends, or costs nothing."""
    if not 0 < row.price_fen <= MOST_PRICE_FEN:
        raise _wrong(f"第 {number} 档单价应大于 0 元且不超过 100,000.00 元")
    if row.from_units > expected:
        raise _wrong(f"第 {number} 档之前有空档：{expected} 至 {row.from_units} 没有单价")
    if row.from_units < expected:
        raise _wrong(f"第 {number} 档与前一档重叠：应从 {expected} 开始")
    if row.to_units is None and not last:
        raise _wrong(f"第 {number} 档没有终点，后面不能再有档")
    if row.to_units is not None and last:
        raise _wrong(f"最后一档不能有终点，{row.to_units} 以上没有单价")
    if row.to_units is not None and not row.from_units < row.to_units <= MOST_UNITS:
        raise _wrong(f"第 {number} 档终点须大于起点")


def _wrong(sentence: str) -> Refused:
    return Refused("tiers_wrong", f"{sentence}，请更正。", field="tiers")
