"""Real threads with real connections: who gets the money when many reach for it at once."""

from collections.abc import Callable

import pytest

from ledger import models
from ledger.balances import balance
from ledger.book import post_set
from ledger.chart import TransferCode
from ledger.invariants import findings
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    book,
    grant,
    hold,
    issue,
    journal,
    move,
    post_held,
    posting,
    redeem,
    redeemed,
    void_held,
    voucher,
)
from tests.racing import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_whole_of_one_voucher_is_spent_once():
    book(grant(1000), issue(100))
    for _ in range(5):
        answers = together(*(posting(redeem(100)) for _ in range(8)))
        assert answers == {"posted": 1, "insufficient_funds": 7}
        book(issue(100))
    assert balance(voucher()).available == 100


def test_exactly_as_many_parts_are_spent_as_the_voucher_holds():
    book(grant(1000), issue(100))
    answers = together(*(posting(hold(30, provider=f"q{each % 3}")) for each in range(12)))
    assert answers == {"posted": 3, "insufficient_funds": 9}
    assert balance(voucher()).available == 10


def test_a_deferred_account_is_not_emptied_twice():
    book(grant(1000), issue(100), redeem(100))
    settling = [
        journal(move(redeemed(), settlement, 60, TransferCode.SETTLE))
        for settlement in (statement(each) for each in range(6))
    ]
    assert together(*(posting(each) for each in settling)) == {
        "posted": 1,
        "insufficient_funds": 5,
    }


def statement(number: int):
    return type(BUDGET)(type(BUDGET.code)("3100"), BUDGET.programme, f"s{number}")


def test_a_hold_is_resolved_by_exactly_one():
    book(grant(1000), issue(100))
    for _ in range(5):
        held = hold(50)
        book(held)
        answers = together(
            *(posting(post_held(held, 1)) for _ in range(3)),
            *(posting(void_held(held)) for _ in range(3)),
        )
        assert answers == {"posted": 1, "pending_already_resolved": 5}


def test_the_same_journal_from_many_sides_is_booked_once():
    for made in (grant(7), journal(move(BUDGET, voucher(), 7, TransferCode.ISSUE))):
        assert together(*(posting(made) for _ in range(8))) == {"posted": 8}
        assert models.Journal.objects.filter(id=made.id).count() == 1
    assert balance(BUDGET).available == 0
    assert balance(voucher()).available == 7


def test_sets_that_cross_each_other_end_without_deadlock():
    names = [f"v{each}" for each in range(20)]
    book(grant(10_000), *(issue(100, each) for each in names))

    def crossing(order: list[str]) -> Callable[[], str]:
        def run() -> str:
            for _ in range(5):
                out = post_set([redeem(1, each) for each in order], actor=ACTOR, at=AT)
                assert all(each.ok for each in out)
            return "done"

        return run

    jobs = [crossing(names), crossing(names[::-1]), crossing(names[10:] + names[:10])]
    assert together(*jobs, crossing(names[::2] + names[1::2])) == {"done": 4}
    assert all(balance(voucher(each)).available == 80 for each in names)
    assert findings() == []


def test_accounts_first_used_by_many_at_once_are_opened_once():
    book(grant(1000))
    jobs = [posting(issue(1, f"fresh{each % 2}")) for each in range(8)]
    assert together(*jobs) == {"posted": 8}
    assert models.Account.objects.filter(code="2000").count() == 2
