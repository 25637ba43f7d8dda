"""What an order would cost, before it is placed: price on file, hours, expected public share.

Units: fen; hours are hours of one device.
"""

from dataclasses import dataclass
from datetime import datetime

from ledger.amounts import share_floor, split_by_largest_remainder
from ledger.periods import split_by_month
from ledger.refusals import Refused
from providers.measures import DEVICE_MILLI_SECONDS_PER_CARD_HOUR
from providers.models import AcceleratorRate, Offering, OfferingPrice
from providers.pricing import PricingUnit, Tariff, gross_fen, tiered_gross_fen
from vouchers.facts import bonuses_of
from vouchers.granting import ratio_of
from vouchers.models import Voucher


@dataclass(frozen=True)
class Quote:
    """What an order would cost and how much of the voucher it would hold.

    ``flat_fen`` is the planned use at the price of the first unit, as the intake counts it against
    what the hold can carry; with a price list by quantity it differs from ``gross_fen``.

    Units: fen, basis points.
    """

    price: OfferingPrice
    device_hours: int
    gflops: int
    flat_fen: int
    gross_fen: int
    share_bp: int
    hold_fen: int
    share_reason: str


def quote(
    offering: Offering,
    voucher: Voucher | None,
    *,
    device_count: int,
    planned_hours: int,
    starts_at: datetime,
    ends_at: datetime | None = None,
    at: datetime,
) -> Quote:
    """Say what an order would cost at the price now on file.

    Args:
        ends_at: end of the service, over whose months the planned hours are spread where the price
            depends on a month's quantity; one month if left out.

    Raises:
        Refused: no price on file, or no rate in force for the model.
    """
    price = offering.price_at(at)
    if price is None:
        raise Refused("price_missing", "该服务项目没有备案单价，暂不能下单。")
    in_force = AcceleratorRate.objects.in_force(max(at, starts_at))
    # Use is counted in this format alone; a rate in another one is no rate for it.
    rate = in_force.filter(
        model=offering.model, number_format=AcceleratorRate.NumberFormat.FP16
    ).first()
    if rate is None:
        raise Refused("no_rate", "该型号没有有效的折算系数，暂不能下单。请联系区数据局。")
    device_hours = device_count * planned_hours
    tariff = Tariff(PricingUnit(price.pricing_unit), price.tariff_tiers())
    use = device_hours * DEVICE_MILLI_SECONDS_PER_CARD_HOUR
    flat = gross_fen(use, gflops=rate.gflops, price_fen=price.price_fen, unit=tariff.unit)
    gross = flat
    if tariff.graduated:
        parts = _by_month(use, starts_at, ends_at)
        gross = sum(tiered_gross_fen(tariff, part, gflops=rate.gflops) for part in parts)
    share_bp, reason = 0, ""
    if voucher is not None:
        bonuses = bonuses_of(voucher.application, domestic=offering.model.domestic)
        share_bp, reason = ratio_of(voucher.programme.edition.ratio, bonuses)
    hold = share_floor(gross, share_bp)
    return Quote(price, device_hours, rate.gflops, flat, gross, share_bp, hold, reason)


def _by_month(use: int, starts_at: datetime, ends_at: datetime | None) -> list[int]:
    """Spread planned use evenly over the time of service and return each month's part."""
    if ends_at is None:
        return [use]
    pieces = split_by_month(starts_at, ends_at)
    return split_by_largest_remainder(
        use, [int((until - since).total_seconds()) for _, since, until in pieces]
    )
