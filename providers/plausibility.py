"""What no meter can argue with, and figures that look too good.

Pure rules. The sweep here is the readable statement of what the set-based judging does in SQL;
tests hold the two against each other.

Source: metering specification, section 3; domain paper 5.3 (sparsity trap).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

MOST_GFLOPS = 20_000_000  # twenty PFLOPS in one device: nothing like it exists
_SPARSE_WORDS = ("sparse", "sparsity", "稀疏")
_SPARSE_LOW, _SPARSE_HIGH = 190, 210  # per cent of the standing dense figure


@dataclass(frozen=True)
class Stretch:
    """A time during which more is in use than there is."""

    started_at: datetime
    ended_at: datetime
    excess_milli: int


def rate_doubt(gflops: int, source: str, standing: int | None) -> str:
    """Return why a proposed dense peak cannot be right, empty when nothing speaks against it."""
    if not 0 < gflops <= MOST_GFLOPS:
        return "峰值应为 1 至 20000000 GFLOPS 的整数（稠密，单卡）。"
    if not source.strip():
        return "请写明数值的依据，例如厂商白皮书名称与页码。"
    if any(word in source.lower() for word in _SPARSE_WORDS):
        return "依据提到稀疏算力。只登记稠密峰值，厂商稀疏数值通常是稠密的两倍。"
    if standing and _SPARSE_LOW * standing <= 100 * gflops <= _SPARSE_HIGH * standing:
        return f"新值约为现行值 {standing} 的两倍，疑为稀疏算力，请改用稠密峰值。"
    return ""


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
