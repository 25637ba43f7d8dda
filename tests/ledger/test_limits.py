from datetime import timedelta

import pytest

from ledger.chart import TransferCode
from ledger.identifiers import new_id
from ledger.limits import STATE_CODES, Books, Held, Standing
from tests.ledger.making import (
    AT,
    BUDGET,
    LATER,
    grant,
    hold,
    issue,
    journal,
    move,
    post_held,
    redeem,
    redeemed,
    resolving,
    void_held,
    voucher,
)


def books(available: int = 100) -> Books:
    return Books({voucher(): Standing(0, 0, available)})


def with_hold(amount: int, *, expires_at=None, resolved=False):
    held = hold(amount, expires_at=expires_at)
    state = Held(voucher(), redeemed(), amount, expires_at, resolved)
    return held, Books({voucher(): Standing(amount, 0, 100)}, {held.transfers[0].id: state})


def test_taking_everything_is_allowed_and_one_more_is_not():
    state = books(100)
    assert state.judge(redeem(100)) is None
    assert state.judge(redeem(1)).code == "insufficient_funds"


def test_a_hold_counts_at_once():
    state = books(100)
    assert state.judge(hold(70)) is None
    assert state.judge(redeem(31)).code == "insufficient_funds"
    assert state.judge(redeem(30)) is None
    assert state.standings[voucher()].available == 0


def test_posting_a_part_returns_the_rest():
    held, state = with_hold(70)
    assert state.judge(post_held(held, 40)) is None
    assert state.standings[voucher()].available == 60
    assert state.standings[voucher()].debits_pending == 0


def test_the_rest_can_be_held_again_in_the_same_journal():
    held, state = with_hold(100)
    both = journal(resolving(held, 40, TransferCode.POST_RESERVED), *hold(60).transfers)
    assert state.judge(both) is None
    assert state.standings[voucher()].available == 0
    reversed_order = journal(*hold(60).transfers, resolving(held, 40, TransferCode.POST_RESERVED))
    held, state = with_hold(100)
    assert state.judge(reversed_order).code == "insufficient_funds"


def test_outside_accounts_know_no_limit():
    assert Books({BUDGET: Standing(0, 0, 0)}).judge(grant(10**17)) is None


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("pending_not_found", lambda held: post_held(hold(5), 5)),
        ("pending_other_accounts", lambda held: journal(
            move(voucher("v2"), redeemed(), 5, TransferCode.POST_RESERVED,
                 phase=resolving(held, 5, TransferCode.POST_RESERVED).phase,
                 pending_id=held.transfers[0].id))),
        ("exceeds_pending", lambda held: post_held(held, 71)),
        ("void_not_whole", lambda held: journal(resolving(held, 69, TransferCode.VOID_RESERVED))),
        ("not_expired_yet", lambda held: journal(
            resolving(held, 70, TransferCode.EXPIRE_RESERVED), at=LATER - timedelta(seconds=1))),
    ],
)  # fmt: skip
def test_every_refusal_of_a_resolution_has_its_name_and_changes_nothing(code, made):
    held, state = with_hold(70, expires_at=LATER)
    fault = state.judge(made(held))
    assert (fault.code, fault.ordinal) == (code, 0)
    assert code in STATE_CODES
    assert state.standings[voucher()] == Standing(70, 0, 100)
    assert not state.held[held.transfers[0].id].resolved


def test_a_resolved_hold_is_resolved_for_good():
    held, state = with_hold(70)
    assert state.judge(void_held(held)) is None
    assert state.judge(void_held(held)).code == "pending_already_resolved"
    assert state.judge(post_held(held, 1)).code == "pending_already_resolved"


def test_a_hold_expires_at_its_time_and_not_before():
    held, state = with_hold(70, expires_at=LATER)
    assert state.judge(journal(resolving(held, 70, TransferCode.EXPIRE_RESERVED), at=LATER)) is None
    held, state = with_hold(70)
    never = journal(resolving(held, 70, TransferCode.EXPIRE_RESERVED), at=LATER)
    assert state.judge(never).code == "not_expired_yet"


def test_a_transfer_id_is_used_once():
    state = books()
    first = redeem(1)
    assert state.judge(first) is None
    again = journal(*first.transfers)
    assert state.judge(again).code == "transfer_id_taken"
    assert "transfer_id_taken" not in STATE_CODES


def test_a_journal_that_fails_in_its_last_transfer_leaves_no_trace():
    held, state = with_hold(50)
    new_hold = hold(10).transfers[0]
    long = journal(
        new_hold,
        resolving(held, 50, TransferCode.VOID_RESERVED),
        *redeem(60).transfers,
        *redeem(31).transfers,
    )
    assert state.judge(long).code == "insufficient_funds"
    assert state.standings[voucher()] == Standing(50, 0, 100)
    assert not state.held[held.transfers[0].id].resolved
    assert new_hold.id not in state.held
    assert state.taken == set()


def test_what_one_journal_brings_the_next_may_take():
    state = Books({BUDGET: Standing(0, 0, 0), voucher(): Standing(0, 0, 0)})
    assert state.judge(issue(5)).code == "insufficient_funds"
    assert state.judge(grant(5)) is None
    assert state.judge(issue(5)) is None
    assert state.judge(redeem(5)) is None
    assert state.judge(journal(move(voucher(), BUDGET, 1, TransferCode.REVOKE))) is not None


def test_a_hold_made_in_the_list_can_be_resolved_in_the_list():
    state = books(100)
    held = hold(60)
    assert state.judge(held) is None
    assert state.judge(post_held(held, 60)) is None
    assert state.judge(redeem(41)).code == "insufficient_funds"
    assert state.judge(journal(resolving(held, 60, TransferCode.VOID_RESERVED))).code == (
        "pending_already_resolved"
    )


def test_an_unknown_pending_is_not_found_whatever_its_id():
    assert (
        books()
        .judge(
            journal(move(voucher(), redeemed(), 1, TransferCode.POST_RESERVED, pending_id=new_id()))
        )
        .code
        == "pending_not_found"
    )
    assert AT < LATER
