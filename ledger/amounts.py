"""Money in fen and computing in PFLOPS-hours: whole numbers, one rounding, no lost remainder.

Pure integer arithmetic; a float never enters. Where a fraction must go, the function name says
which way it goes.

Units: fen (1 yuan = 100 fen); basis points (1 bp = 1/10000); GFLOPS-seconds and
    GFLOPS-milliseconds of FP16 dense computing.
"""

import re
from decimal import Decimal

FEN_PER_YUAN = 100
BASIS_POINTS = 10_000
#: 1 PFLOPS = 1,000,000 GFLOPS; 1 hour = 3,600 s.
GFLOPS_SECONDS_PER_PFLOPS_HOUR = 3_600_000_000
_MICRO = 1_000_000
_YUAN = re.compile(r"(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,2})?", re.ASCII)


def yuan_text(fen: int) -> str:
    """Return an amount as people read it: ``123456`` fen is ``1,234.56``."""
    whole, rest = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02d}"


def parse_yuan(text: str) -> int:
    """Read an amount in yuan typed by a person and return fen, exactly or not at all.

    Plain ASCII digits, optional thousands commas in the right places, at most two decimals.

    Raises:
        ValueError: anything else, also signs, blanks inside and full-width digits.
    """
    trimmed = text.strip()
    if not _YUAN.fullmatch(trimmed):
        raise ValueError("金额应写成数字，最多两位小数，例如 1234.56")
    whole, _, cents = trimmed.replace(",", "").partition(".")
    return int(whole) * FEN_PER_YUAN + int(cents.ljust(2, "0") or "0")


def divide_floor(numerator: int, denominator: int) -> int:
    """Divide and round down: the public purse never pays the odd fen."""
    _need_positive(denominator)
    return numerator // denominator


def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide and round 四舍五入: a half goes away from zero."""
    _need_positive(denominator)
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def divide_half_even(numerator: int, denominator: int) -> int:
    """Divide and round to the nearest whole; a half goes to the even neighbour."""
    _need_positive(denominator)
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2):
        return quotient + 1
    return quotient


def share_floor(amount: int, share_bp: int) -> int:
    """Return ``share_bp`` basis points of an amount, rounded down.

    Raises:
        ValueError: a negative amount, or a share outside 0 to 10000.
    """
    if amount < 0 or not 0 <= share_bp <= BASIS_POINTS:
        raise ValueError("a share is taken of a non-negative amount, 0 to 10000 bp")
    return amount * share_bp // BASIS_POINTS


def split_by_largest_remainder(total: int, weights: list[int]) -> list[int]:
    """Divide a total by weights so that the parts add up to it, to the last fen.

    Each part is its exact share rounded down; what is left goes one by one to the parts with
    the largest remainders, among equals to the earlier one.

    Raises:
        ValueError: a negative total or weight, or no weight above zero.
    """
    whole = sum(weights)
    if total < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError("split needs a total >= 0 and weights >= 0 with a sum above 0")
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda each: (-remainders[each], each))
    for each in by_remainder[: total - sum(parts)]:
        parts[each] += 1
    return parts


def pflops_hours(gflops_milli_seconds: int) -> Decimal:
    """Return PFLOPS-hours with six decimals from the exact sum of GFLOPS-milliseconds.

    The only division in the chain: sums of ``device_milli_seconds * gflops`` stay whole, this
    divides once, half-even. For showing; nothing is computed from the result.
    """
    micro = divide_half_even(gflops_milli_seconds * _MICRO, 1000 * GFLOPS_SECONDS_PER_PFLOPS_HOUR)
    return Decimal((1 if micro < 0 else 0, tuple(map(int, str(abs(micro)))), -6))


def pflops_hours_text(gflops_milli_seconds: int) -> str:
    """Return PFLOPS-hours as decimal text with six places, ``12.345678``."""
    return f"{pflops_hours(gflops_milli_seconds):f}"


def _need_positive(denominator: int) -> None:
    if denominator <= 0:
        raise ValueError("the denominator must be positive")
