"""The work calendar as stored: years and days that were announced."""

from datetime import date, datetime

from vouchers.models import CalendarYear, Holiday
from vouchers.workdays import WorkCalendar


def work_calendar() -> WorkCalendar:
    """Return the calendar of all years loaded so far."""
    rows = list(CalendarYear.objects.values_list("year", "days__day", "days__is_off"))
    days = [(day, is_off) for _, day, is_off in rows if day is not None]
    return WorkCalendar.of({year for year, _, _ in rows}, days)


def store_year(year: int, days: list[tuple[date, bool, str]], *, source: str, at: datetime) -> int:
    """Store the holidays of a year (day, is off, name) and return how many days were new."""
    row, _ = CalendarYear.objects.get_or_create(
        year=year, defaults={"source": source, "loaded_at": at}
    )
    known = set(row.days.values_list("day", flat=True))
    fresh = [
        Holiday(calendar_year=row, day=day, is_off=is_off, name=name)
        for day, is_off, name in days
        if day not in known
    ]
    Holiday.objects.bulk_create(fresh)
    return len(fresh)
