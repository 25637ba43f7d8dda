"""Each invariant between vouchers and the books, planted with the fault it is there for."""

import pytest

from config.invariants import everything
from ledger.periods import Month
from tests.planting import missed_of
from tests.vouchers.story import CHIEF, CLERK, a_voucher
from vouchers import issuing, spending
from vouchers.invariants import INVARIANTS
from vouchers.models import Voucher

pytestmark = pytest.mark.django_db(transaction=True)

PLANTED = {
    "voucher_value": ["UPDATE vouchers_voucher SET returned_fen = 1"],
    "voucher_state": ["UPDATE vouchers_voucher SET state = 'used_up'"],
    "spent_outside_validity": [
        "UPDATE vouchers_voucher SET valid_from = valid_from - interval '9 days',"
        " valid_until = valid_from"
    ],
    "enterprise_over_cap": ["UPDATE vouchers_programme SET cap_fen = 879999"],
    "hold_not_as_booked": ["UPDATE vouchers_hold SET left_fen = left_fen - 1"],
    "held_without_hold": [
        "UPDATE vouchers_hold SET state = 'closed', left_fen = 0 WHERE state = 'open'"
    ],
    "redemption_not_as_booked": ["UPDATE vouchers_redemption SET compute_gflops_s = 7"],
    "grant_without_second_person": ["UPDATE ledger_journal SET approvals = '[]'"],
    "issued_without_decision": ["UPDATE vouchers_application SET approver_person = ''"],
    "reserved_not_as_pooled": ["UPDATE vouchers_budgetpool SET reserved_fen = reserved_fen + 1"],
    "reserved_over_budget": [
        "DELETE FROM vouchers_reservationend",
        "UPDATE vouchers_reservation SET amount_fen = 10::bigint ^ 14",
    ],
    "reserved_twice": [
        "DELETE FROM vouchers_reservationend",
        "INSERT INTO vouchers_reservation (id, intake_id, slug, amount_fen, place, reserved_at)"
        " SELECT gen_random_uuid(), intake_id, slug, amount_fen, place, reserved_at"
        " FROM vouchers_reservation",
    ],
    "reservation_not_as_issued": ["DELETE FROM vouchers_reservationend"],
    "granted_above_asked": [
        "INSERT INTO vouchers_allocationrun (id, run_no, programme_id, window_no, rule, free_fen,"
        " digest, prepared_at, prepared_by, prepared_person, confirmed_by, confirmed_person)"
        " SELECT gen_random_uuid(), 'R', id, 1, 'DRAW', 5, '', now(), '', 'a', '', ''"
        " FROM vouchers_programme",
        "INSERT INTO vouchers_allocationline (id, run_id, application_id, rank, position,"
        " asked_fen, granted_fen, outcome, grounds) SELECT gen_random_uuid(), r.id, a.id, 1, 1,"
        " 9, 9, 'funded', '{}' FROM vouchers_allocationrun r, vouchers_application a",
    ],
}


def a_used_voucher() -> Voucher:
    """A voucher with one part redeemed and the rest still held."""
    voucher = a_voucher()
    at = voucher.issued_at
    hold = spending.hold_amount(
        voucher, 500_000, order_ref="o-1", provider_ref="q-1", expires_at=voucher.valid_until,
        actor=CLERK, at=at,
    )  # fmt: skip
    spending.redeem(
        hold, 200_000, month=Month(2026, 10), charge_ref="c-1", terms={}, compute=0,
        provider_ref="q-1", keep_open=True, actor=CLERK, at=at,
    )  # fmt: skip
    return voucher


def test_every_invariant_has_a_fault_that_it_finds():
    assert set(PLANTED) == set(INVARIANTS)
    a_used_voucher()
    assert everything() == []
    assert missed_of(PLANTED) == {}


MORE = {
    "voucher_value": [
        ["UPDATE vouchers_voucher SET face_fen = face_fen + 1"],
        ["UPDATE vouchers_redemption SET amount_fen = amount_fen - 1"],
        ["UPDATE ledger_accountbalance SET credits_posted = credits_posted + 1"],
    ],
    "voucher_state": [
        ["UPDATE vouchers_voucher SET state = 'expired'"],
        ["UPDATE ledger_transfer SET code = 500 WHERE code = 310"],
    ],
    "hold_not_as_booked": [
        ["UPDATE vouchers_hold SET pending_id = gen_random_uuid()"],
        ["UPDATE vouchers_hold SET provider_ref = 'q-2'"],
    ],
    "redemption_not_as_booked": [
        ["UPDATE vouchers_redemption SET amount_fen = amount_fen - 1"],
        ["UPDATE vouchers_redemption SET journal_id = gen_random_uuid()"],
    ],
    "grant_without_second_person": [
        ["DELETE FROM vouchers_budgetgrant"],
        ["UPDATE vouchers_budgetgrant SET amount_fen = amount_fen + 1"],
    ],
    "issued_without_decision": [
        ["UPDATE vouchers_application SET approved_fen = approved_fen - 1"],
        ["UPDATE vouchers_application SET first_reviewer_person = ''"],
    ],
}


def test_other_faults_of_the_same_kind_are_found_too():
    a_used_voucher()
    for name, faults in MORE.items():
        for statements in faults:
            assert missed_of({name: statements}) == {}, statements


def test_a_voucher_through_its_whole_life_leaves_no_finding():
    voucher = a_used_voucher()
    at = voucher.valid_until
    spending.expire_voucher(voucher, actor=CLERK, at=at)
    assert everything() == []
    spending.release(voucher.holds.get(), actor=CLERK, at=at)
    assert everything() == []


def test_a_revoked_voucher_leaves_no_finding():
    voucher = a_used_voucher()
    at = voucher.issued_at
    issuing.revoke_voucher(voucher, reason="核实不符", approved_by=CHIEF, actor=CLERK, at=at)
    assert everything() == []
    spending.release(voucher.holds.get(), actor=CLERK, at=at)
    assert everything() == []
