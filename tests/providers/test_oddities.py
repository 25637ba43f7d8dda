"""What looks odd is told with its figures, once, and nothing is refused for it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.models import LogEntry
from ledger.periods import Month
from ledger.refusals import Refused
from providers import deciding, looking
from providers.models import Finding, MeteringMonth
from providers.oddities import JOB_OVERLAPS
from tests.providers.world import CHIEF, CLERK, LATER, World

pytestmark = pytest.mark.django_db

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)


def look(month=OCTOBER, at=LATER):
    return looking.look_for_oddities(month, actor=CLERK, at=at)


def found(kind):
    return [(f.subject, f.records, f.figures) for f in Finding.objects.filter(kind=kind)]


def at(day, hour=0, length=1, month=10):
    start = datetime(2026, month, day, hour, tzinfo=UTC)
    return {
        "started_at": start.isoformat(),
        "ended_at": (start + timedelta(hours=length)).isoformat(),
    }


def test_utilisation_above_the_threshold_is_told_once_per_model():
    there = World()
    there.send(
        there.record("low", utilisation_pct="85", **at(3)),
        there.record("high", utilisation_pct="99.5", **at(4)),
        there.record("higher", utilisation_pct="100", **at(5)),
    )
    assert look() == 1
    assert found("high_utilisation") == [
        ("nvidia-a100", ["higher", "high"],
         {"records": "2", "highest_pct": "100", "threshold_pct": "85"}),
    ]  # fmt: skip
    assert look() == 0
    assert LogEntry.objects.filter(type="metering.look").count() == 1


@pytest.mark.parametrize(("last", "count"), [(8, 1), (7, 0)])
def test_a_fleet_that_uses_the_same_every_day_is_told_after_seven_days(last, count):
    there = World()
    there.send(*(there.record(f"r-{day}", **at(day)) for day in range(2, last + 1)))
    look()
    assert len(found("never_varies")) == count


def test_a_fleet_that_varies_is_not_told():
    there = World()
    there.send(*(there.record(f"r-{n}", **at(n, length=1 + n % 2)) for n in range(2, 12)))
    look()
    assert not found("never_varies")


def test_declared_seconds_that_differ_are_told_by_order_with_both_sums():
    there = World()
    there.send(
        there.record("same", device_seconds="28800", **at(3)),
        there.record("rounded", device_seconds="28800.9", **at(4)),
        there.record("queue", device_seconds="30000.5", **at(5)),
    )
    look()
    assert found("declared_differs") == [
        (there.order.order_no, ["queue"],
         {"records": "1", "declared_device_seconds": "30000.5",
          "computed_device_seconds": "28800"}),
    ]  # fmt: skip


def test_a_rise_is_told_at_once_and_a_fall_when_the_month_is_over():
    there = World()
    there.send(there.record("october", **at(3, length=10)), there.record("b", **at(4, length=3)))
    there.send(there.record("november", **at(3, length=4, month=11)))
    assert look(NOVEMBER, at=LATER) == 0
    assert look(NOVEMBER, at=NOVEMBER.end_at) == 2
    hour = 8 * 3_600_000
    assert found("month_jump") == [
        ("nvidia-a100", [], {"before": str(13 * hour), "now": str(4 * hour), "factor": "3"})
    ]
    assert found("order_jump")[0][0] == there.order.order_no
    there.send(there.record("more", **at(5, length=40, month=11)))
    assert look(NOVEMBER, at=NOVEMBER.end_at) == 0


def test_the_same_job_from_the_same_moment_under_two_numbers_may_be_a_duplicate():
    there = World()
    there.send(
        there.record("one", job_ref="job-7", **at(3)),
        there.record("two", job_ref="job-7", device_count=4, **at(3)),
        there.record("other", job_ref="job-8", **at(3)),
        there.record("unnamed", **at(3)),
        there.record("unnamed-2", **at(3)),
    )
    look()
    assert found("possible_duplicate") == [
        (f"{there.order.order_no} job-7 2026-10-03 08:00:00", ["one", "two"],
         {"records": "2", "device_milli_seconds": str(12 * 3_600_000)}),
    ]  # fmt: skip
    assert [subject for subject, _, _ in found("job_overlap")] == [f"{there.order.order_no} job-7"]


spans = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.integers(1, 12)), max_size=12
)


@given(spans)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_sweep_for_overlapping_jobs_agrees_with_looking_at_every_pair(jobs):
    with transaction.atomic():
        there = World(devices=1000)
        records = [
            there.record(f"r-{number:02d}", job_ref=job, **at(3 + start // 24, start % 24, length))
            for number, (job, start, length) in enumerate(jobs)
        ]
        if records:
            there.send(*records)
        with connection.cursor() as cursor:
            cursor.execute(JOB_OVERLAPS, {"month": "2026-10"})
            swept = {line[3] for line in cursor.fetchall()}
        order = sorted(range(len(jobs)), key=lambda n: (jobs[n][1], n))
        late = {
            f"r-{mine:02d}"
            for place, mine in enumerate(order)
            for other in order[:place]
            if jobs[other][0] == jobs[mine][0] and sum(jobs[other][1:]) > jobs[mine][1]
        }
        assert swept == late
        transaction.set_rollback(True)


def test_a_finding_is_decided_with_a_reason_and_every_decision_is_kept():
    there = World()
    there.send(there.record(utilisation_pct="99"))
    look()
    finding = Finding.objects.get()
    with pytest.raises(Refused):
        deciding.decide_finding(finding, "genuine", reason=" ", actor=CHIEF, at=LATER)
    with pytest.raises(Refused):
        deciding.decide_finding(finding, "burn", reason="x", actor=CHIEF, at=LATER)
    deciding.decide_finding(finding, "ask", reason="请说明", actor=CLERK, at=LATER)
    assert Finding.objects.undecided().get() == finding
    deciding.decide_finding(finding, "genuine", reason="训练任务", actor=CHIEF, at=LATER)
    assert not Finding.objects.undecided().exists()
    assert [each.choice for each in finding.decisions.order_by("id")] == ["ask", "genuine"]
    assert LogEntry.objects.filter(type="metering.finding").count() == 2
    for table in ("finding", "findingdecision"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM providers_{table}")


def test_the_months_looked_at_are_the_running_one_and_those_still_open():
    assert [str(each) for each in looking.months_to_look_at(LATER)] == [
        "2026-11", "2026-10", "2026-09",
    ]  # fmt: skip
    MeteringMonth.objects.create(month="2026-10", closed_at=LATER, closed_by="系统")
    assert looking.months_to_look_at(LATER) == [NOVEMBER]
