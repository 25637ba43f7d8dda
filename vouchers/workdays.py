"""Count in Chinese working days: weekends and holidays out, make-up working days in.

Pure. A year whose holidays have not been announced is unknown: counting into it is refused, never
guessed.

Source: Civil Code art. 201 to 204 (the first day is not counted; a period ends at midnight).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ledger.periods import SHANGHAI
from ledger.refusals import Refused

SATURDAY = 5
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class WorkCalendar:
    """The known years, weekdays that are off, weekend days that are worked."""

    years: frozenset[int]
    off: frozenset[date]
    worked: frozenset[date]

    @classmethod
    def of(cls, years: Iterable[int], days: Iterable[tuple[date, bool]]) -> "WorkCalendar":
        """Build a calendar from rows (day, is off)."""
        rows = list(days)
        return cls(
            frozenset(years),
            frozenset(day for day, is_off in rows if is_off),
            frozenset(day for day, is_off in rows if not is_off),
        )

    def is_working_day(self, day: date) -> bool:
        """Tell whether offices work on a day.

        Raises:
            Refused: the holidays of that year are not known.
        """
        if day.year not in self.years:
            raise Refused(
                "calendar_missing",
                f"缺少 {day.year} 年的节假日安排，不能计算工作日。"
                f"请在国务院办公厅公布后载入 {day.year} 年节假日表，再办理这一步。",
                details={"year": str(day.year)},
            )
        if day in self.worked:
            return True
        return day not in self.off and day.weekday() < SATURDAY

    def add_working_days(self, start: date, count: int) -> date:
        """Return the last day of a period of ``count`` working days; ``start`` is not counted.

        Raises:
            ValueError: a count below one.
            Refused: the period runs into a year whose holidays are not known.
        """
        if count < 1:
            raise ValueError("a period has at least one working day")
        day = start
        while count:
            day += ONE_DAY
            if self.is_working_day(day):
                count -= 1
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Return how many working days lie after ``start`` up to and including ``end``."""
        days = range(1, (end - start).days + 1)
        return sum(self.is_working_day(start + timedelta(days=each)) for each in days)


def end_of(day: date) -> datetime:
    """Return the midnight that ends a Shanghai day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC) + ONE_DAY
