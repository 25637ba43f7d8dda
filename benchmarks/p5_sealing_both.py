"""Sealing into both trees, SHA-256 and SM3, as the house does; floor as for the first alone."""

from django.conf import settings

from benchmarks import p5_sealing
from benchmarks.p5_sealing import floor, ours, prepare_floor

__all__ = ["floor", "ours", "prepare_floor"]

UNIT = "entries"
GOAL = "told only"
SIZES = (200_000,)


def prepare(size: int) -> int:
    """Write the entries; both trees are to be built."""
    p5_sealing.prepare(size)
    settings.LOG_SUITES = ["sha256", "sm3"]
    return size
