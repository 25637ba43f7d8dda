"""Exact use: golden figures, and parts that always add up to the whole."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.amounts import pflops_hours_text
from ledger.periods import SHANGHAI, month_of
from providers.measures import device_milli_seconds, split_use, whole_seconds

DAY = 24 * 3600
MOMENTS = st.datetimes(
    min_value=datetime(2016, 1, 1),  # noqa: DTZ001 - Hypothesis wants the bounds naive
    max_value=datetime(2027, 12, 31),  # noqa: DTZ001 - the zone comes from the next line
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("devices", "gflops", "hours", "pflops_hours"),
    [
        (8, 989_000, 24, "189.888000"),  # H800
        (8, 312_000, 24, "59.904000"),  # A800
        (8, 313_000, 24, "60.096000"),  # 910B
        (8, 320_000, 24, "61.440000"),
        (8, 148_000, 24, "28.416000"),  # H20
        (1, 165_200, 24, "3.964800"),  # 4090
        (16, 752_000, 24, "288.768000"),  # 910C
        (8, 362_000, 24, "69.504000"),  # L40S
        (1, 312_000, 1, "0.312000"),  # one A100 hour
        (8, 989_000, 1, "7.912000"),  # eight H100 SXM for one hour
    ],
)
def test_the_golden_figures_come_out_to_the_last_digit(devices, gflops, hours, pflops_hours):
    use = device_milli_seconds(devices, 1000, hours * 3600)
    assert pflops_hours_text(use * gflops) == pflops_hours


def test_a_quarter_of_a_device_is_a_quarter_of_its_use():
    assert device_milli_seconds(1, 250, DAY) * 4 == device_milli_seconds(1, 1000, DAY)


@pytest.mark.parametrize(
    ("count", "share", "seconds"), [(-1, 1000, 1), (1, 0, 1), (1, 1001, 1), (1, 1000, -1)]
)
def test_impossible_uses_are_refused(count, share, seconds):
    with pytest.raises(ValueError, match="out of range"):
        device_milli_seconds(count, share, seconds)


def test_an_interval_is_floored_to_whole_seconds_once():
    start = datetime(2026, 10, 1, tzinfo=UTC)
    assert whole_seconds(start, start + timedelta(seconds=1, microseconds=999_999)) == 1
    assert whole_seconds(start, start) == 0
    with pytest.raises(ValueError, match="before it starts"):
        whole_seconds(start, start - timedelta(microseconds=1))


def test_a_record_over_two_month_ends_has_three_parts():
    start = datetime(2026, 9, 30, 23, tzinfo=SHANGHAI)
    end = datetime(2026, 11, 1, 1, tzinfo=SHANGHAI)
    parts = split_use(start, end, device_count=2, share_milli=500)
    assert [(str(part.month), part.device_milli_seconds) for part in parts] == [
        ("2026-09", 3_600_000), ("2026-10", 31 * DAY * 1000), ("2026-11", 3_600_000),
    ]  # fmt: skip


@given(
    start=MOMENTS,
    length=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)),
    count=st.integers(0, 2000),
    share=st.integers(1, 1000),
)
def test_the_parts_add_up_join_and_lie_in_their_months(start, length, count, share):
    end = start + length
    parts = split_use(start, end, device_count=count, share_milli=share)
    whole = device_milli_seconds(count, share, whole_seconds(start, end))
    assert sum(part.device_milli_seconds for part in parts) == whole
    assert (parts[0].started_at, parts[-1].ended_at) == (start, end)
    assert all(before.ended_at == after.started_at for before, after in pairwise(parts))
    for part in parts:
        assert part.device_milli_seconds >= 0
        assert month_of(part.started_at) == part.month
        assert whole == 0 or part.ended_at <= part.month.end_at
