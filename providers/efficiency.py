"""What a provider may say of its site in a month: PUE, green power, latency. Pure.

Units: ``pue_milli`` thousandths (1.000 is 1000), ``green_bp`` basis points of the power used,
    ``latency_us`` micro-seconds there and back to the city's scheduling node.
Source: GB/T 32910.3-2016 (PUE: all power of the data centre by that of its IT equipment, so never
    below 1); domain.md 5.6.
"""

from collections.abc import Mapping

PUE_MILLI = (1_000, 3_000)
GREEN_BP = (0, 10_000)
LATENCY_US = (1, 1_000_000)
#: Milligrams of CO2 equivalent per kilowatt-hour of the grid: beyond, somebody mistook the unit.
GRID_MG = (1_000, 2_000_000)
#: Field -> (least, most, how it is said).
BOUNDS = {
    "pue_milli": (*PUE_MILLI, "PUE 应在 1.000 至 3.000 之间，请核对总电量和信息设备电量。"),
    "green_bp": (*GREEN_BP, "绿电占比应在 0.00% 至 100.00% 之间。"),
    "latency_us": (*LATENCY_US, "网络时延应在 0.001 至 1000.000 毫秒之间。"),
}


def fault_of(said: Mapping[str, int | None]) -> tuple[str, str] | None:
    """Return (field, sentence) of what cannot be right, or nothing."""
    if all(said.get(name) is None for name in BOUNDS):
        return "pue_milli", "请至少填写一项：PUE、绿电占比或网络时延。"
    for name, (least, most, sentence) in BOUNDS.items():
        value = said.get(name)
        if value is not None and not least <= value <= most:
            return name, sentence
    return None
