"""Each invariant between statements, payments and the books, planted with its fault."""

from datetime import timedelta

import pytest

from billing import settling
from billing.invariants import INVARIANTS
from config.invariants import everything
from ledger.entries import decode
from ledger.models import LogEntry
from ledger.periods import Month
from tests.billing.test_clawbacks import decided as claimed
from tests.billing.test_clawbacks import opened
from tests.billing.world import CLOSE_AT, OCTOBER, START, World, fresh, small_world
from tests.planting import missed_of

pytestmark = pytest.mark.django_db(transaction=True)

NOVEMBER = Month(2026, 11)
LATER = CLOSE_AT + timedelta(days=30)
PAID, SHOWN = "state = 'paid'", "state = 'in_review'"
PLANTED = {
    "statement_total": [f"UPDATE billing_statement SET records = 0, gross_fen = gross_fen + 1,"
                        f" self_fen = self_fen + 1 WHERE {SHOWN}"],
    "statement_not_as_booked": ["UPDATE ledger_transfer SET code = 430 WHERE code = 420"],
    "paid_statement_still_owes": [
        f"UPDATE billing_statement SET paid_fen = paid_fen - 1 WHERE {PAID}"
    ],
    "statement_not_redeemed": ["UPDATE vouchers_redemption SET amount_fen = amount_fen + 1"],
    "redeemed_not_on_statements": [f"UPDATE billing_statement SET state = 'draft' WHERE {SHOWN}"],
    "month_total": ["UPDATE billing_monthclose SET public_fen = public_fen + 1"],
    "line_price": ["UPDATE billing_statementline SET price_fen = price_fen + 1"],
    "line_reversed_wrongly": [
        "UPDATE billing_statementline SET public_fen = public_fen + 1, self_fen = self_fen - 1"
        " WHERE reverses_id IS NOT NULL"
    ],
    "own_share_not_as_booked": ["UPDATE ledger_transfer SET amount = amount + 1 WHERE code = 750"],
    "payment_not_as_booked": ["UPDATE billing_paymentitem SET amount_fen = amount_fen + 1"],
    "settled_by_one_person": [
        "ALTER TABLE billing_monthclose DROP CONSTRAINT monthclose_two_persons",
        "UPDATE billing_monthclose SET approved_person = prepared_person",
    ],
    "paid_by_fewer_than_three": [
        "ALTER TABLE billing_paymentbatch DROP CONSTRAINT paymentbatch_three_persons",
        "UPDATE billing_paymentbatch SET released_person = prepared_person",
    ],
    "sent_without_every_signature": [
        "UPDATE billing_paymentsign SET digest = 'x' WHERE step = 'clear'"
    ],
    "clawback_not_as_booked": ["UPDATE billing_clawback SET interest_fen = interest_fen + 1"],
    "claimed_beyond_received": ["UPDATE billing_clawback SET amount_fen = amount_fen + 10000000"],
    "sent_twice": ["UPDATE billing_paymentitem SET amount_fen = amount_fen * 2"],
}  # fmt: skip
MORE = {
    "statement_not_as_booked": [
        [f"UPDATE billing_statement SET held_back_fen = 1, paid_fen = paid_fen - 1 WHERE {PAID}"],
        [f"UPDATE billing_statement SET state = 'confirmed' WHERE {PAID}"],
    ],
    "payment_not_as_booked": [
        ["UPDATE billing_paymentline SET state = 'returned'"],
        ["UPDATE ledger_journal SET refs = '{}' WHERE kind = 'payment.made'"],
    ],
    "paid_by_fewer_than_three": [
        ["UPDATE billing_monthclose SET prepared_person = 'x' WHERE state = 'closed'"]
    ],
    "settled_by_one_person": [["UPDATE billing_monthclose SET state = 'review'"]],
    "line_price": [["UPDATE billing_statementline SET ratio_bp = 1"]],
    "trial_balance_changed": [["UPDATE ledger_periodclose SET trial_balance_hash = 'x'"]],
}


def two_months() -> World:
    """October paid; a line of November taken back, another statement of it open to both sides."""
    world, order = small_world()
    world.use(order, hours=10)
    others = [
        world.make_order(order.voucher, order.price, held_fen=1_000_000, months=2) for _ in "ab"
    ]
    for day, each in enumerate(others, start=2):
        world.use(each, hours=10, at=START + timedelta(days=day))
    close = world.close()
    world.approve(close)
    world.pay(fresh(close))
    claimed(world, opened(world, close.statements.first(), 100), 100)
    for day, each in enumerate(others, start=2):
        world.use(each, hours=10, at=NOVEMBER.start_at + timedelta(days=day))
    shown = world.close(NOVEMBER, at=LATER).statements
    assert everything() == []
    _take_back(world, shown.first())
    return world


def _take_back(world: World, statement) -> None:
    user = world.seat("objector", provider=statement.provider)
    objection = settling.object_statement(
        statement, side="provider", ordinal=1, reason="数量不对", actor=world.seated(user), at=LATER
    )
    settling.resolve_objection(
        objection, uphold=True, resolution="成立", actor=world.clerk, at=LATER
    )


def test_every_invariant_has_a_fault_that_it_finds():
    assert set(PLANTED) == set(INVARIANTS)
    two_months()
    assert everything() == []
    assert missed_of(PLANTED) == {}


def test_other_faults_of_the_same_kind_are_found_too():
    two_months()
    for name, faults in MORE.items():
        for statements in faults:
            assert missed_of({name: statements}) == {}, statements


def test_closing_a_month_keeps_its_trial_balance_and_the_log_names_it():
    world, order = small_world()
    world.use(order, hours=10)
    world.close(OCTOBER)
    assert [len(each["trial_balance"]) for each in _entries("month.cut_off")] == [64]


def _entries(kind: str) -> list[dict]:
    found = LogEntry.objects.filter(type=kind).order_by("seq")
    return [decode(bytes(each.body))["body"] for each in found]
