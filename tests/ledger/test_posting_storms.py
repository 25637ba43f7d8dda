"""Storms: many clients at one voucher, crossing sets, one id from all sides, both isolations.

Real threads with real connections, and the server's own count of deadlocks.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import OperationalError, transaction

from ledger import models
from ledger.balances import balance
from ledger.book import Journal, post, post_set
from ledger.bookkeeping import rows
from ledger.invariants import findings
from tests.ledger.making import (
    ACTOR,
    AT,
    book,
    grant,
    hold,
    issue,
    journal,
    meter,
    post_held,
    posting,
    redeem,
    settle,
    void_held,
    voucher,
)
from tests.racing import READ_COMMITTED, together
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db(transaction=True)
ISOLATIONS = [READ_COMMITTED, "serializable"]
TRIES = 5


def deadlocks() -> int:
    rows("SELECT pg_stat_clear_snapshot()")
    return rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0]


def test_a_hundred_clients_take_from_one_voucher_exactly_what_it_holds():
    book(grant(10_000), issue(1000))
    answers = together(*(posting(redeem(37, provider=f"q{each % 5}")) for each in range(100)))
    assert answers == {"posted": 27, "insufficient_funds": 73}
    assert balance(voucher()).available == 1000 - 27 * 37


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_one_voucher_is_spent_once_at_both_isolations(isolation):
    book(grant(1000), issue(100))
    for _ in range(3):
        answers = together(*(posting(redeem(100)) for _ in range(4)), isolation=isolation)
        assert answers == {"posted": 1, "insufficient_funds": 3}
        book(issue(100))


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_hold_is_resolved_by_exactly_one_of_many(isolation):
    book(grant(1000), issue(100))
    held = hold(50)
    book(held)
    many = 8 if isolation == ISOLATIONS[0] else 2  # losers are asked again at most five times
    jobs = [*(posting(post_held(held, 1)) for _ in range(many))]
    jobs += [posting(void_held(held)) for _ in range(many)]
    answers = together(*jobs, isolation=isolation)
    assert answers == {"posted": 1, "pending_already_resolved": 2 * many - 1}
    resolutions = models.Transfer.objects.filter(pending_id=held.transfers[0].id)
    assert resolutions.count() == 1


@pytest.mark.parametrize("make", [meter, grant, issue, redeem])
def test_one_journal_from_sixteen_sides_is_booked_once(make):
    book(grant(1000), issue(100))
    made = make(7)
    assert together(*[posting(made)] * 16) == {"posted": 16}
    assert models.Journal.objects.filter(id=made.id).count() == 1
    assert models.Transfer.objects.filter(id=made.transfers[0].id).count() == 1


def test_whoever_waits_for_the_same_id_is_told_that_it_exists():
    """The second looks while the first has not committed: only the index can tell."""
    made = meter(7)
    book(meter(1))
    waiting = threading.Thread(target=lambda: answers.append(together(posting(made))))
    answers: list[Counter] = []
    with transaction.atomic():
        post(made, actor=ACTOR, at=AT)
        waiting.start()
        until = time.monotonic() + 30
        with as_role(SUPERUSER):  # who waits for what is nothing for the application to see
            while not rows("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'transactionid'"):
                assert time.monotonic() < until, "the second posting never waited for the first"
                rows("SELECT pg_stat_clear_snapshot()")
    waiting.join(timeout=60)
    assert answers == [{"posted": 1}]
    assert models.Journal.objects.filter(id=made.id).count() == 1


def crossing(seed: int, names: list[str]) -> Callable[[], str]:
    """Post sets over accounts in an order of their own; some are opened on the way."""
    chance = random.Random(seed)

    def one() -> Journal:
        name, provider = chance.choice(names), f"q{chance.randrange(6)}"
        return chance.choice([
            lambda: redeem(1, name, provider), lambda: hold(1, name, provider),
            lambda: settle(1, f"s{chance.randrange(9)}", provider),
            lambda: issue(1, f"new{chance.randrange(40)}"),
            lambda: journal(*redeem(1, name).transfers, *redeem(1, names[0]).transfers),
        ])()  # fmt: skip

    def run() -> str:
        for _ in range(12):
            made = [one() for _ in range(chance.randrange(1, 30))]
            codes = {each.code for each in post_set(made, actor=ACTOR, at=AT)}
            assert codes <= {"posted", "insufficient_funds"}
        return "done"

    return run


@pytest.mark.slow
def test_sets_over_random_accounts_from_ten_threads_never_deadlock():
    names = [f"v{each}" for each in range(25)]
    book(grant(100_000), *(issue(60, each) for each in names))
    before = deadlocks()
    assert together(*(crossing(seed, names) for seed in range(10))) == {"done": 10}
    assert deadlocks() == before
    assert findings() == []


def act(made: Journal) -> Callable[[], str]:
    """A business act: a transaction of its own around the posting, asked again from its start."""

    def run() -> str:
        for tried in range(TRIES):
            try:
                with transaction.atomic():
                    return posting(made)()
            except OperationalError:
                if tried == TRIES - 1:
                    raise
                time.sleep(random.random() * 0.05 * 2**tried)
        raise AssertionError

    return run


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_an_act_asked_again_from_its_start_ends_with_the_right_answer(isolation):
    book(grant(1000), issue(100))
    answers = together(*(act(redeem(60)) for _ in range(4)), isolation=isolation)
    assert answers == {"posted": 1, "insufficient_funds": 3}
    assert balance(voucher()).available == 40
