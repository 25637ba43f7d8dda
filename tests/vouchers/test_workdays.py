"""Chinese working days: golden periods, make-up Saturdays, unknown years refused."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import chinese_calendar
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from ledger.refusals import Refused
from vouchers.workdays import WorkCalendar, end_of

CHINA = Path(settings.SHARED_DATA_DIR) / "china"
YEARS = (2024, 2025, 2026)


def known(years=YEARS):
    off = [(d, True) for d in chinese_calendar.holidays if d.year in years]
    worked = [(d, False) for d in chinese_calendar.workdays if d.year in years]
    return WorkCalendar.of(years, off + worked)


GOLDEN = [
    ("2026-02-12", 5, "2026-02-26"),  # across the Spring Festival, with 14 Feb worked
    ("2026-04-30", 5, "2026-05-11"),  # across May Day, with Saturday 9 May worked
    ("2026-09-29", 5, "2026-10-12"),  # across National Day, with Saturday 10 Oct worked
    ("2026-10-15", 5, "2026-10-22"),
    ("2026-10-16", 1, "2026-10-19"),
    ("2025-09-26", 1, "2025-09-28"),  # Sunday 28 September 2025 was worked
    ("2025-09-30", 1, "2025-10-09"),
    ("2026-12-24", 5, "2026-12-31"),
]


@pytest.mark.parametrize(("start", "count", "last"), GOLDEN)
def test_a_period_ends_on_its_last_working_day(start, count, last):
    found = known().add_working_days(date.fromisoformat(start), count)
    assert found == date.fromisoformat(last)


@pytest.mark.parametrize(("start", "count", "last"), GOLDEN)
def test_counting_back_gives_the_same_number_of_days(start, count, last):
    between = known().working_days_between(date.fromisoformat(start), date.fromisoformat(last))
    assert between == count


def test_a_period_into_a_year_without_table_is_refused_with_the_year():
    with pytest.raises(Refused) as refusal:
        known().add_working_days(date(2026, 12, 28), 5)
    assert refusal.value.code == "calendar_missing"
    assert "2027" in refusal.value.message
    assert "载入 2027 年节假日表" in refusal.value.message


def test_the_last_days_of_a_known_year_can_still_be_counted():
    assert known().add_working_days(date(2026, 12, 28), 3) == date(2026, 12, 31)


def test_a_period_has_at_least_one_day():
    with pytest.raises(ValueError, match="at least one"):
        known().add_working_days(date(2026, 10, 15), 0)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-10-10", True),  # Saturday, worked for National Day
        ("2026-10-08", True),
        ("2026-10-07", False),
        ("2026-09-20", True),  # Sunday, worked for the Mid-Autumn Festival
        ("2026-10-11", False),
        ("2026-01-04", True),
        ("2025-01-26", True),
        ("2025-10-08", False),
    ],
)
def test_holidays_and_make_up_days_decide_before_the_weekday(day, works):
    assert known().is_working_day(date.fromisoformat(day)) is works


def test_a_day_ends_at_midnight_in_shanghai():
    assert end_of(date(2026, 10, 22)) == datetime(2026, 10, 22, 16, tzinfo=UTC)


@given(st.dates(date(2024, 1, 1), date(2026, 10, 1)), st.integers(1, 30))
def test_longer_periods_never_end_earlier(start, count):
    calendar = known()
    shorter = calendar.add_working_days(start, count)
    longer = calendar.add_working_days(start, count + 1)
    assert start < shorter < longer
    assert calendar.is_working_day(shorter)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.skipif(not CHINA.exists(), reason="shared data (china/holiday_cn_*.json) is absent")
def test_the_package_agrees_with_the_announcements(year):
    told = json.loads((CHINA / f"holiday_cn_{year}.json").read_text())["days"]
    calendar = known()
    wrong = [
        day
        for day in told
        if calendar.is_working_day(date.fromisoformat(day["date"])) is day["isOffDay"]
    ]
    assert wrong == []
