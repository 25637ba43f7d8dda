"""Roll-ups: the same balances by a shorter way, and never one that misses a posting."""

import hashlib
import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Count

from ledger import chart, models
from ledger.balances import balance, balances
from ledger.book import post, post_set
from ledger.chart import TransferCode
from ledger.periods import Month
from ledger.rolling import close_period, roll_up
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    TREASURY,
    P,
    a_small_month,
    book,
    grant,
    hold,
    issue,
    journal,
    meter,
    move,
    post_held,
    redeem,
    redeemed,
    seal_all,
    settle,
    void_held,
    voucher,
)
from tests.ledger.test_inspecting import as_owner
from tests.worker import database_url

pytestmark = pytest.mark.django_db(transaction=True)

DEFERRED = [
    TREASURY,
    redeemed(),
    redeemed("q2"),
    chart.expired(P),
    chart.unmatched("q1", "2026-10"),
]


def summed_from_the_transfers():
    """Return the balances by the other way: every transfer, no roll-up."""
    return balances(DEFERRED, as_of=AT + timedelta(days=9999))


def test_a_roll_up_changes_no_balance():
    a_small_month()
    before = balances(DEFERRED)
    seal_all()
    assert roll_up(AT) == models.Account.objects.filter(sync=False).count()
    assert balances(DEFERRED) == before == summed_from_the_transfers()


def test_the_tail_behind_a_roll_up_is_added_holds_and_their_end_included():
    book(grant(1000), issue(900))
    first, second = hold(200), hold(100, provider="q2")
    book(first, second)
    seal_all()
    roll_up(AT)
    book(post_held(first, 150), void_held(second), redeem(30), settle(100), hold(7))
    assert balance(redeemed()).credits_pending == 7
    assert balances(DEFERRED) == summed_from_the_transfers()
    seal_all()
    roll_up(AT)
    assert balances(DEFERRED) == summed_from_the_transfers()
    assert balance(redeemed()).posted == 80


def test_only_accounts_that_moved_are_rolled_up_again():
    book(grant(1000), issue(900), redeem(10), redeem(10, provider="q2"))
    seal_all()
    assert roll_up(AT) == 3
    book(redeem(1, provider="q2"))
    seal_all()
    assert roll_up(AT) == 1
    assert roll_up(AT) == 0


def test_what_is_not_sealed_is_not_rolled_up():
    book(grant(1000))
    assert roll_up(AT) == 0
    seal_all()
    book(grant(1))
    assert roll_up(AT) == 1
    assert balance(TREASURY).posted == -1001
    assert models.AccountRollup.objects.get().debits_posted == 1000


def test_a_roll_up_waits_until_it_is_worth_it():
    book(grant(1000), issue(900), redeem(10))
    seal_all()
    assert roll_up(AT, at_least=4) == 0
    assert roll_up(AT, at_least=3) == 2


def test_two_roll_ups_at_once_are_one():
    book(grant(1000))
    seal_all()
    with psycopg.connect(database_url()) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [0x726F6C6C])
        assert roll_up(AT) == 0
    assert roll_up(AT) == 1


def test_many_journals_that_move_no_such_account_do_not_stop_it(monkeypatch):
    monkeypatch.setattr("ledger.rolling._STEP", 2)
    book(grant(1000), *(issue(1, f"v{each}") for each in range(7)), redeem(1, "v0"))
    seal_all()
    assert roll_up(AT) == 2
    assert models.AccountRollup.objects.order_by("-upto_seq").first().upto_seq == 9


def test_a_place_taken_and_not_yet_committed_is_waited_for():
    """A later place may be committed and sealed first; a roll-up must not pass over the other."""
    book(grant(1000), issue(500), issue(500, "v2"), redeem(1))
    seal_all()
    taken, go_on = threading.Event(), threading.Event()

    def a_slow_one():
        with transaction.atomic():
            post(redeem(70, "v1"), actor=ACTOR, at=AT)
            taken.set()
            go_on.wait(30)
        connection.close()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")  # a lower id than the slow one gets
        slow = threading.Thread(target=a_slow_one)
        slow.start()
        assert taken.wait(30)
        post(redeem(5, "v2"), actor=ACTOR, at=AT)
    seal_all()
    last = models.Journal.objects.last().seq
    assert models.LogLeaf.objects.filter(entry__journal_seq=last).exists()
    assert roll_up(AT) == 0
    go_on.set()
    slow.join()
    seal_all()
    assert roll_up(AT) == 2
    assert balance(redeemed()).posted == 76


def test_a_sum_reaches_its_account_by_its_index_where_most_transfers_are_of_others():
    a_small_month()
    post_set([grant(10**6), *(issue(1, str(each)) for each in range(260))], actor=ACTOR, at=AT)
    as_owner("ANALYZE ledger_transfer")  # known statistics: what ran before must not matter
    once = models.Transfer.objects.values("debit").annotate(n=Count("id")).order_by("n").first()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT amount FROM ledger_transfer WHERE debit_id = %s AND journal_id > 0",
            [once["debit"]],
        )
        assert "transfer_debit" in "".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize("table", ["ledger_accountrollup", "ledger_periodclose"])
def test_a_roll_up_and_a_trial_balance_are_never_changed(table):
    a_small_month()
    seal_all()
    roll_up(AT)
    close_period(Month(2026, 10), AT)
    for sql in (f"UPDATE {table} SET id = id + 1", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            psycopg.connect(database_url()) as other,
        ):
            other.execute(sql)


def test_a_month_is_closed_with_the_trial_balance_of_each_programme_once():
    a_small_month()
    other = chart.budget("p-2027")
    book(journal(move(chart.treasury("p-2027"), other, 5, TransferCode.GRANT)))
    told = close_period(Month(2026, 10), AT)
    closed = models.PeriodClose.objects.order_by("programme")
    assert [each.programme for each in closed] == ["", P, "p-2027"]
    assert len(told) == 64
    book(journal(move(chart.treasury(P), BUDGET, 5, TransferCode.GRANT), at=AT + timedelta(40)))
    assert close_period(Month(2026, 10), AT + timedelta(days=60)) == told
    assert closed.count() == 3


def test_a_trial_balance_is_what_anybody_computes_from_the_balances():
    book(grant(1000), issue(300), hold(100), redeem(20), meter(7))
    book(journal(move(BUDGET, voucher(), 9, TransferCode.ISSUE), at=AT + timedelta(days=40)))
    close_period(Month(2026, 10), AT)
    keys = [TREASURY, BUDGET, voucher(), redeemed()]
    lines = [
        f"{key.code.value} {P} {key.subject} {b.debits_pending} {b.debits_posted}"
        f" {b.credits_pending} {b.credits_posted}"
        for key, b in balances(keys, as_of=Month(2026, 10).end_at).items()
    ]
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    assert models.PeriodClose.objects.get(programme=P).trial_balance_hash == digest


def test_an_empty_house_has_nothing_to_close():
    assert close_period(Month(2026, 10), AT) == ""
    assert roll_up(AT) == 0
