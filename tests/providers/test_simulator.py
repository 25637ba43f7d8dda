"""Characters of providers against the real interface: what each of them comes to."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from ledger import clock
from ledger.periods import Month
from providers import metering
from providers.client import MeteringClient
from providers.models import MeteringMonth, UsageConflict, UsageRecord
from tests.providers import world
from tests.providers.world import World
from tests.simulator import Simulator

pytestmark = pytest.mark.django_db
OCTOBER = Month(2026, 10)
START = datetime(2026, 10, 5, tzinfo=UTC)
HOUR = 8 * 1000 * 3600


@pytest.fixture
def room():
    with clock.set_to(world.LATER):
        there = World(devices=8)
        key, token, private = world.a_live_key(there.provider)
        client = MeteringClient(
            settings.PUBLIC_ORIGIN, token, key.key_id, private, transport=world.in_process()
        )
        yield Simulator(client, there.order.order_no)


def used() -> int:
    return sum(line.device_milli_seconds for line in metering.monthly_usage(OCTOBER))


def test_an_honest_provider_is_counted_to_the_second(room):
    assert room.send(room.hours(START, 24)).status == 201
    assert used() == 24 * HOUR


def test_a_repeating_provider_gains_nothing_however_it_cuts_the_month(room):
    day = room.hours(START, 24)
    room.send(day)
    before = metering.monthly_usage(OCTOBER)
    answers = room.send_shuffled(day)
    assert sum(each.body["counts"]["duplicate"] for each in answers) == 24
    assert metering.monthly_usage(OCTOBER) == before


def test_the_same_month_shuffled_gives_the_same_settlement_input(room):
    room.send_shuffled(room.hours(START, 48))
    assert used() == 48 * HOUR
    assert metering.monthly_usage(OCTOBER)[0].records == 48


def test_a_late_provider_is_settled_in_the_next_open_month(room):
    room.send(room.hours(START, 2))
    MeteringMonth.objects.create(month="2026-10", closed_at=world.LATER, closed_by="系统")
    answer = room.send(room.hours(START + timedelta(days=1), 3))
    rows = room.client.results(answer.body["batch_id"]).body["results"]
    assert {(row["late"], row["settle_month"]) for row in rows} == {(True, "2026-11")}
    assert used() == 2 * HOUR


def test_an_inflating_provider_waits_for_what_its_fleet_cannot_do(room):
    day = room.hours(START, 4)
    room.send(day)
    answer = room.inflate(day, 2)
    assert answer.body["counts"]["held"] == 4
    assert set(UsageRecord.objects.filter(state="held").values_list("hold_reason", flat=True)) == {
        "over_capacity"
    }
    assert used() == 4 * HOUR


def test_an_altering_provider_overwrites_nothing(room):
    day = room.hours(START, 5)
    room.send(day)
    assert room.alter(day).body["counts"]["conflict"] == 5
    assert UsageConflict.objects.unresolved().count() == 5
    assert used() == 5 * HOUR


def test_a_forging_and_a_skewed_provider_are_not_heard(room):
    day = room.hours(START, 1)
    assert room.forge(day).body["code"] == "signature_digest"
    assert room.send_skewed(day, timedelta(seconds=302)).body["code"] == "signature_time"
    assert room.send_skewed(day, -timedelta(seconds=302)).body["code"] == "signature_time"
    assert room.send_skewed(day, timedelta(seconds=290)).status == 201
    assert used() == HOUR


def test_a_replaying_stranger_on_the_line_gains_nothing(room):
    first, second = room.replay(room.hours(START, 1))
    assert (first.status, second.status) == (201, 401)
    assert used() == HOUR


def test_a_provider_that_mends_its_mistake_is_counted_right(room):
    day = room.hours(START, 2)
    room.send(day)
    assert room.correct(day[0], device_count=4).status == 201
    assert used() == HOUR + HOUR // 2
