"""What part of a payment for a long service falls into a supported period, by days.

Pure. Days are calendar days in Shanghai and both ends of a stretch belong to it; how many days
a stretch counts is a rule of the programme. Two parts of a service that do not overlap never
count more days than the whole.

Source: domain.md 2.10 (``paid_in``, ``period``), 8.1 (Nanning), U18, U23.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction


class DayCount(StrEnum):
    """How many days lie between two days."""

    END_MINUS_START = "END_MINUS_START"
    INCLUSIVE = "INCLUSIVE"


@dataclass(frozen=True)
class Stretch:
    """Calendar days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse a stretch that ends before it begins."""
        if self.last < self.first:
            raise ValueError("a stretch of days cannot end before it begins")

    def days(self, rule: DayCount) -> int:
        """Return how many days the stretch counts under a rule; end minus start leaves one off."""
        return (self.last - self.first).days + (rule is DayCount.INCLUSIVE)


def common(stretches: Sequence[Stretch]) -> Stretch | None:
    """Return the days that lie in every stretch, or None when there are none."""
    first = max(each.first for each in stretches)
    last = min(each.last for each in stretches)
    return Stretch(first, last) if first <= last else None


@dataclass(frozen=True)
class Proration:
    """How many days of how many count; as ``Limits`` takes them."""

    days_in_period: int
    days_of_service: int

    @property
    def part(self) -> Fraction:
        """Return the part that counts."""
        return Fraction(self.days_in_period, self.days_of_service)


def prorate(service: Stretch, supported: Sequence[Stretch], rule: DayCount) -> Proration:
    """Return which part of a service counts: its days within every supported stretch.

    Args:
        service: the paid period of service.
        supported: programme period, voucher validity, and whatever else limits it.
        rule: the edition's way of counting.

    A service of a single day, which end minus start would count as none, counts whole or not.
    """
    period = common([service, *supported])
    if period is None:
        return Proration(0, max(service.days(rule), 1))
    whole = service.days(rule)
    if whole == 0:
        return Proration(1, 1)
    return Proration(period.days(rule), whole)
