import json
from copy import deepcopy
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import chart
from ledger.book import Journal
from ledger.chart import TransferCode
from ledger.replay import Replay, ReplayError, Sums, journal_seq, voucher_lines
from tests.ledger.making import (
    LATER,
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
from tests.ledger.oracle import Oracle


def body(made: Journal, seq: int) -> dict:
    return json.loads(json.dumps({**made.for_log(), "seq": str(seq)}))


def replayed(*journals: Journal) -> Replay:
    books = Replay()
    for seq, each in enumerate(journals, start=1):
        books.book(body(each, seq))
    books.finish()
    return books


def refused(*journals: Journal) -> str:
    with pytest.raises(ReplayError) as told:
        replayed(*journals)
    return str(told.value)


def sums(books: Replay, key) -> Sums:
    return books.accounts[tuple(key.for_log())]


def test_the_books_come_out_of_the_entries():
    held = hold(40, expires_at=LATER)
    books = replayed(grant(100), issue(60), held, post_held(held, 30), settle(30), meter(5))
    assert sums(books, voucher()) == Sums(0, 30, 0, 60)
    assert sums(books, voucher()).available == 30
    assert sums(books, redeemed()) == Sums(0, 30, 0, 30)
    assert (books.journals, books.transfers) == (6, 6)
    line = voucher_lines(books)[0]
    assert (line.voucher, line.issued, line.available, line.held, line.spent) == (
        "v1", 60, 30, 0, 30,
    )  # fmt: skip


def test_every_rule_of_the_books_is_kept():
    held = hold(40, expires_at=LATER)
    start = [grant(100), issue(60), held]
    expiry = resolving(held, 40, TransferCode.EXPIRE_RESERVED)
    assert "透支 1" in refused(*start, redeem(21))
    assert "透支" in refused(grant(100), issue(101))
    assert "透支" in refused(*start, settle(1))
    assert "不合" in refused(*start, post_held(held, 41))
    assert "不合" in refused(*start, journal(resolving(held, 39, TransferCode.VOID_RESERVED)))
    assert "已了结" in refused(*start, void_held(held), post_held(held, 1))
    assert "不存在" in refused(*start, post_held(hold(1), 1))
    assert "未到期" in refused(*start, journal(expiry, at=LATER - timedelta(microseconds=1)))
    once = grant(1).transfers
    assert "出现两次" in refused(journal(*once), journal(*once))
    assert replayed(*start, journal(expiry, at=LATER)).journals == 4


def test_a_limit_holds_inside_a_journal_too():
    both = journal(*issue(60).transfers, *grant(60).transfers)
    assert "透支" in refused(both)
    assert replayed(journal(*grant(60).transfers, *issue(60).transfers)).transfers == 2


def test_journals_come_in_the_order_of_booking():
    books = replayed(grant(1))
    with pytest.raises(ReplayError, match="重复"):
        books.book(body(grant(1), 1))


def bent(made: Journal, **change) -> dict:
    stated = body(made, 1)
    for name, value in change.items():
        if value is None:
            stated["transfers"][0].pop(name, None)
        else:
            stated["transfers"][0][name] = value
    return stated


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "0"}, {"amount": "-1"}, {"amount": "01"}, {"amount": "1.0"}, {"amount": "１"},
        {"amount": "9" * 5000}, {"amount": ["1"]}, {"amount": {}}, {"amount": None},
        {"code": "999"}, {"code": "300"}, {"code": ""}, {"code": "abc"}, {"code": None},
        {"phase": "pending"}, {"phase": "post"}, {"phase": "other"}, {"phase": ["single"]},
        {"unit": "COMPUTE"}, {"unit": "USD"}, {"unit": None}, {"unit": []},
        {"debit": ["1100", "p-2026", ""]}, {"debit": ["9999", "p", ""]}, {"debit": ["1000", "p"]},
        {"debit": "1000"}, {"debit": [1, 2, 3]}, {"debit": ["1000", "p-2027", ""]}, {"debit": None},
        {"credit": ["2000", "p-2026", "v"]}, {"credit": [["x"], "", ""]}, {"credit": {}},
        {"id": None}, {"id": 5}, {"id": []}, {"pending_id": "x"}, {"pending_id": 7},
        {"expires_at": "2026-10-01T00:00:00.000000Z"}, {"expires_at": "soon"}, {"reason": 1},
        {"extra": "x"},
    ],
)  # fmt: skip
def test_a_misshapen_transfer_is_refused_without_a_fault(change):
    with pytest.raises(ReplayError):
        Replay().book(bent(grant(5), **change))


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "0"}, {"seq": ""}, {"seq": "-1"}, {"seq": None}, {"seq": "x"},
        {"transfers": []}, {"transfers": {}}, {"transfers": "x"}, {"transfers": [1]},
        {"transfers": [None]}, {"effective_at": ""}, {"effective_at": "2026-10-01"},
        {"effective_at": []}, {"extra": "x"},
    ],
)  # fmt: skip
def test_a_misshapen_journal_is_refused_without_a_fault(change):
    stated = {**body(grant(5), 1), **change}
    with pytest.raises(ReplayError):
        Replay().book(stated)


def test_a_journal_with_a_field_missing_is_no_journal():
    for name in body(grant(5), 1):
        stated = body(grant(5), 1)
        del stated[name]
        with pytest.raises(ReplayError, match="字段"):
            journal_seq(stated)


NAMES = st.sampled_from(["v1", "v2"])
STEPS = st.lists(
    st.one_of(
        st.builds(grant, st.integers(1, 50)),
        st.builds(issue, st.integers(1, 50), NAMES),
        st.builds(hold, st.integers(1, 50), NAMES),
        st.builds(redeem, st.integers(1, 50), NAMES),
        st.builds(settle, st.integers(1, 50)),
        st.tuples(st.integers(0, 30), st.integers(1, 50), st.booleans()),
    ),
    max_size=25,
)


@given(STEPS)
def test_the_replay_arrives_where_the_oracle_does(steps):
    """Journals that the oracle books are replayed; one it refuses, the replay refuses too."""
    oracle, books, holds = Oracle(), Replay(), [hold(1)]
    for seq, step in enumerate(steps, start=1):
        made = step
        if isinstance(step, tuple):
            place, amount, whole = step
            held = holds[place % len(holds)]
            made = void_held(held) if whole else post_held(held, amount)
        elif made.transfers[0].code == TransferCode.RESERVE:
            holds.append(made)
        answer = oracle.post(made)
        fresh = deepcopy(books)
        if answer == "posted":
            books.book(body(made, seq))
        else:
            with pytest.raises(ReplayError):
                fresh.book(body(made, seq))
    for key in (chart.budget("p-2026"), voucher("v1"), voucher("v2"), redeemed()):
        known = books.accounts.get(tuple(key.for_log()), Sums())
        assert (known.held_out, known.out, known.held_in, known.into) == oracle.total(key)


def test_moves_between_programmes_are_refused():
    made = journal(move(chart.treasury("a"), chart.budget("b"), 1, TransferCode.GRANT))
    assert "另一个方案" in refused(made)
