"""Real threads with real connections: one voucher, one key, one record reached for at once."""

from datetime import date, timedelta

import pytest

from ledger.identifiers import new_id
from providers import ordering
from providers.models import UsageBatch, UsageRecord
from tests.providers.world import CLERK, LATER, World
from tests.racing import together
from tests.vouchers import story
from vouchers.spending import voucher_position

pytestmark = pytest.mark.django_db(transaction=True)
AT = story.AT + timedelta(days=30)


def test_two_tabs_that_hold_the_whole_voucher_give_one_order():
    there = World()
    voucher = story.a_voucher(there.order.enterprise)
    price = there.offering.price_at(LATER)
    hours = voucher.face_fen * 10 // 3 // 600 // 8  # three tenths of it fill the voucher

    def tab(minutes: int) -> str:
        order = ordering.place_order(
            there.order.enterprise, voucher, there.offering, price, device_count=8,
            starts_on=date(2026, 10, 10), ends_on=date(2026, 12, 31), planned_hours=hours,
            actor=CLERK, at=AT + timedelta(minutes=minutes), key=new_id(),
        )  # fmt: skip
        return order.state

    answers = together(lambda: tab(0), lambda: tab(5))
    assert answers["placed"] == 1
    assert answers["insufficient_funds"] == 1
    position = voucher_position(voucher)
    assert position.available >= 0
    assert position.held + position.available == voucher.face_fen


def test_the_same_key_at_the_same_instant_gives_one_batch():
    there, key = World(), new_id()
    answers = together(*[lambda: str(there.send(there.record(), key=key).pk)] * 4)
    assert len(answers) == 1
    assert UsageBatch.objects.count() == UsageRecord.objects.count() == 1


def test_the_same_records_in_two_uploads_at_once_are_counted_once():
    there = World(devices=1000)
    records = [there.record(f"r-{number}") for number in range(50)]

    def send() -> str:
        counts = there.send(*records).counts
        return "first" if counts["accepted"] else "duplicate" if counts["duplicate"] else "lost"

    assert together(send, send, send) == {"first": 1, "duplicate": 2}
    assert UsageRecord.objects.count() == 50
