from datetime import timedelta

import pytest

from ledger import chart
from ledger.balances import Balance, balance, balances, movements
from ledger.book import post
from ledger.chart import TransferCode
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    LATER,
    TREASURY,
    a_small_month,
    book,
    grant,
    hold,
    issue,
    journal,
    move,
    post_held,
    redeemed,
    seal_all,
    voucher,
)

pytestmark = pytest.mark.django_db


def test_an_account_never_used_is_empty():
    assert balance(voucher("nobody")) == Balance()
    assert movements(voucher("nobody")) == []
    assert balances([]) == {}


def test_available_is_what_is_neither_spent_nor_held():
    held = Balance(debits_pending=10, debits_posted=20, credits_pending=5, credits_posted=100)
    assert (held.available, held.posted) == (70, 80)


def test_stored_and_summed_balances_say_the_same():
    a_small_month()
    keys = [TREASURY, BUDGET, voucher(), voucher("v2"), redeemed(), chart.expired("p-2026")]
    far = AT + timedelta(days=9999)
    assert balances(keys) == balances(keys, as_of=far)


def test_a_balance_is_told_as_of_any_moment():
    day = timedelta(days=1)
    held = hold(40)
    steps = [(0, grant(100)), (1, issue(60)), (2, held), (3, post_held(held, 30))]
    for days, made in steps:
        fresh = journal(*made.transfers, id=made.id, at=AT + days * day)
        post(fresh, actor=ACTOR, at=LATER)
    seen = [balance(voucher(), as_of=AT + days * day) for days in range(4)]
    assert seen == [Balance(), Balance(0, 0, 0, 60), Balance(40, 0, 0, 60), Balance(0, 30, 0, 60)]
    assert balance(redeemed(), as_of=AT + 2 * day) == Balance(0, 0, 40, 0)
    assert balance(voucher(), as_of=AT - day) == Balance()


def test_a_statement_lists_every_movement_with_its_sign_and_other_side():
    a_small_month()
    lines = movements(voucher())
    assert [(each.code, each.phase, each.amount) for each in lines] == [
        (TransferCode.ISSUE, "single", 1_000_00),
        (TransferCode.RESERVE, "pending", -400_00),
        (TransferCode.POST_RESERVED, "post", -300_00),
        (TransferCode.RESERVE, "pending", -100_00),
        (TransferCode.VOID_RESERVED, "void", 100_00),
    ]
    assert lines[0].counterparty == BUDGET
    assert {each.counterparty for each in lines[1:]} == {redeemed()}
    redeeming = lines[2]
    assert (redeeming.kind, redeeming.refs) == ("voucher.redeem", {"charge": "c-1"})
    assert redeeming.pending_id == lines[1].transfer_id
    assert redeeming.entry_index is None


def test_what_was_posted_adds_up_to_the_posted_balance():
    a_small_month()
    for key in (BUDGET, voucher(), voucher("v2"), redeemed(), TREASURY, chart.paid("p-2026", "q1")):
        lines = [each for each in movements(key) if each.phase in ("single", "post")]
        assert sum(each.amount for each in lines) == balance(key).posted


def test_a_hold_is_no_movement_of_the_one_it_may_go_to():
    book(grant(100), issue(60), hold(40))
    assert movements(redeemed()) == []
    assert len(movements(voucher())) == 2


def test_a_statement_gives_the_reason_and_stops_at_its_moment():
    a_small_month()
    lapse = movements(chart.expired("p-2026"))[0]
    assert (lapse.amount, lapse.reason, lapse.at) == (500_00, "过期失效", AT)
    assert movements(voucher(), as_of=AT - timedelta(seconds=1)) == []


def test_the_order_of_a_statement_is_the_order_of_booking():
    book(grant(100))
    for amount in (3, 1, 2):
        book(journal(move(BUDGET, voucher(), amount, TransferCode.ISSUE)))
    assert [each.amount for each in movements(voucher())] == [3, 1, 2]


@pytest.mark.django_db(transaction=True)
def test_a_sealed_movement_knows_its_place_in_the_log():
    book(grant(100), issue(60))
    seal_all()
    assert movements(voucher())[0].entry_index == 1
