"""Each invariant between usage, orders and the books, planted with the fault it is there for."""

import pytest

from config.invariants import everything
from providers.invariants import INVARIANTS
from tests.planting import missed_of
from tests.providers.world import World
from tests.vouchers import story

pytestmark = pytest.mark.django_db(transaction=True)

COUNTED = "id = (SELECT min(id) FROM providers_usagerecord WHERE state = 'accepted')"
PLANTED = {
    "batch_count": ["UPDATE providers_usagebatch SET accepted = accepted + 1, rows = rows + 1"],
    "metering_not_as_booked": [
        f"UPDATE providers_usagerecord SET device_milli_seconds = 1 WHERE {COUNTED}"
    ],
    "usage_not_kept_once": ["DELETE FROM providers_usageidentity WHERE record_id = 'r-1b'"],
    "usage_counted_oddly": [f"UPDATE providers_usagerecord SET counted = false WHERE {COUNTED}"],
    "usage_reversed_wrongly": [
        f"UPDATE providers_usagerecord SET state = 'superseded' WHERE {COUNTED}"
    ],
    "use_beyond_capacity": ["UPDATE providers_capacity SET device_count = 7"],
    "use_outside_order": ["UPDATE providers_order SET starts_at = ends_at - interval '1 minute'"],
    "order_without_its_hold": ["UPDATE vouchers_hold SET provider_ref = 'somebody'"],
    "order_part_without_its_hold": [
        "INSERT INTO providers_orderpart (id, ordinal, held_fen, hold_id, order_id, voucher_id)"
        " SELECT gen_random_uuid(), 2, held_fen, hold_id, id, voucher_id FROM providers_order"
    ],
}
MORE = {
    "batch_count": [
        ["DELETE FROM providers_batchrow"],
        [f"UPDATE providers_usagerecord SET batch_id = gen_random_uuid() WHERE {COUNTED}"],
    ],
    "metering_not_as_booked": [
        ["UPDATE ledger_transfer SET amount = amount + 10 WHERE code = 700"],
        ["SELECT providers_open_months('{2026-12}')",
         f"UPDATE providers_usagerecord SET settle_month = '2026-12' WHERE {COUNTED}"],
    ],
    "usage_not_kept_once": [
        ["DELETE FROM providers_usagerecord WHERE state = 'reversal'"],
        [f"UPDATE providers_usagerecord SET content_digest = 'x' WHERE {COUNTED}"],
    ],
    "usage_reversed_wrongly": [
        ["UPDATE providers_usagerecord SET device_milli_seconds = device_milli_seconds + 1"
         " WHERE state = 'reversal'"],
        ["DELETE FROM providers_usagerecord WHERE state = 'reversal'"],
    ],
    "use_beyond_capacity": [["UPDATE providers_capacity SET state = 'declined'"]],
}  # fmt: skip


def a_provider_that_reports() -> World:
    """Accepted, corrected and repeated records under an order with a voucher."""
    there = World(voucher=story.a_voucher(), planned_hours=20)
    there.send(there.record("r-1"), there.record("r-2"))
    there.send(there.record("r-1"))
    there.send(there.record("r-1b", device_count=4, corrects="r-1", reason="数错了"))
    return there


def test_every_invariant_has_a_fault_that_it_finds():
    assert set(PLANTED) == set(INVARIANTS)
    a_provider_that_reports()
    assert everything() == []
    assert missed_of(PLANTED) == {}


def test_other_faults_of_the_same_kind_are_found_too():
    a_provider_that_reports()
    for name, faults in MORE.items():
        for statements in faults:
            assert missed_of({name: statements}) == {}, statements
