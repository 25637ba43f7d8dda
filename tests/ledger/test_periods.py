from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.periods import SHANGHAI, Month, day_of, month_of, split_by_month

MOMENTS = st.integers(978_307_200, 4_070_908_800).map(
    lambda each: datetime.fromtimestamp(each, UTC)
)


def test_a_month_begins_at_shanghai_midnight():
    october = Month(2026, 10)
    assert october.start_at == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert october.end_at == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert october.first_day == date(2026, 10, 1)
    assert (str(october), october.title) == ("2026-10", "2026年10月")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 9, 30, 15, 59, 59, 999999, tzinfo=UTC), date(2026, 9, 30)),
        (datetime(2026, 9, 30, 16, tzinfo=UTC), date(2026, 10, 1)),
        (datetime(2026, 10, 1, tzinfo=timezone(timedelta(hours=-10))), date(2026, 10, 1)),
        (datetime(2026, 10, 1, tzinfo=SHANGHAI), date(2026, 10, 1)),
    ],
)
def test_a_day_is_a_shanghai_day_whatever_zone_the_moment_came_in(moment, day):
    assert day_of(moment) == day
    assert month_of(moment) == Month(day.year, day.month)


def test_a_moment_without_a_zone_is_refused():
    naive = datetime(2026, 10, 1)  # noqa: DTZ001 - the fault under test
    with pytest.raises(ValueError, match="zone"):
        day_of(naive)
    with pytest.raises(ValueError, match="zoned"):
        split_by_month(naive, naive)


def test_months_follow_each_other_over_the_year_end():
    assert Month(2026, 12).next() == Month(2027, 1)
    assert Month(2027, 1).previous() == Month(2026, 12)
    assert Month(2026, 12) < Month(2027, 1)


@pytest.mark.parametrize(
    "text",
    ["2026-1", "2026/10", "202610", "2026-13", "2026-00", "２０２６-10", "2026-10 ", "", "-"],
)
def test_a_month_in_any_other_form_is_refused(text):
    with pytest.raises(ValueError, match=r"月份|month"):
        Month.parse(text)


@given(st.integers(2000, 2998), st.integers(1, 12))
def test_a_month_reads_back_and_borders_on_its_neighbours(year, number):
    month = Month(year, number)
    assert Month.parse(str(month)) == month
    assert month.next().previous() == month
    assert month.end_at == month.next().start_at
    assert month.holds(month.start_at)
    assert not month.holds(month.end_at)


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=200)))
def test_the_pieces_of_an_interval_join_without_gap(start, length):
    pieces = split_by_month(start, start + length)
    assert sum((end - begin for _, begin, end in pieces), timedelta()) == length
    at = start
    for month, begin, end in pieces:
        assert begin == at
        assert month.start_at <= begin < end <= month.end_at
        at = end


def test_an_empty_interval_has_no_pieces_and_a_reversed_one_is_refused():
    at = datetime(2026, 10, 1, tzinfo=UTC)
    assert split_by_month(at, at) == []
    with pytest.raises(ValueError, match="before"):
        split_by_month(at, at - timedelta(seconds=1))
