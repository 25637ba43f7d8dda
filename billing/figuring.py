"""Small sums behind the bureau's figures. Pure, in whole numbers; every share says its unit.

Source: domain.md 5.5 (prices), 5.6 (energy), 6.6 (fiscal performance).
"""

from collections.abc import Sequence
from fractions import Fraction

ALL_BP = 10_000
HHI_SCALE = 10_000  # one supplier alone is 10,000


def share_bp(part: int, whole: int) -> int | None:
    """Return a part in basis points, cut down; None where there is no whole."""
    return part * ALL_BP // whole if whole > 0 else None


def twice_median(values: Sequence[int]) -> int:
    """Return twice the median, so that it stays whole; values need not be sorted.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("no values, no median")
    ordered = sorted(values)
    middle, odd = divmod(len(ordered), 2)
    return 2 * ordered[middle] if odd else ordered[middle - 1] + ordered[middle]


def hhi(parts: Sequence[int]) -> int | None:
    """Return the Herfindahl-Hirschman index of some parts, 0 to 10,000, cut down.

    The squares of the shares, added up exactly and divided once; parts of nothing give None.
    """
    held = [each for each in parts if each > 0]
    whole = sum(held)
    if not whole:
        return None
    return sum(each * each for each in held) * HHI_SCALE // (whole * whole)


def top_share_bp(parts: Sequence[int], count: int) -> int | None:
    """Return what the largest ``count`` parts hold together, in basis points."""
    held = sorted((each for each in parts if each > 0), reverse=True)
    return share_bp(sum(held[:count]), sum(held))


def decimal_text(value: Fraction | None, places: int) -> str | None:
    """Return a fraction with fixed decimals, half up; None stays None."""
    if value is None:
        return None
    scaled = value * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    sign, whole = ("-", -whole) if whole < 0 else ("", whole)
    head, tail = divmod(whole, 10**places)
    return f"{sign}{head}" + (f".{tail:0{places}d}" if places else "")


def ratio_text(part: int, whole: int, places: int = 2) -> str | None:
    """Return part divided by whole with fixed decimals; None where there is no whole."""
    return decimal_text(Fraction(part, whole), places) if whole else None


def percent_text(bp: int | None) -> str | None:
    """Return basis points as per cent with two decimals, without the sign."""
    return None if bp is None else f"{bp // 100}.{bp % 100:02d}"
