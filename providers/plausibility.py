"""What no meter can argue with, and figures that look too good.

Pure rules. The sweep here is the readable statement of what the set-based judging does in SQL;
tests hold the two against each other.

Source: metering specification, section 3; domain paper 5.3 (sparsity trap).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

MOST_GFLOPS = 20_000_000  # twenty PFLOPS in one device: nothing like it exists
#: Formats that tensor units compute: their figures follow one another by whole factors.
_TENSOR_FORMATS = ("FP16_DENSE", "FP8_DENSE", "INT8_DENSE", "TF32_DENSE")
FP32 = "FP32_DENSE"
_SPARSE_WORDS = ("sparse", "sparsity", "稀疏")
_SHADER_WORDS = ("shader", "cuda core", "stream processor", "着色", "流处理器", "非张量", "通用")
_SPARSE_LOW, _SPARSE_HIGH = 190, 210  # per cent of the standing dense figure
_SAME_LOW, _SAME_HIGH = 98, 102  # per cent: two figures are the same, rounding apart
# Half precision on general units is one, two or four times their single precision.
_SHADER_FACTORS = (1, 2, 4)
_CLOCK_LOW, _CLOCK_HIGH = 85, 115  # per cent: public tables take one clock or another
_MUCH_LESS = 60  # per cent of the standing figure
_RISES = 102  # per cent of it: more than rounding


@dataclass(frozen=True)
class Stretch:
    """A time during which more is in use than there is."""

    started_at: datetime
    ended_at: datetime
    excess_milli: int


@dataclass(frozen=True)
class Claim:
    """A proposed peak, with the figures it is held against.

    Args:
        standing: the approved figure of the same model and number format.
        known: approved figures of the same model, number format -> GFLOPS.
    """

    gflops: int
    source: str
    number_format: str = "FP16_DENSE"
    standing: int | None = None
    known: Mapping[str, int] = field(default_factory=dict)


def rate_doubt(claim: Claim) -> str:
    """Return why a proposed dense peak cannot be right, empty when nothing speaks against it."""
    if not 0 < claim.gflops <= MOST_GFLOPS:
        return "峰值应为 1 至 20000000 GFLOPS 的整数（稠密，单卡）。"
    if not claim.source.strip():
        return "请写明数值的依据，例如厂商白皮书名称与页码。"
    return _sparse_doubt(claim) or _shader_doubt(claim)


def _sparse_doubt(claim: Claim) -> str:
    if any(word in claim.source.lower() for word in _SPARSE_WORDS):
        return "依据提到稀疏算力。只登记稠密峰值，厂商稀疏数值通常是稠密的两倍。"
    standing = claim.standing
    if standing and _within(claim.gflops, standing, _SPARSE_LOW, _SPARSE_HIGH):
        return f"新值约为现行值 {standing} 的两倍，疑为稀疏算力，请改用稠密峰值。"
    twice = claim.known.get("INT8_DENSE") or claim.known.get("FP8_DENSE")
    if claim.number_format == "FP16_DENSE" and twice and _same(claim.gflops, twice):
        return f"数值等于该型号 INT8/FP8 的 {twice}，疑为稀疏或低精度算力，请改用 FP16 稠密峰值。"
    return ""


def _shader_doubt(claim: Claim) -> str:
    """Look for the peak of the general units (cores x clock x 2), which is no tensor peak."""
    if claim.number_format == FP32:
        return ""
    if any(word in claim.source.lower() for word in _SHADER_WORDS):
        return "依据提到通用（着色）单元。只登记张量（矩阵）单元的稠密峰值。"
    single = claim.known.get(FP32)
    if not single:
        return ""
    if _same(claim.gflops, single):
        return f"数值等于该型号 FP32 通用单元的 {single}，不是 {claim.number_format[:4]} 张量峰值。"
    low = claim.standing and 100 * claim.gflops < _MUCH_LESS * claim.standing
    if low and any(
        _within(claim.gflops, factor * single, _CLOCK_LOW, _CLOCK_HIGH)
        for factor in _SHADER_FACTORS
    ):
        return (
            f"数值是该型号 FP32 通用单元 {single} 的整倍数，远低于现行值 {claim.standing}，"
            "疑为通用单元的半精度峰值，请改用张量单元的稠密峰值。"
        )
    return ""


def rate_caution(claim: Claim) -> str:
    """Return what the second person should look at; it refuses nothing."""
    single = claim.known.get(FP32)
    if claim.number_format in _TENSOR_FORMATS and single and _same(claim.gflops, 2 * single):
        return f"恰为 FP32 通用单元 {single} 的两倍，请核对依据是否为张量单元的数值。"
    if claim.standing and 100 * claim.gflops > _RISES * claim.standing:
        return f"高于现行值 {claim.standing} 的 1.02 倍，请核对依据。"
    return ""


def _same(one: int, other: int) -> bool:
    return _within(one, other, _SAME_LOW, _SAME_HIGH)


def _within(value: int, of: int, low: int, high: int) -> bool:
    return low * of <= 100 * value <= high * of


def sweep(
    uses: Iterable[tuple[datetime, datetime, int]],
    capacities: Iterable[tuple[datetime, datetime | None, int]],
) -> list[Stretch]:
    """Return every stretch in which use exceeds capacity, by one pass over the moments of change.

    Units: thousandths of a device.
    """
    changes: dict[datetime, int] = {}
    for started_at, ended_at, milli in uses:
        if ended_at > started_at:
            changes[started_at] = changes.get(started_at, 0) + milli
            changes[ended_at] = changes.get(ended_at, 0) - milli
    for valid_from, valid_until, milli in capacities:
        changes[valid_from] = changes.get(valid_from, 0) - milli
        if valid_until is not None:
            changes[valid_until] = changes.get(valid_until, 0) + milli
    stretches: list[Stretch] = []
    moments = sorted(changes)
    level = 0
    for here, following in pairwise(moments):
        level += changes[here]
        if level > 0:
            stretches.append(Stretch(here, following, level))
    return stretches
