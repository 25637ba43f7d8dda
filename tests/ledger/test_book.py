from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, transaction

from ledger import bookkeeping, chart, models
from ledger.balances import Balance, balance
from ledger.book import Journal, Outcome, post, post_set
from ledger.bookkeeping import rows
from ledger.chart import TransferCode
from ledger.entries import decode
from ledger.identifiers import new_id
from ledger.refusals import Refused
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    CLERK,
    LATER,
    TREASURY,
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
    resolving,
    settle,
    void_held,
    voucher,
)
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db
BLIND_JUDGE = """
DO $$ BEGIN EXECUTE replace(pg_get_functiondef('ledger_lock_accounts'::regproc),
    'one.rest', '10 ^ 18'); END $$
"""


def refused(made: Journal) -> str:
    with pytest.raises(Refused) as told:
        post(made, actor=ACTOR, at=AT)
    assert told.value.details["journal"] == str(made.id)
    return told.value.code


def codes(outcomes: list[Outcome]) -> list[str]:
    return [each.code for each in outcomes]


def test_a_posting_moves_both_accounts():
    book(grant(100))
    assert balance(BUDGET) == Balance(0, 0, 0, 100)
    assert balance(TREASURY).posted == -100


def test_a_posting_writes_its_journal_its_transfers_and_one_entry():
    made = replace(grant(100), refs={"paper": "d-1"}, approvals=(CLERK,))
    posted = post(made, actor=CLERK, at=LATER)
    row = models.Journal.objects.get(id=made.id)
    assert (row.seq, row.kind, row.effective_at, row.recorded_at) == (
        posted.seq, "test.event", AT, LATER,
    )  # fmt: skip
    assert models.Transfer.objects.get(journal=row).id == made.transfers[0].id
    entry = decode(bytes(models.LogEntry.objects.get(id=posted.entry_id).body))
    assert entry["type"] == "ledger.journal"
    assert entry["actor"] == CLERK.for_log()
    assert entry["body"] == {**made.for_log(), "seq": str(posted.seq)}


def test_a_small_month_ends_where_it_should():
    a_small_month()
    statement = chart.settlement("p-2026", "s1")
    assert {
        key: balance(key).posted
        for key in (
            BUDGET,
            voucher(),
            voucher("v2"),
            redeemed(),
            statement,
            chart.paid("p-2026", "q1"),
            chart.expired("p-2026"),
            chart.unmatched("q1", "2026-10"),
            chart.used_voucher("p-2026", "v1"),
        )
    } == {
        BUDGET: 8_500_00,
        voucher(): 700_00,
        voucher("v2"): 0,
        redeemed(): 0,
        statement: 0,
        chart.paid("p-2026", "q1"): 300_00,
        chart.expired("p-2026"): 500_00,
        chart.unmatched("q1", "2026-10"): 600_000,
        chart.used_voucher("p-2026", "v1"): 3_000_000,
    }
    assert balance(voucher()).available == 700_00


def test_no_account_gives_what_it_does_not_have():
    book(grant(100), issue(60))
    assert refused(redeem(61)) == "insufficient_funds"
    assert refused(issue(41)) == "insufficient_funds"
    assert balance(voucher()).available == 60


@pytest.mark.parametrize("amount", [1, 59, 60])
def test_a_deferred_account_gives_no_more_than_it_received(amount):
    book(grant(100), issue(60), redeem(amount), settle(amount))
    assert refused(settle(1)) == "insufficient_funds"
    assert balance(redeemed()) == Balance(0, amount, 0, amount)


def test_a_hold_for_a_provider_is_not_yet_his():
    book(grant(100), issue(60), hold(50))
    assert refused(settle(1)) == "insufficient_funds"
    assert balance(redeemed()) == Balance(0, 0, 50, 0)


def test_computing_is_matched_only_as_far_as_it_was_metered():
    target = chart.used_voucher("p-2026", "v1")
    source = chart.unmatched("q1", "2026-10")
    book(meter(1000), journal(move(source, target, 1000, TransferCode.MATCH_VOUCHER)))
    assert refused(journal(move(source, target, 1, TransferCode.MATCH_VOUCHER))) == (
        "insufficient_funds"
    )


def test_a_hold_is_resolved_once_and_no_more_than_it_holds():
    held = hold(50)
    book(grant(100), issue(60), held)
    assert refused(post_held(held, 51)) == "exceeds_pending"
    book(post_held(held, 20))
    assert balance(voucher()) == Balance(0, 20, 0, 60)
    assert refused(post_held(held, 20)) == "pending_already_resolved"
    assert refused(void_held(held)) == "pending_already_resolved"


def test_a_hold_of_another_voucher_cannot_be_resolved_here():
    held = hold(50)
    book(grant(100), issue(60), issue(30, "v2"), held)
    stolen = journal(
        move(voucher("v2"), redeemed(), 20, TransferCode.POST_RESERVED,
             phase=resolving(held, 1, TransferCode.POST_RESERVED).phase,
             pending_id=held.transfers[0].id)
    )  # fmt: skip
    assert refused(stolen) == "pending_other_accounts"
    assert refused(post_held(hold(5), 5)) == "pending_not_found"


def test_a_hold_expires_only_when_its_time_has_come():
    held = hold(50, expires_at=LATER)
    book(grant(100), issue(60), held)
    expiry = resolving(held, 50, TransferCode.EXPIRE_RESERVED)
    assert refused(journal(expiry, at=LATER - timedelta(microseconds=1))) == "not_expired_yet"
    book(journal(replace(expiry, id=new_id()), at=LATER))
    assert balance(voucher()).available == 60


def test_a_journal_stands_or_falls_as_a_whole():
    book(grant(100), issue(60))
    both = journal(*redeem(60).transfers, *redeem(1).transfers)
    assert refused(both) == "insufficient_funds"
    assert balance(voucher()).available == 60
    assert models.Transfer.objects.filter(journal__id=both.id).count() == 0


def test_the_same_journal_again_gives_the_same_answer_and_moves_nothing():
    made = grant(100)
    first = post(made, actor=ACTOR, at=AT)
    assert post(made, actor=CLERK, at=LATER) == first
    assert balance(BUDGET).posted == 100
    assert models.LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"effective_at": LATER},
        {"refs": {"a": "b"}},
        {"approvals": (CLERK,)},
        {"transfers": grant(100).transfers},
        {"transfers": grant(101).transfers},
    ],
)
def test_the_same_id_with_any_other_content_is_refused(change):
    made = grant(100)
    book(made)
    assert refused(replace(made, **change)) == "id_reused"
    assert balance(BUDGET).posted == 100


def test_a_transfer_id_of_another_journal_is_refused():
    made = grant(100)
    book(made)
    assert refused(journal(*made.transfers)) == "transfer_id_taken"


def test_a_refused_id_stays_refused_although_the_caller_rolled_back():
    early = redeem(10)
    book(grant(100), issue(5))
    assert refused(early) == "insufficient_funds"
    book(issue(50))
    assert refused(early) == "id_already_refused"
    assert refused(replace(early, kind="other")) == "id_reused"
    book(replace(early, id=new_id()))


def test_a_refusal_is_told_even_if_it_cannot_be_kept(monkeypatch, caplog):
    """With every connection of the server taken, the answer is still no, and a line in the log."""
    book(grant(100))

    def full(**_parameters):
        raise psycopg.OperationalError("too many clients")

    monkeypatch.setattr(bookkeeping.psycopg, "connect", full)
    assert refused(issue(101)) == "insufficient_funds"
    assert "was not kept" in caplog.text


def test_a_fault_of_shape_is_not_held_against_an_id():
    made = grant(100)
    assert refused(replace(made, transfers=())) == "empty_journal"
    book(made)


def test_a_set_is_answered_item_by_item():
    outside = journal(move(BUDGET, TREASURY, 1, TransferCode.GRANT))
    made = [issue(1), grant(100), issue(60), issue(41), outside, issue(40)]
    outcomes = post_set(made, actor=ACTOR, at=AT)
    assert codes(outcomes) == [
        "insufficient_funds",
        "posted",
        "posted",
        "insufficient_funds",
        "route_not_allowed",
        "posted",
    ]
    assert [each.ok for each in outcomes] == [False, True, True, False, False, True]
    assert balance(BUDGET).available == 0
    seqs = [each.posted.seq for each in outcomes if each.posted]
    assert seqs == sorted(seqs)


def test_a_set_may_repeat_its_own_items():
    made = grant(100)
    poor = issue(101)
    outcomes = post_set([poor, made, made, replace(made, kind="other"), poor], actor=ACTOR, at=AT)
    assert codes(outcomes) == [
        "insufficient_funds", "posted", "exists", "id_reused", "id_already_refused",
    ]  # fmt: skip
    assert outcomes[2].posted == outcomes[1].posted
    again = post_set([made, poor], actor=ACTOR, at=LATER)
    assert codes(again) == ["exists", "id_already_refused"]
    assert again[0].posted == outcomes[1].posted


def test_an_empty_set_is_answered_by_nothing():
    assert post_set([], actor=ACTOR, at=AT) == []


def test_a_set_of_thousands_takes_few_statements(django_assert_max_num_queries):
    made = [grant(10**9), *(issue(1000 + each, f"v{each}") for each in range(2000))]
    outcomes = post_set(made, actor=ACTOR, at=AT)
    assert set(codes(outcomes)) == {"posted"}
    assert balance(voucher("v1999")).available == 2999
    assert models.LogEntry.objects.count() == 2001


def test_accounts_are_opened_once_with_the_nature_of_their_code():
    book(grant(1), grant(2), meter(5))
    found = {(each.code, each.limited, each.sync) for each in models.Account.objects.all()}
    assert found == {
        ("1000", False, False),
        ("1100", True, True),
        ("C100", False, False),
        ("C200", True, False),
    }


@transaction.atomic
def post_past_a_blind_judge(made: Journal) -> None:
    rows(BLIND_JUDGE)
    post(made, actor=ACTOR, at=AT)


def test_the_database_itself_holds_the_limit():
    """Were the judge blind, the CHECK on the balance row would stop the posting."""
    book(grant(100))
    with as_role(SUPERUSER), pytest.raises(DatabaseError, match="balance_within_limit"):
        post_past_a_blind_judge(issue(101))
    assert balance(BUDGET).available == 100
    assert refused(issue(101)) == "insufficient_funds"
