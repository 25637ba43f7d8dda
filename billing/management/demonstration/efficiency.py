"""What the providers of the story file about their sites, and what the grid is said to give off."""

from collections.abc import Mapping
from datetime import datetime

from billing.management.demonstration import support
from billing.management.demonstration.cast import Cast, later, when
from billing.management.demonstration.supply import Supplier
from ledger.periods import Month
from providers import filing, grid
from providers.models import EfficiencyFiling
from vouchers.evidence import Upload

OCTOBER = Month(2026, 10)


def file_october(cast: Cast, taopu: Supplier, changfeng: Supplier) -> tuple[str, str]:
    """File October of both; return (what the one that waits shows, who acts next)."""
    at = when("2026-11-05 16:00")
    factor = grid.propose_grid_factor(
        2026, 530_000, "演示用示意值，不是公布值", actor=cast.actor("reviewer"), at=at
    )
    grid.approve_grid_factor(factor, actor=cast.actor("approver"), at=later(at, minutes=30))
    said = {"pue_milli": 1_230, "green_bp": 3_150, "latency_us": 1_640}
    first = _file(cast, taopu, said, at)
    filing.confirm_efficiency(first, actor=cast.actor("approver"), at=later(at, days=1))
    _file(cast, changfeng, {"pue_milli": 1_410, "latency_us": 820}, later(at, minutes=20))
    return (
        f"能效申报 {changfeng.house.name} {OCTOBER}",
        "等待确认：以 approver 登录，在“服务商 · 能效申报”确认或退回",
    )


def _file(
    cast: Cast, supplier: Supplier, said: Mapping[str, int | None], at: datetime
) -> EfficiencyFiling:
    house = supplier.house
    paper = support.paper(house.name, house.uscc, "能效检测报告")
    return filing.file_efficiency(
        supplier.provider, OCTOBER, said, Upload("能效检测报告-演示.pdf", paper),
        note="演示：单体机房，当月计量", actor=cast.actor(house.username), at=at,
    )  # fmt: skip
