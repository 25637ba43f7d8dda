"""The calendar of days and the numbering of uploads: what is missing is named, and only that."""

import hashlib
from datetime import UTC, date, datetime

import pytest

from ledger.identifiers import new_id
from ledger.periods import Month
from providers import calendar, declaring, metering
from providers.models import UsageBatch
from tests.providers import world
from tests.providers.world import CLERK, ENGINEER, World, a_live_key

pytestmark = pytest.mark.django_db

OCTOBER = Month(2026, 10)
OVER = OCTOBER.end_at


def days(there, at=OVER):
    return {each.day.day: each for each in calendar.month_calendar(there.provider, OCTOBER, at=at)}


def on(there, record_id, day, hour=0, **more):
    return (
        there.record(
            record_id,
            started_at=f"2026-10-{day:02d}T{hour:02d}:00:00+08:00",
            ended_at=f"2026-10-{day:02d}T{hour:02d}:59:00+08:00",
        )
        | more
    )


def manifest(there, day, ids, sums):
    digest = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    return declaring.take_manifest(
        there.provider,
        date(2026, 10, day),
        record_count=len(ids),
        sums=sums,
        ids_digest=digest,
        livemode=True,
        actor=ENGINEER,
        at=OVER,
    )


def test_each_day_says_whether_it_was_reported_declared_or_is_missing():
    there = World(starts_on=date(2026, 10, 2), ends_on=date(2026, 10, 5))
    there.send(on(there, "a", 2), on(there, "b", 2, 23))
    there.send(on(there, "c", 2, 5))
    declaring.declare_zero(
        there.provider, date(2026, 10, 3), livemode=True, actor=ENGINEER, at=OVER
    )
    told = days(there)
    assert [told[n].state for n in (1, 2, 3, 4, 5, 6)] == [
        "no_order", "reported", "zero_declared", "missing", "missing", "no_order",
    ]  # fmt: skip
    assert (told[2].records, told[2].batches) == (3, 2)
    assert [each.day.day for each in told.values() if each.is_gap] == [4, 5]


def test_a_day_belongs_to_shanghai_and_is_the_day_of_the_start():
    there = World(starts_on=date(2026, 10, 2), ends_on=date(2026, 10, 4))
    there.send(
        there.record(started_at="2026-10-02T15:59:59.9Z", ended_at="2026-10-02T17:00:00Z"),
        there.record("b", started_at="2026-10-03T16:00:00Z", ended_at="2026-10-03T17:00:00Z"),
    )
    told = days(there)
    assert (told[2].records, told[3].records, told[4].records) == (1, 0, 1)
    assert told[3].state == "reported"
    assert told[3].note == "当日无新记录，有前一日的作业延续"


def test_days_that_are_not_over_and_days_before_admission_need_nothing():
    there = World()
    told = days(there, at=datetime(2026, 10, 3, 15, 59, tzinfo=UTC))
    assert [told[n].state for n in (2, 3, 4)] == ["missing", "future", "future"]
    assert days(there, at=datetime(2026, 10, 3, 16, tzinfo=UTC))[3].state == "missing"
    there.provider.admitted_at = datetime(2026, 10, 20, tzinfo=UTC)
    assert {days(there)[n].state for n in range(1, 20)} == {"not_admitted"}


def test_work_that_runs_on_and_open_work_leave_no_gap():
    there = World(starts_on=date(2026, 10, 2), ends_on=date(2026, 10, 31))
    there.send(
        there.record(started_at="2026-10-02T08:00:00+08:00", ended_at="2026-10-05T00:00:00+08:00")
    )
    unended = {k: v for k, v in on(there, "open", 9).items() if k != "ended_at"}
    there.send(unended, at=datetime(2026, 10, 20, tzinfo=UTC))
    told = days(there)
    missing = [number for number, each in told.items() if each.state == "missing"]
    assert missing == [5, 6, 7, 8]


def test_a_manifest_that_differs_is_a_gap_and_the_newest_one_counts():
    there = World(starts_on=date(2026, 10, 3), ends_on=date(2026, 10, 3))
    there.send(on(there, "a", 3), on(there, "b", 3, 3))
    hour = 8 * 1000 * 3540
    manifest(there, 3, ["a", "b", "c"], {"nvidia-a100": str(3 * hour)})
    assert days(there)[3].state == "manifest_differs"
    assert days(there)[3].note == "清单 3 条，平台收到 2 条"
    manifest(there, 3, ["a", "x"], {"nvidia-a100": str(2 * hour)})
    assert days(there)[3].note == "条数同为 2，记录编号不同"
    manifest(there, 3, ["a", "b"], {"nvidia-a100": str(hour)})
    assert days(there)[3].note == "条数与编号相同，用量合计不同"
    assert manifest(there, 3, ["a", "b"], {"nvidia-a100": str(2 * hour)}).matches
    assert (days(there)[3].state, days(there)[3].manifest) == ("reported", "matches")


def test_an_empty_manifest_is_a_zero_declaration_and_one_for_an_empty_day_differs():
    there = World(starts_on=date(2026, 10, 3), ends_on=date(2026, 10, 4))
    manifest(there, 3, [], {})
    manifest(there, 4, ["lost"], {"nvidia-a100": "1"})
    told = days(there)
    assert (told[3].state, told[4].state) == ("zero_declared", "manifest_differs")


def test_a_record_over_midnight_is_compared_whole():
    there = World(starts_on=date(2026, 10, 31), ends_on=date(2026, 11, 1))
    sent = there.record(
        "over", started_at="2026-10-31T23:00:00+08:00", ended_at="2026-11-01T01:00:00+08:00"
    )
    there.send(sent)
    use = str(2 * 8 * 1000 * 3600)
    assert manifest(there, 31, ["over"], {"nvidia-a100": use}).matches
    assert days(there)[31].manifest == "matches"
    november = calendar.month_calendar(there.provider, Month(2026, 11), at=world.LATER)
    assert november[0].note == "当日无新记录，有前一日的作业延续"


def test_usage_after_a_zero_declaration_counts_and_the_day_says_so():
    there = World()
    declaring.declare_zero(
        there.provider, date(2026, 10, 3), livemode=True, actor=ENGINEER, at=OVER
    )
    there.send(there.record())
    told = days(there)[3]
    assert (told.state, told.declared_zero) == ("reported", True)
    assert told.note == "零申报之后又有上报，以上报为准"


def test_test_data_fills_no_day():
    there = World(starts_on=date(2026, 10, 3), ends_on=date(2026, 10, 3))
    there.send(there.record(), livemode=False)
    assert days(there)[3].state == "missing"
    tried = calendar.month_calendar(there.provider, OCTOBER, at=OVER, livemode=False)
    assert tried[2].state == "reported"


def test_missing_numbers_between_uploads_are_named_per_key_until_they_come():
    there = World()
    key, _, _ = a_live_key(there.provider)

    def send(number, record):
        upload = metering.Upload(
            b'{"records": [%s]}' % world.json.dumps(record).encode(),
            "application/json",
            on_error="accept_valid",
            sequence=number,
        )
        metering.take_upload(
            there.provider, upload, provider_key=key, livemode=True, actor=CLERK,
            at=world.LATER, key=new_id(),
        )  # fmt: skip

    send(7, on(there, "a", 3))
    send(11, on(there, "b", 4))
    (gap,) = calendar.sequence_gaps(there.provider, OCTOBER)
    assert (gap.key, gap.numbers) == (key.key_id, "8–10")
    send(8, on(there, "c", 4, 3))
    send(10, on(there, "d", 4, 5))
    (gap,) = calendar.sequence_gaps(there.provider, OCTOBER)
    assert gap.numbers == "9"
    assert not calendar.sequence_gaps(there.provider, Month(2026, 11))
    send(9, on(there, "e", 4, 7))
    assert not calendar.sequence_gaps(there.provider, OCTOBER)
    assert UsageBatch.objects.filter(sequence__isnull=False).count() == 5
