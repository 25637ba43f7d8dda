"""What an order would cost, before it is placed: price on file, hours, expected public share.

Units: fen; hours are hours of one device.
"""

from dataclasses import dataclass
from datetime import datetime

from ledger.amounts import divide_half_up, share_floor
from ledger.refusals import Refused
from providers.models import AcceleratorRate, Offering, OfferingPrice
from vouchers.granting import ratio_of
from vouchers.models import Voucher

_GFLOPS_PER_PFLOPS = 1_000_000


@dataclass(frozen=True)
class Quote:
    """What an order would cost and how much of the voucher it would hold.

    Units: fen, basis points.
    """

    price: OfferingPrice
    device_hours: int
    gflops: int
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
    at: datetime,
) -> Quote:
    """Say what an order would cost at the price now on file.

    Raises:
        Refused: no price on file, or no rate in force for the model.
    """
    price = offering.price_at(at)
    if price is None:
        raise Refused("price_missing", "该服务项目没有备案单价，暂不能下单。")
    rate = AcceleratorRate.objects.in_force(max(at, starts_at)).filter(model=offering.model).first()
    if rate is None:
        raise Refused("no_rate", "该型号没有有效的折算系数，暂不能下单。请联系区数据局。")
    device_hours = device_count * planned_hours
    if price.pricing_unit == OfferingPrice.PricingUnit.CARD_HOUR:
        gross = device_hours * price.price_fen
    else:
        gross = divide_half_up(device_hours * rate.gflops * price.price_fen, _GFLOPS_PER_PFLOPS)
    share_bp, reason = 0, ""
    if voucher is not None:
        bonuses = frozenset({"DOMESTIC"} if offering.model.domestic else ())
        share_bp, reason = ratio_of(voucher.programme.edition.ratio, bonuses)
    hold = share_floor(gross, share_bp)
    return Quote(price, device_hours, rate.gflops, gross, share_bp, hold, reason)
