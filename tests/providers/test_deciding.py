"""Two people decide: corrections of shut months, records that never count, gaps that stay."""

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.balances import balance
from ledger.chart import metered, unmatched
from ledger.periods import Month
from ledger.refusals import Refused
from providers import deciding, metering
from providers.models import BatchRow, MeteringMonth, UsageRecord
from tests.providers import world
from tests.providers.world import CHIEF, CLERK, LATER, World

pytestmark = pytest.mark.django_db

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
HOUR = 8 * 1000 * 3600
SHOWN = ("record_id", "segment", "state", "hold_reason", "month", "settle_month")


def rows(**wanted):
    found = UsageRecord.objects.filter(**wanted).order_by("record_id", "segment")
    return [(*(getattr(each, name) for name in SHOWN), each.device_milli_seconds) for each in found]


def shut_october(there):
    return MeteringMonth.objects.create(month="2026-10", closed_at=LATER, closed_by="系统")


def ask(there, kind, subject, actor=CLERK):
    return deciding.propose_request(
        there.provider, kind, subject, reason="核对无误", actor=actor, at=LATER
    )


def agree(request, actor=CHIEF):
    return deciding.decide_request(request, agree=True, actor=actor, at=LATER)


def corrected(**changes):
    """Return a world whose shut October has one record and a correction of it that waits."""
    there = World()
    there.send(there.record())
    shut_october(there)
    there.send(
        there.record("fix", **({"device_count": 3, "corrects": "r-1"} | changes), reason="错")
    )
    return there


def test_a_correction_of_a_shut_month_waits_and_changes_nothing_until_two_people_agree():
    there = corrected()
    assert rows() == [
        ("fix", 0, "held", "late_correction", "2026-10", "2026-11", HOUR * 3 // 8),
        ("r-1", 0, "accepted", "", "2026-10", "2026-10", HOUR),
    ]
    metering.release_held(there.provider, actor=CLERK, at=LATER)
    assert rows(record_id="fix")[0][2] == "held"
    request = ask(there, "correct", "fix")
    with pytest.raises(Refused) as refused:
        agree(request, actor=CLERK)
    assert refused.value.code == "same_person"
    assert len(rows()) == 2


def test_agreed_it_is_a_reversal_and_a_restatement_in_the_open_month_that_name_the_old_one():
    there = corrected()
    agree(ask(there, "correct", "fix"))
    assert rows() == [
        ("fix", 0, "accepted", "", "2026-10", "2026-11", HOUR * 3 // 8),
        ("r-1", 0, "superseded", "", "2026-10", "2026-10", HOUR),
        ("r-1", 1000, "reversal", "", "2026-10", "2026-11", -HOUR),
    ]
    assert metering.monthly_usage(OCTOBER)[0].device_milli_seconds == HOUR
    (line,) = metering.monthly_usage(NOVEMBER)
    assert (line.usage_month, line.device_milli_seconds) == ("2026-10", HOUR * 3 // 8 - HOUR)
    assert (line.taken_back, line.records) == (HOUR, 0)
    assert balance(metered(there.provider.pk, OCTOBER)).posted == 0
    assert balance(unmatched(there.provider.pk, NOVEMBER)).posted == HOUR * 3 // 8 * 312


def test_declined_it_still_waits_and_refused_it_never_counts():
    there = corrected()
    request = ask(there, "correct", "fix")
    deciding.decide_request(request, agree=False, reason="无凭证", actor=CHIEF, at=LATER)
    assert rows(record_id="fix")[0][2:4] == ("held", "late_correction")
    agree(ask(there, "refuse", "fix"))
    assert rows(record_id="fix")[0][2:4] == ("refused", "")
    assert metering.monthly_usage(NOVEMBER) == []
    assert not metering.blockers(OCTOBER, at=OCTOBER.start_at)
    again = there.send(there.record("fix-2", corrects="fix", reason="再改"))
    assert BatchRow.objects.get(batch=again).faults[0]["code"] == "already_corrected"


def test_a_correction_to_nothing_only_takes_back():
    there = corrected(device_count=0)
    agree(ask(there, "correct", "fix"))
    assert [row[:3] for row in rows()] == [
        ("fix", 0, "zero"), ("r-1", 0, "superseded"), ("r-1", 1000, "reversal"),
    ]  # fmt: skip
    assert metering.monthly_usage(NOVEMBER)[0].device_milli_seconds == -HOUR


def test_a_correction_of_a_waiting_correction_is_refused_in_any_batch():
    there = corrected()
    batch = there.send(there.record("fix-2", corrects="fix", reason="再改"))
    assert BatchRow.objects.get(batch=batch).faults[0]["code"] == "correction_waiting"
    batch = there.send(
        there.record("b", corrects="a", reason="错"), there.record("a", corrects="r-1", reason="错")
    )
    assert batch.counts["held"] == 1
    assert BatchRow.objects.get(batch=batch).faults[0]["code"] == "correction_waiting"


def test_of_two_corrections_of_one_record_only_one_is_carried_out():
    there = corrected()
    there.send(there.record("other", device_count=5, corrects="r-1", reason="错"))
    agree(ask(there, "correct", "other"))
    with pytest.raises(Refused) as refused:
        agree(ask(there, "correct", "fix"))
    assert refused.value.code == "already_corrected"
    assert metering.monthly_usage(NOVEMBER)[0].device_milli_seconds == HOUR * 5 // 8 - HOUR


def test_a_correction_without_an_end_cannot_be_carried_out():
    there = World()
    there.send(there.record())
    shut_october(there)
    unended = {k: v for k, v in there.record("fix").items() if k != "ended_at"}
    there.send(unended | {"corrects": "r-1", "reason": "错"})
    with pytest.raises(Refused) as refused:
        agree(ask(there, "correct", "fix"))
    assert refused.value.code == "not_ended"
    assert rows(record_id="r-1")[0][2] == "accepted"


def test_a_record_over_the_end_of_the_shut_month_is_taken_back_in_one_month_each_named():
    there = World()
    there.send(
        there.record(started_at="2026-10-31T23:00:00+08:00", ended_at="2026-11-01T03:00:00+08:00")
    )
    shut_october(there)
    there.send(
        there.record(
            "fix",
            started_at="2026-10-31T23:30:00+08:00",
            ended_at="2026-11-01T01:00:00+08:00",
            corrects="r-1",
            reason="时钟",
        )
    )
    agree(ask(there, "correct", "fix"))
    lines = metering.monthly_usage(NOVEMBER)
    assert [(each.usage_month, each.device_milli_seconds, each.taken_back) for each in lines] == [
        ("2026-10", HOUR // 2 - HOUR, HOUR),
        ("2026-11", HOUR, 0),
    ]


def test_an_approved_correction_that_exceeds_capacity_waits_for_capacity():
    there = World(devices=8)
    there.send(there.record())
    shut_october(there)
    there.send(there.record("fix", device_count=9, corrects="r-1", reason="少报"))
    agree(ask(there, "correct", "fix"))
    assert rows(record_id="fix")[0][2:4] == ("held", "over_capacity")
    world.give_capacity(there.provider, there.model, 1)
    assert rows(record_id="fix")[0][2:4] == ("accepted", "")


def test_a_waiting_record_is_refused_by_two_people_and_stays_on_record():
    there = World()
    there.send(there.record(device_model="unheard-of"))
    agree(ask(there, "refuse", "r-1"))
    assert rows()[0][2] == "refused"
    assert there.send(there.record(device_model="unheard-of")).counts["duplicate"] == 1
    with pytest.raises(Refused) as refused:
        ask(there, "refuse", "r-1")
    assert refused.value.code == "not_waiting"


def test_gaps_that_two_people_let_stand_do_not_block_and_later_ones_do():
    there = World()
    there.send(there.record())
    over = OCTOBER.end_at
    assert {each.kind for each in metering.blockers(OCTOBER, at=over)} == {"gap"}
    agree(ask(there, "waive", "2026-10"))
    assert not metering.blockers(OCTOBER, at=over)
    with pytest.raises(Refused) as refused:
        ask(there, "waive", "2026-10")
    assert refused.value.code == "no_gap"
    with pytest.raises(Refused):
        ask(there, "waive", "October")


def test_a_request_is_made_once_and_never_changed():
    there = World()
    request = ask(there, "waive", "2026-10")
    assert ask(there, "waive", "2026-10", actor=CHIEF) == request
    agree(request)
    with pytest.raises(Refused) as refused:
        agree(request)
    assert refused.value.code == "already_decided"
    for change in ("reason = 'x'", "state = 'proposed'", "decided_by_person = proposed_by_person"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE providers_deskrequest SET {change}")
