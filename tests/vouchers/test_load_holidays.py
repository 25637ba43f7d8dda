"""The table of holidays: filled by migration, extended by command, never guessed."""

import io
import json
from datetime import date

import pytest
from django.core.management import CommandError, call_command

from ledger.refusals import Refused
from vouchers.calendars import work_calendar
from vouchers.models import CalendarYear, Holiday

pytestmark = pytest.mark.django_db


def run(*args, **options):
    out = io.StringIO()
    call_command("load_holidays", *args, stdout=out, **options)
    return out.getvalue()


def test_the_announced_years_are_there_from_the_start():
    assert set(CalendarYear.objects.values_list("year", flat=True)) == {2024, 2025, 2026}
    assert Holiday.objects.get(day=date(2026, 10, 1)).name == "国庆节"
    assert Holiday.objects.get(day=date(2026, 10, 10)).is_off is False


def test_a_year_that_was_not_announced_cannot_be_loaded_from_the_package():
    with pytest.raises(CommandError, match="没有 2027 年的节假日安排"):
        run("2027")
    with pytest.raises(Refused, match="2027"):
        work_calendar().is_working_day(date(2027, 1, 4))


def test_a_year_is_loaded_from_a_file_and_can_be_counted(tmp_path):
    days = [{"name": "元旦", "date": "2027-01-01", "isOffDay": True},
            {"name": "元旦", "date": "2027-01-09", "isOffDay": False},
            {"name": "别年", "date": "2028-01-01", "isOffDay": True}]  # fmt: skip
    path = tmp_path / "2027.json"
    path.write_text(json.dumps({"days": days}), encoding="utf-8")
    assert "共 2 天，新增 2 天" in run("2027", file=str(path))
    assert "新增 0 天" in run("2027", file=str(path))
    calendar = work_calendar()
    assert not calendar.is_working_day(date(2027, 1, 1))
    assert calendar.is_working_day(date(2027, 1, 9))
    assert CalendarYear.objects.get(year=2027).source == "2027.json"


def test_an_empty_announcement_is_no_announcement(tmp_path):
    path = tmp_path / "2027.json"
    path.write_text('{"days": []}', encoding="utf-8")
    with pytest.raises(CommandError):
        run("2027", file=str(path))
    assert not CalendarYear.objects.filter(year=2027).exists()


def test_loading_a_known_year_again_adds_nothing():
    assert "新增 0 天" in run("2026")
