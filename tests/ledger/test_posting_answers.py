"""Every answer of the books by name, and which of two comes first (docs/ledger.md, Posting)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger import models
from ledger.answers import SENTENCES, STATE_CODES
from ledger.balances import balance
from ledger.book import Journal, post, post_set
from ledger.chart import TransferCode
from ledger.incidents import ask_to_close, close_incident, open_incident, open_incidents
from ledger.invariants import Finding
from ledger.refusals import Refused
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    CLERK,
    LATER,
    TREASURY,
    book,
    grant,
    hold,
    issue,
    journal,
    meter,
    move,
    post_held,
    redeem,
    resolving,
    settle,
    voucher,
)

pytestmark = pytest.mark.django_db
BOOKED = grant(1000)
HELD = hold(50, expires_at=LATER)
ENDLESS = hold(5)
RESOLVED = hold(7)
SPENT = redeem(1)
TAKEN = BOOKED.transfers[0].id
REFUSED = redeem(10**6)


@pytest.fixture
def books() -> None:
    """Give v1 101 and take 1, hold 62 in three holds, one of them (7) posted in part (2)."""
    book(BOOKED, issue(101), issue(30, "v2"), SPENT)
    book(HELD, ENDLESS, RESOLVED, post_held(RESOLVED, 2))
    assert post_set([REFUSED], actor=ACTOR, at=AT)[0].code == "insufficient_funds"


def expiry(held: Journal, amount: int, at=LATER) -> Journal:
    return journal(resolving(held, amount, TransferCode.EXPIRE_RESERVED), at=at)


def void(held: Journal, amount: int) -> Journal:
    return journal(resolving(held, amount, TransferCode.VOID_RESERVED))


def elsewhere(held: Journal, amount: int, code=TransferCode.POST_RESERVED) -> Journal:
    leg = resolving(held, amount, code)
    return journal(replace(leg, debit=voucher("v2")))


def renamed(made: Journal, **change) -> Journal:
    """Return the journal with its first transfer changed, its id too."""
    first = replace(made.transfers[0], **change)
    return replace(made, transfers=(first, *made.transfers[1:]))


def joined(*parts: Journal) -> Journal:
    return journal(*(leg for each in parts for leg in each.transfers))


FIRST = 0
ANSWERS: list[tuple[str, int | None, Callable[[], Journal]]] = [
    ("posted", None, lambda: redeem(43)),
    ("posted", None, lambda: post_held(HELD, 50)),
    ("posted", None, lambda: void(ENDLESS, 5)),
    ("posted", None, lambda: expiry(HELD, 50)),
    ("exists", None, lambda: BOOKED),
    ("id_reused", None, lambda: replace(BOOKED, kind="other")),
    ("id_reused", None, lambda: replace(REFUSED, kind="other")),
    ("id_already_refused", None, lambda: REFUSED),
    ("transfer_id_taken", FIRST, lambda: renamed(grant(5), id=TAKEN)),
    ("transfer_id_taken", 1, lambda: joined(grant(1), BOOKED)),
    ("pending_not_found", FIRST, lambda: post_held(hold(5), 5)),
    ("pending_not_found", FIRST, lambda: post_held(SPENT, 1)),
    ("pending_other_accounts", FIRST, lambda: elsewhere(HELD, 50)),
    ("pending_already_resolved", FIRST, lambda: post_held(RESOLVED, 2)),
    ("exceeds_pending", FIRST, lambda: post_held(HELD, 51)),
    ("void_not_whole", FIRST, lambda: void(HELD, 49)),
    ("void_not_whole", FIRST, lambda: expiry(HELD, 49)),
    ("not_expired_yet", FIRST, lambda: expiry(HELD, 50, LATER - timedelta(microseconds=1))),
    ("not_expired_yet", FIRST, lambda: expiry(ENDLESS, 5)),
    ("insufficient_funds", FIRST, lambda: redeem(44)),
    ("insufficient_funds", FIRST, lambda: settle(4)),
    ("insufficient_funds", 1, lambda: joined(redeem(43), redeem(1))),
    ("insufficient_funds", 2, lambda: joined(grant(1), redeem(43), hold(1))),
]  # fmt: skip


def alone(made: Journal) -> tuple[str, str | None]:
    try:
        post(made, actor=ACTOR, at=AT)
    except Refused as refused:
        return refused.code, refused.details.get("transfer")
    return "posted", None


@pytest.mark.parametrize(("code", "ordinal", "make"), ANSWERS)
def test_every_answer_has_its_name_and_its_transfer(books, code, ordinal, make):
    made = make()
    (answer,) = post_set([made], actor=ACTOR, at=AT)
    assert (answer.code, answer.ordinal) == (code, ordinal)
    assert answer.ok == (code in {"posted", "exists"})
    assert answer.message == SENTENCES.get(code, "")
    assert models.RefusedId.objects.filter(id=made.id).exists() == (
        code in STATE_CODES or made.id == REFUSED.id
    )


@pytest.mark.parametrize(("code", "ordinal", "make"), ANSWERS)
def test_one_alone_gets_the_answer_it_gets_in_a_set(books, code, ordinal, make):
    made = make()
    before = balance(voucher()), models.Transfer.objects.count(), models.Account.objects.count()
    concerned = None if ordinal is None else str(made.transfers[ordinal].id)
    assert alone(made) == ("posted" if code == "exists" else code, concerned)
    if code not in {"posted", "exists"}:
        assert before == (
            balance(voucher()),
            models.Transfer.objects.count(),
            models.Account.objects.count(),
        )


def test_the_table_reaches_every_answer_there_is():
    assert {code for code, _, _ in ANSWERS} == {*SENTENCES, "posted", "exists"} - {"safe_mode"}
    assert set(SENTENCES) > STATE_CODES


PAIRS: list[tuple[str, Callable[[], Journal]]] = [
    # Each journal bears the second fault of its pair as well; the first is told.
    ("id_reused", lambda: replace(redeem(10**6), id=BOOKED.id)),
    ("exists", lambda: BOOKED),
    ("id_already_refused", lambda: REFUSED),
    ("transfer_id_taken", lambda: renamed(post_held(hold(5), 5), id=TAKEN)),
    ("transfer_id_taken", lambda: renamed(redeem(10**6), id=TAKEN)),
    ("pending_other_accounts", lambda: elsewhere(RESOLVED, 7)),
    ("pending_other_accounts", lambda: elsewhere(HELD, 51)),
    ("pending_already_resolved", lambda: post_held(RESOLVED, 8)),
    ("pending_already_resolved", lambda: void(RESOLVED, 6)),
    ("pending_already_resolved", lambda: expiry(RESOLVED, 7, AT)),
    ("void_not_whole", lambda: expiry(HELD, 49, AT)),
    ("insufficient_funds", lambda: joined(redeem(44), post_held(hold(5), 5))),
    ("pending_not_found", lambda: joined(post_held(hold(5), 5), redeem(44))),
]  # fmt: skip


@pytest.mark.parametrize(("code", "make"), PAIRS)
def test_of_two_faults_the_first_in_order_is_told(books, code, make):
    assert post_set([make()], actor=ACTOR, at=AT)[0].code == code


def test_a_fault_of_shape_comes_before_what_the_id_answers():
    book(BOOKED)
    assert post_set([replace(BOOKED, transfers=())], actor=ACTOR, at=AT)[0].code == "empty_journal"
    assert post_set([renamed(BOOKED, amount=0)], actor=ACTOR, at=AT)[0].code == (
        "amount_not_positive"
    )


def begin_safe_mode() -> None:
    open_incident([Finding("test", "somewhere", "something")], actor=ACTOR, at=AT)


def end_safe_mode() -> None:
    (incident,) = open_incidents()
    request = ask_to_close(incident, reason="已查明", actor=CLERK, at=AT)
    close_incident(
        request, digest=incident.digest, actor=replace(CLERK, id="u-2", person="person-2"), at=AT
    )


SUSPENDED = [
    lambda: redeem(1),
    lambda: post_held(HELD, 50),
    lambda: settle(1),
    lambda: journal(move(voucher(), BUDGET, 1, TransferCode.REVOKE), *redeem(1).transfers),
]


@pytest.mark.parametrize("make", SUSPENDED)
def test_in_safe_mode_nothing_is_redeemed_settled_or_paid(books, make):
    begin_safe_mode()
    made = make()
    (answer,) = post_set([made], actor=ACTOR, at=AT)
    assert (answer.code, answer.ordinal) == ("safe_mode", len(made.transfers) - 1)
    assert "安全模式" in answer.message
    assert alone(made)[0] == "safe_mode"
    assert not models.RefusedId.objects.filter(id=made.id).exists()
    end_safe_mode()
    assert alone(made)[0] in {"posted", "insufficient_funds"}


def test_in_safe_mode_all_else_goes_on(books):
    begin_safe_mode()
    others = [grant(1), issue(1), hold(1), void(ENDLESS, 5), meter(5), expiry(HELD, 50)]
    others.append(journal(move(BUDGET, TREASURY, 1, TransferCode.RETURN)))
    assert {each.code for each in post_set(others, actor=ACTOR, at=AT)} == {"posted"}


def test_safe_mode_stands_after_the_id_and_before_the_state(books):
    spent = redeem(1)
    book(spent)
    begin_safe_mode()
    asked = [spent, replace(spent, kind="x"), REFUSED, redeem(10**6), renamed(redeem(1), id=TAKEN)]
    assert [each.code for each in post_set(asked, actor=ACTOR, at=AT)] == [
        "exists", "id_reused", "id_already_refused", "safe_mode", "safe_mode",
    ]  # fmt: skip
    twice = redeem(1, "v2")
    assert [each.code for each in post_set([twice, twice], actor=ACTOR, at=AT)] == ["safe_mode"] * 2
