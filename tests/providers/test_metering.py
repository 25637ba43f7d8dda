"""Usage taken in: outcomes, postings, corrections, releases, against PostgreSQL."""

import gzip
from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.balances import balance
from ledger.chart import metered, unmatched
from ledger.identifiers import new_id
from ledger.periods import Month
from ledger.refusals import Refused
from providers import listing, metering, ordering
from providers.models import BatchRow, MeteringMonth, UsageBatch, UsageConflict, UsageRecord
from tests.providers import world
from tests.providers.world import CHIEF, CLERK, LATER, World

pytestmark = pytest.mark.django_db
OCTOBER = Month(2026, 10)
HOUR = 8 * 1000 * 3600  # eight devices for one hour, in device_milli_seconds


def records(**wanted):
    return list(UsageRecord.objects.filter(**wanted).order_by("record_id", "segment"))


def waiting():
    """Return what kinds of records keep October open; days without reports are another matter."""
    return sorted(each.kind for each in metering.blockers(OCTOBER) if each.kind != "gap")


def test_an_honest_record_is_stored_once_counted_and_posted():
    there = World()
    batch = there.send(there.record())
    assert batch.status == UsageBatch.Status.ACCEPTED
    assert batch.counts == {
        "rows": 1,
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "rejected": 0,
        "held": 0,
        "open": 0,
        "zero": 0,
    }
    assert batch.device_milli_seconds == HOUR
    assert f"{batch.pflops_hours:f}" == "2.496000"
    assert batch.rated["gross_fen"] == str(8 * 600)
    (stored,) = records()
    assert (stored.state, stored.counted, stored.settle_month) == ("accepted", True, "2026-10")
    gflops_seconds = HOUR * 312_000 // 1000
    assert balance(unmatched(there.provider.pk, OCTOBER)).available == gflops_seconds
    assert balance(metered(there.provider.pk, OCTOBER)).available == -gflops_seconds
    (line,) = metering.monthly_usage(OCTOBER)
    assert (line.order_id, line.device_milli_seconds, line.records) == (there.order.pk, HOUR, 1)


def test_the_same_batch_again_changes_nothing():
    there = World()
    there.send(there.record(), there.record("r-2"))
    again = there.send(there.record("r-2"), there.record())
    assert again.counts["duplicate"] == 2
    assert UsageRecord.objects.count() == 2
    assert metering.monthly_usage(OCTOBER)[0].device_milli_seconds == 2 * HOUR


def test_the_same_key_gives_the_same_batch_and_another_body_is_refused():
    there = World()
    key = new_id()
    first = there.send(there.record(), key=key)
    assert there.send(there.record(), key=key).pk == first.pk
    assert UsageBatch.objects.count() == 1
    with pytest.raises(Refused) as refused:
        there.send(there.record("other"), key=key)
    assert refused.value.code == "idempotency_key_reused"


def test_a_conflict_overwrites_nothing_and_keeps_both_digests():
    there = World()
    there.send(there.record())
    batch = there.send(there.record(device_count=9), there.record("r-2"))
    assert (batch.status, batch.counts["conflict"], batch.counts["accepted"]) == ("partial", 1, 1)
    assert records(record_id="r-1")[0].device_count == 8
    conflict = UsageConflict.objects.get()
    assert bytes(conflict.stored_digest) == bytes(records(record_id="r-1")[0].content_digest)
    assert bytes(conflict.given_digest) != bytes(conflict.stored_digest)
    assert conflict.given["device_count"] == "9"
    assert waiting() == ["conflict"]


def test_one_id_twice_in_a_batch_is_a_duplicate_if_equal_and_a_conflict_for_both_if_not():
    there = World()
    batch = there.send(
        there.record(), there.record(), there.record("r-2"), there.record("r-2", device_count=1)
    )
    assert (batch.counts["accepted"], batch.counts["duplicate"]) == (1, 1)
    assert batch.counts["conflict"] == 2
    assert not records(record_id="r-2")


def test_the_whole_batch_is_refused_by_default_and_only_the_attempt_is_kept():
    there = World()
    batch = there.send(
        there.record(), there.record("bad", device_count=-1), on_error="reject_batch"
    )
    assert (batch.status, batch.refused_code) == ("rejected", "batch_refused")
    assert not records()
    (row,) = BatchRow.objects.filter(batch=batch)
    assert row.faults == [{"column": "device_count", "code": "out_of_range", "value": "-1"}]


@pytest.mark.parametrize(
    ("changes", "code", "column"),
    [
        ({"order_no": "PTDD-2026-999999"}, "unknown_order", "order_no"),
        ({"started_at": "2026-09-30T23:59:59+08:00"}, "outside_order", "ended_at"),
        ({"ended_at": "2027-01-01T00:00:01+08:00"}, "outside_order", "ended_at"),
        ({"started_at": "2026-11-20T10:05:01+08:00", "ended_at": None}, "in_future", "started_at"),
        ({"corrects": "nobody", "reason": "x"}, "unknown_corrected", "corrects"),
    ],
)
def test_what_contradicts_the_order_is_rejected_with_its_code(changes, code, column):
    there = World()
    record = {k: v for k, v in there.record(**changes).items() if v is not None}
    batch = there.send(record)
    assert batch.counts["rejected"] == 1
    (row,) = BatchRow.objects.filter(batch=batch)
    assert [(each["code"], each["column"]) for each in row.faults] == [(code, column)]


def test_an_order_that_is_not_accepted_takes_no_usage():
    there = World(accept=False)
    assert there.send(there.record()).counts["rejected"] == 1
    ordering.accept_order(there.order, actor=world.ENGINEER, at=world.AT)
    assert there.send(there.record()).counts["accepted"] == 1


def test_open_zero_and_held_are_kept_and_named():
    there = World()
    unended = {k: v for k, v in there.record("open").items() if k != "ended_at"}
    batch = there.send(
        unended,
        there.record("none", device_count=0),
        there.record("instant", ended_at="2026-10-03T00:00:00+08:00"),
        there.record("strange", device_model="G3"),
    )
    counts = batch.counts
    assert (counts["open"], counts["zero"], counts["held"], counts["accepted"]) == (1, 2, 1, 0)
    assert waiting() == ["open", "unknown_model"]
    assert not metering.monthly_usage(OCTOBER)


def test_a_record_over_a_month_end_is_cut_there_exactly():
    there = World()
    there.send(
        there.record(
            started_at="2026-10-31T23:30:00.5+08:00", ended_at="2026-11-01T01:30:01.25+08:00"
        )
    )
    first, second = records()
    assert (first.month, first.segment, second.month, second.segment) == (
        "2026-10",
        0,
        "2026-11",
        1,
    )
    total = 8 * 1000 * 7200
    assert first.device_milli_seconds == 8 * 1000 * 1799
    assert first.device_milli_seconds + second.device_milli_seconds == total
    assert first.ended_at == second.started_at == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert (
        there.send(
            there.record(
                started_at="2026-10-31T15:30:00.500Z", ended_at="2026-10-31T17:30:01.250000Z"
            )
        ).counts["duplicate"]
        == 1
    )


def test_a_held_record_is_released_when_its_model_is_registered_without_being_sent_again():
    there = World()
    there.send(there.record(device_model="New-Chip"))
    model = world.a_model("new-chip", rate=False)
    world.give_capacity(there.provider, model, 8)
    assert records()[0].state == "held"
    world.give_rate(model, 100_000)
    (released,) = records()
    assert (released.state, released.counted, released.gflops) == ("accepted", True, 100_000)
    assert balance(unmatched(there.provider.pk, OCTOBER)).available == HOUR * 100
    assert metering.release_held(actor=CLERK, at=LATER) == 0


def test_an_alias_releases_too():
    there = World()
    there.send(there.record(device_model="A100-SXM4"))
    alias = listing.propose_alias(there.model, "A100-SXM4", actor=CLERK, at=LATER)
    assert records()[0].state == "held"
    listing.approve_alias(alias, actor=CHIEF, at=LATER)
    assert records()[0].state == "accepted"


def test_use_beyond_the_registered_capacity_waits_and_goes_when_capacity_comes():
    there = World(devices=10)
    batch = there.send(
        there.record("a"),
        there.record("b", started_at="2026-10-03T00:30:00+08:00"),
        there.record(
            "c", started_at="2026-10-03T01:00:00+08:00", ended_at="2026-10-03T02:00:00+08:00"
        ),
    )
    assert (batch.counts["held"], batch.counts["accepted"]) == (2, 1)
    assert {each.hold_reason for each in records(state="held")} == {"over_capacity"}
    world.give_capacity(there.provider, there.model, 6)
    assert {each.state for each in records()} == {"accepted"}


def test_use_beyond_capacity_is_found_across_batches():
    there = World(devices=10)
    assert there.send(there.record("a")).counts["accepted"] == 1
    assert there.send(there.record("b")).counts["held"] == 1


def test_a_model_without_registered_capacity_waits():
    there = World()
    world.a_model("nvidia-h20", 148_000)
    there.send(there.record(device_model="nvidia-h20"))
    assert records()[0].hold_reason == "no_capacity"


def test_a_correction_takes_the_old_record_back_and_states_the_new_one():
    there = World()
    there.send(there.record())
    batch = there.send(there.record("r-1b", device_count=4, corrects="r-1", reason="数错了"))
    assert batch.counts["accepted"] == 1
    states = [
        (each.record_id, each.segment, each.state, each.device_milli_seconds) for each in records()
    ]
    assert states == [
        ("r-1", 0, "superseded", HOUR),
        ("r-1", 1000, "reversal", -HOUR),
        ("r-1b", 0, "accepted", HOUR // 2),
    ]
    (line,) = metering.monthly_usage(OCTOBER)
    assert (line.device_milli_seconds, line.records) == (HOUR // 2, 1)
    assert balance(unmatched(there.provider.pk, OCTOBER)).available == HOUR // 2 * 312
    assert there.send(there.record("r-1c", corrects="r-1", reason="又错了")).counts["rejected"] == 1


def test_a_correction_in_the_same_batch_as_its_target_works_in_any_order():
    there = World()
    batch = there.send(
        there.record("new", device_count=1, corrects="old", reason="更正"), there.record("old")
    )
    assert batch.counts["accepted"] == 2
    assert metering.monthly_usage(OCTOBER)[0].device_milli_seconds == HOUR // 8


def test_a_correction_closes_an_open_record():
    there = World()
    unended = {k: v for k, v in there.record("job").items() if k != "ended_at"}
    there.send(unended)
    there.send(there.record("job-end", corrects="job", reason="已结束"))
    assert not waiting()
    assert metering.monthly_usage(OCTOBER)[0].device_milli_seconds == HOUR


def test_usage_of_a_closed_month_settles_in_the_next_open_one_and_its_correction_waits():
    there = World()
    there.send(there.record())
    MeteringMonth.objects.create(month="2026-10", closed_at=LATER, closed_by="系统")
    there.send(there.record("late"))
    late = records(record_id="late")[0]
    assert (late.month, late.settle_month) == ("2026-10", "2026-11")
    batch = there.send(there.record("fix", corrects="r-1", reason="晚了"))
    assert batch.counts["held"] == 1
    assert records(record_id="fix")[0].hold_reason == "late_correction"
    assert metering.monthly_usage(OCTOBER)[0].device_milli_seconds == HOUR


def test_cutting_and_ordering_a_month_differently_gives_the_same_sums():
    there = World(devices=1000)
    sent = [
        there.record(f"r-{number}", device_count=number % 7 + 1, share_milli=1000 - number)
        for number in range(40)
    ]
    there.send(*sent)
    whole = metering.monthly_usage(OCTOBER)
    with transaction.atomic():
        other = World(devices=1000, enterprise=there.order.enterprise)
        moved = [dict(each, order_no=other.order.order_no) for each in reversed(sent)]
        for first in range(0, len(moved), 7):
            other.send(*moved[first : first + 7])
        cut = metering.monthly_usage(OCTOBER, other.provider)
    sums = [(each.gflops, each.device_milli_seconds, each.records) for each in whole]
    assert sums == [(each.gflops, each.device_milli_seconds, each.records) for each in cut]


def test_test_uploads_are_kept_apart_and_never_count():
    there = World()
    batch = there.send(there.record(), there.record("t", order_no="TEST-OK"), livemode=False)
    assert batch.counts["accepted"] == 2
    assert not metering.monthly_usage(OCTOBER)
    assert balance(unmatched(there.provider.pk, OCTOBER)).available == 0
    assert there.send(there.record()).counts["accepted"] == 1
    assert there.send(there.record("t", order_no="TEST-OK")).counts["rejected"] == 1


def test_ids_of_two_providers_do_not_meet():
    there = World()
    there.send(there.record())
    other = World(enterprise=there.order.enterprise)
    assert other.send(other.record()).counts["accepted"] == 1
    assert other.send(there.record("x")).counts["rejected"] == 1


def test_control_totals_refuse_a_batch_that_differs():
    there = World()
    for totals, code in [
        ({"expected_rows": 2}, "count_mismatch"),
        ({"expected_device_milli_seconds": HOUR - 1}, "sum_mismatch"),
    ]:
        with pytest.raises(Refused) as refused:
            there.send(there.record(), **totals)
        assert refused.value.code == code
    assert (
        there.send(there.record(), expected_rows=1, expected_device_milli_seconds=HOUR).counts[
            "accepted"
        ]
        == 1
    )
    assert UsageBatch.objects.count() == 1


def test_csv_ndjson_and_gzip_say_the_same():
    there = World()
    record = there.record()
    table = (",".join(record) + "\n" + ",".join(str(v) for v in record.values()) + "\n").encode()
    assert there.send(body=table, content_type="text/csv").counts["accepted"] == 1
    packed = gzip.compress(table)
    batch = there.send(body=packed, content_type="text/csv", content_encoding="gzip")
    assert batch.counts["duplicate"] == 1


def test_validation_says_what_would_happen_and_keeps_nothing():
    there = World()
    upload = metering.Upload(
        b'{"records": [{"record_id": "x"}]}', "application/json", on_error="reject_batch"
    )
    verdict = metering.validate_upload(
        there.provider, upload, provider_key=None, livemode=True, actor=CLERK, at=LATER
    )
    assert (verdict.batch.status, verdict.fault_rows) == ("rejected", 1)
    assert {each["column"] for each in verdict.faults} == {
        "order_no",
        "device_model",
        "device_count",
        "started_at",
    }
    assert not UsageBatch.objects.exists()
    assert not BatchRow.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE providers_usagerecord SET device_milli_seconds = 1",
        "UPDATE providers_usagerecord SET state = 'zero'",
        "DELETE FROM providers_usagerecord",
        "TRUNCATE providers_usagerecord",
        "SET LOCAL providers.moving_usage = 'on'; UPDATE providers_usagerecord SET order_id = NULL",
        "SET LOCAL providers.moving_usage = 'on'; UPDATE providers_usagerecord SET counted = false",
        "SET LOCAL providers.moving_usage = 'on'; UPDATE providers_usagerecord SET state = 'open'",
        "UPDATE providers_usagebatch SET accepted = 5, rows = 5",
        "DELETE FROM providers_usagebatch",
        "UPDATE providers_acceleratorrate SET gflops = 1",
        "UPDATE providers_staterow SET reason = 'x'",
        "UPDATE providers_offeringprice SET price_fen = 1",
    ],
)
@pytest.mark.superuser
def test_the_database_refuses_to_change_what_was_recorded(statement):
    there = World()
    there.send(there.record())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert records()[0].device_milli_seconds == HOUR


def test_an_order_of_one_day_takes_that_day_and_not_a_second_more():
    there = World(starts_on=date(2026, 10, 3), ends_on=date(2026, 10, 3))
    assert there.send(there.record(ended_at="2026-10-04T00:00:00+08:00")).counts["accepted"] == 1
    assert (
        there.send(there.record("r-2", ended_at="2026-10-04T00:00:00.1+08:00")).counts["rejected"]
        == 1
    )
