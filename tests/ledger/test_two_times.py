"""Balances and statements as of any moment, as known at any moment: against a plain computation.

Goal: both times are honoured together, on accounts with a balance row and without, and pages of a
statement join without gap. Method: journals with effective and recorded times drawn apart are
booked, and every question is also answered from the list of what was booked, in plain Python.
"""

import json
import random
from datetime import timedelta

import pytest
from django.db import connection

from ledger.balances import Balance, Difference, balance, balances, movements, what_changed
from ledger.book import post, post_set
from ledger.chart import AccountKey
from ledger.transfers import Phase
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    TREASURY,
    a_small_month,
    book,
    grant,
    hold,
    issue,
    journal,
    post_held,
    redeem,
    redeemed,
    void_held,
    voucher,
)
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
KEYS = [TREASURY, BUDGET, voucher(), voucher("v2"), redeemed()]


def booked_at_odd_times(seed: int):
    """Book a story whose journals count and become known at moments drawn apart."""
    drawn = random.Random(seed)
    holds = [hold(drawn.randint(1, 40)) for _ in range(6)]
    story = [grant(10_000), issue(5_000), issue(500, "v2"), *holds]
    story += [post_held(each, each.transfers[0].amount // 2 + 1) for each in holds[:2]]
    story += [void_held(each) for each in holds[2:4]]
    story += [redeem(drawn.randint(1, 9), drawn.choice(["v1", "v2"])) for _ in range(12)]
    done = []
    for each in story:
        counts, known = (AT + drawn.randint(0, 50) * HOUR for _ in range(2))
        made = journal(*each.transfers, id=each.id, at=counts)
        post(made, actor=ACTOR, at=known)
        done.append((counts, known, made.transfers))
    return done


def computed(done, key: AccountKey, as_of, known_at) -> Balance:
    """Return a balance from the plain list: no database, no shared code."""
    seen = [
        each
        for counts, known, transfers in done
        if counts <= as_of and known <= known_at
        for each in transfers
    ]
    ended = {each.pending_id for each in seen}
    held = [each for each in seen if each.phase is Phase.PENDING and each.id not in ended]
    moved = [each for each in seen if each.phase in (Phase.SINGLE, Phase.POST)]
    return Balance(
        sum(each.amount for each in held if each.debit == key),
        sum(each.amount for each in moved if each.debit == key),
        sum(each.amount for each in held if each.credit == key),
        sum(each.amount for each in moved if each.credit == key),
    )


@pytest.mark.parametrize("seed", range(3))
def test_both_times_are_honoured_together(seed):
    done = booked_at_odd_times(seed)
    for counted in range(-1, 55, 7):
        for known in range(-1, 55, 7):
            moments = {"as_of": AT + counted * HOUR, "known_at": AT + known * HOUR}
            expected = {key: computed(done, key, *moments.values()) for key in KEYS}
            assert balances(KEYS, **moments) == expected


def test_a_statement_knows_both_times():
    done = booked_at_odd_times(7)
    as_of, known_at = AT + 30 * HOUR, AT + 20 * HOUR
    for key in KEYS:
        shown = movements(key, as_of=as_of, known_at=known_at)
        expected = computed(done, key, as_of, known_at)
        assert sum(each.amount for each in shown if each.moves_posted) == expected.posted
        assert all(each.at <= as_of and each.recorded_at <= known_at for each in shown)


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_pages_of_a_statement_join_without_gap(newest_first):
    booked_at_odd_times(11)
    whole = movements(voucher(), newest_first=newest_first)
    pages, after = [], None
    while page := movements(voucher(), newest_first=newest_first, limit=4, after=after):
        pages.append(page)
        after = page[-1].place
    assert [each for page in pages for each in page] == whole
    assert {len(page) for page in pages[:-1]} == {4}
    assert whole == sorted(whole, key=lambda each: each.place, reverse=newest_first)


def test_a_page_does_not_read_the_whole_statement():
    book(grant(10_000), issue(5_000))
    post_set([redeem(1) for _ in range(3_000)], actor=ACTOR, at=AT)
    # Only a table's owner may count its rows, and without the count the plan is a guess.
    with as_role(SUPERUSER), connection.cursor() as cursor:
        for table in ("transfer", "journal", "account", "logentry", "logleaf"):
            cursor.execute(f"ANALYZE ledger_{table}")
    plans = []

    def explained(execute, sql, params, many, context):
        if "WITH lines" in sql:
            with connection.connection.cursor() as plain:
                plain.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql, params)
                plans.append(json.dumps(plain.fetchone()[0]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        assert len(movements(voucher(), newest_first=True, limit=5)) == 5
    assert max(rows_read(plans[0])) <= 12


def rows_read(plan) -> list[int]:
    """Return how many rows each part of a plan gave in one go."""
    waiting = [each["Plan"] for each in json.loads(plan)]
    found = []
    while waiting:
        node = waiting.pop()
        found.append(int(node["Actual Rows"]))
        waiting += node.get("Plans", [])
    return found


def test_what_was_learned_between_two_moments_is_told_line_by_line():
    post(grant(100), actor=ACTOR, at=AT)
    post(issue(60), actor=ACTOR, at=AT + HOUR)
    late = journal(*redeem(25).transfers, at=AT - HOUR)  # counts earlier than it became known
    post(late, actor=ACTOR, at=AT + 3 * HOUR)
    told = what_changed(voucher(), known_before=AT + 2 * HOUR, known_after=AT + 4 * HOUR, as_of=AT)
    assert told == Difference(Balance(0, 0, 0, 60), Balance(0, 25, 0, 60), told.lines)
    assert [(each.amount, each.at) for each in told.lines] == [(-25, AT - HOUR)]
    nothing = what_changed(voucher(), known_before=AT + 4 * HOUR, known_after=AT + 9 * HOUR)
    assert nothing.lines == []
    assert nothing.before == nothing.after


def test_the_lines_between_two_moments_explain_the_difference_of_the_balances():
    booked_at_odd_times(5)
    for key in KEYS:
        told = what_changed(key, known_before=AT + 10 * HOUR, known_after=AT + 40 * HOUR)
        moved = sum(each.amount for each in told.lines if each.moves_posted)
        assert told.before.posted + moved == told.after.posted


def test_a_balance_not_yet_known_is_empty():
    a_small_month()
    assert balance(voucher(), known_at=AT - HOUR) == Balance()
    assert movements(voucher(), known_at=AT - HOUR) == []
