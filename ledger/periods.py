"""Shanghai days and months as half-open intervals, and the five clocks of the house.

The five clocks, one word each:

- ``used_at``: when the work ran on the provider's machines;
- ``received_at``: when the upload arrived here;
- ``booked_at``: the moment from which a posting counts (``effective_at`` of its journal);
- ``sealed_at``: when the log checkpoint that covers an entry was signed;
- ``closed_at``: when a month was shut.

All moments are stored in UTC; a day or a month is a Shanghai day or month.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_MONTHS = 12


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month in Shanghai, from its first midnight to the next month's."""

    year: int
    month: int

    def __post_init__(self) -> None:
        """Refuse a month that no calendar has."""
        if not 2000 <= self.year <= 2999 or not 1 <= self.month <= _MONTHS:
            raise ValueError(f"no such month: {self.year}-{self.month}")

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read ``2026-10``, exactly so.

        Raises:
            ValueError: any other form.
        """
        digits = text[:4] + text[5:]
        if (
            len(text) != len("2026-10")
            or text[4] != "-"
            or not (digits.isascii() and digits.isdigit())
        ):
            raise ValueError("月份应写成 2026-10 这样的形式")
        return cls(int(text[:4]), int(text[5:]))

    def __str__(self) -> str:
        """Return ``2026-10``."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def title(self) -> str:
        """Return ``2026年10月``."""
        return f"{self.year}年{self.month}月"

    @property
    def first_day(self) -> date:
        """Return the first day of the month."""
        return date(self.year, self.month, 1)

    @property
    def start_at(self) -> datetime:
        """Return the first moment of the month, in UTC."""
        return datetime(self.year, self.month, 1, tzinfo=SHANGHAI).astimezone(UTC)

    @property
    def end_at(self) -> datetime:
        """Return the first moment after the month, in UTC."""
        return self.next().start_at

    def next(self) -> "Month":
        """Return the month after."""
        return Month(self.year + self.month // _MONTHS, self.month % _MONTHS + 1)

    def previous(self) -> "Month":
        """Return the month before."""
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    def holds(self, moment: datetime) -> bool:
        """Say whether a moment falls in this month."""
        return self.start_at <= moment < self.end_at


def month_of(moment: datetime) -> Month:
    """Return the Shanghai month in which a moment falls."""
    day = day_of(moment)
    return Month(day.year, day.month)


def day_of(moment: datetime) -> date:
    """Return the Shanghai day on which a moment falls.

    Raises:
        ValueError: a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(SHANGHAI).date()


def split_by_month(start: datetime, end: datetime) -> list[tuple[Month, datetime, datetime]]:
    """Cut a half-open interval at Shanghai month ends; the pieces join without gap.

    Returns:
        One (month, start, end) per month touched, in UTC; an empty interval gives none.

    Raises:
        ValueError: the end lies before the start, or a moment has no zone.
    """
    if start.tzinfo is None or end.tzinfo is None or end < start:
        raise ValueError("an interval needs zoned moments, the end not before the start")
    pieces = []
    here = start.astimezone(UTC)
    last = end.astimezone(UTC)
    while here < last:
        month = month_of(here)
        until = min(month.end_at, last)
        pieces.append((month, here, until))
        here = until
    return pieces
