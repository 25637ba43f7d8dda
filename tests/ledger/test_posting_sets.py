"""A set is answered as its items one at a time: however it is cut, codes and balances agree."""

from itertools import pairwise

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import models
from ledger.balances import balances
from ledger.book import Journal, post, post_set
from ledger.bookkeeping import rows
from ledger.chart import TransferCode
from ledger.invariants import findings
from ledger.refusals import Refused
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    LATER,
    grant,
    hold,
    issue,
    journal,
    meter,
    redeem,
    redeemed,
    resolving,
    settle,
    voucher,
)

pytestmark = pytest.mark.django_db
KEYS = [BUDGET, voucher("v1"), voucher("v2"), redeemed("q1"), redeemed("q2")]
AMOUNTS = st.integers(1, 40)
NAMES = st.sampled_from(["v1", "v2"])
PROVIDERS = st.sampled_from(["q1", "q2"])
RESOLUTIONS = [
    TransferCode.POST_RESERVED, TransferCode.VOID_RESERVED, TransferCode.EXPIRE_RESERVED,
]  # fmt: skip


def undone(work) -> object:
    """Do the work, and return what it gave after everything it wrote was taken back."""
    with transaction.atomic():
        given_back = work()
        transaction.set_rollback(True)
    return given_back


@st.composite
def stories(draw) -> list[Journal]:
    """Draw journals of one to three legs, many of which must fail, with holds and repeats."""
    made = [grant(draw(st.integers(1, 120))), issue(draw(AMOUNTS)), issue(draw(AMOUNTS), "v2")]
    holds: list[Journal] = []
    for _ in range(draw(st.integers(1, 14))):
        parts = []
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
            part, kept = draw_leg(draw, holds)
            parts += part.transfers
            holds += kept
        made.append(journal(*parts))
        if draw(st.integers(0, 5)) == 0:
            made.append(draw(st.sampled_from(made)))
    return made


def draw_leg(draw, holds: list[Journal]) -> tuple[Journal, list[Journal]]:
    amount, name, provider = draw(AMOUNTS), draw(NAMES), draw(PROVIDERS)
    what = draw(st.integers(0, 7))
    if what < 2:
        made = hold(amount, name, provider, expires_at=draw(st.sampled_from([None, AT, LATER])))
        return made, [made]
    if what < 5 and holds:
        held = draw(st.sampled_from(holds))
        whole = held.transfers[0].amount if draw(st.booleans()) else amount
        return journal(resolving(held, whole, draw(st.sampled_from(RESOLUTIONS)))), []
    simple = [issue(amount, name), redeem(amount, name, provider), settle(amount, "s", provider)]
    return draw(st.sampled_from([*simple, meter(amount)])), []


def one_at_a_time(story: list[Journal]) -> tuple[list[str], dict]:
    seen: set = set()
    codes = []
    for each in story:
        again = each.id in seen
        seen.add(each.id)
        try:
            post(each, actor=ACTOR, at=AT)
        except Refused as refused:
            codes.append(refused.code)
        else:
            codes.append("exists" if again else "posted")
    return codes, balances(KEYS)


def in_sets(story: list[Journal], cuts: list[int]) -> tuple[list[str], dict]:
    bounds = [0, *sorted(cuts), len(story)]
    codes = []
    for low, high in pairwise(bounds):
        codes += [each.code for each in post_set(story[low:high], actor=ACTOR, at=AT)]
    assert findings() == []
    return codes, balances(KEYS)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(stories(), st.data())
def test_however_a_list_is_cut_codes_and_balances_are_the_same(story, data):
    # The memory of a refusal outlives the rollback on purpose: sets first, then one at a time.
    cuts = st.lists(st.integers(0, len(story)), max_size=4)
    answers = [undone(lambda: in_sets(story, data.draw(cuts))) for _ in range(2)]
    answers.append(undone(lambda: in_sets(story, list(range(len(story))))))
    answers.append(undone(lambda: in_sets(story, [])))
    assert all(each == answers[0] for each in answers)
    assert undone(lambda: one_at_a_time(story)) == answers[0]


def test_a_hold_made_and_resolved_in_one_set_is_resolved_once():
    held = hold(60)
    thrice = [journal(resolving(held, 60, each)) for each in (RESOLUTIONS[1], *RESOLUTIONS[:2])]
    made = [grant(100), issue(100), held, redeem(41), *thrice, redeem(100)]
    assert [each.code for each in post_set(made, actor=ACTOR, at=AT)] == [
        "posted", "posted", "posted", "insufficient_funds",
        "posted", "pending_already_resolved", "pending_already_resolved", "posted",
    ]  # fmt: skip


def test_a_hold_of_a_journal_that_fell_is_no_hold():
    fallen = journal(*hold(10).transfers, *redeem(1000).transfers)
    first = journal(fallen.transfers[0])
    made = [grant(100), issue(100), fallen, journal(resolving(first, 10, RESOLUTIONS[0]))]
    assert [each.code for each in post_set(made, actor=ACTOR, at=AT)][2:] == [
        "insufficient_funds", "pending_not_found",
    ]  # fmt: skip
    (again,) = post_set([first], actor=ACTOR, at=AT)
    assert again.code == "posted"


def test_a_journal_that_falls_in_its_last_leg_gives_everything_back():
    held = hold(50)
    fallen = journal(
        resolving(held, 50, RESOLUTIONS[1]), *redeem(60).transfers, *hold(30).transfers,
        *redeem(11).transfers,
    )  # fmt: skip
    made = [grant(100), issue(100), held, fallen, journal(*fallen.transfers[:2]), redeem(41)]
    outcomes = post_set(made, actor=ACTOR, at=AT)
    assert [each.code for each in outcomes] == [
        "posted", "posted", "posted", "insufficient_funds", "posted", "insufficient_funds",
    ]  # fmt: skip
    assert outcomes[3].ordinal == 3


def test_ids_of_a_fallen_journal_are_free_again():
    legs = redeem(10).transfers
    made = [grant(100), issue(10), journal(*legs, *redeem(1).transfers), journal(*legs),
            journal(*legs)]  # fmt: skip
    assert [each.code for each in post_set(made, actor=ACTOR, at=AT)][2:] == [
        "insufficient_funds", "posted", "transfer_id_taken",
    ]  # fmt: skip


def test_what_the_quick_answer_gives_is_what_the_walk_gives():
    """A repeated journal at the end makes the function walk; without it nothing can fail."""
    made = [grant(1000), *(issue(10, f"v{each}") for each in range(50))]
    quick = undone(lambda: [each.code for each in post_set(made[:51], actor=ACTOR, at=AT)])
    walked = undone(lambda: [each.code for each in post_set([*made, made[0]], actor=ACTOR, at=AT)])
    assert walked == [*quick, "exists"]
    assert quick == ["posted"] * 51


def test_a_set_of_thousands_that_overdraws_is_cut_at_the_exact_item():
    made = [grant(1000), *(issue(1, f"v{each % 7}") for each in range(3000))]
    outcomes = post_set(made, actor=ACTOR, at=AT)
    assert [each.code for each in outcomes] == ["posted"] * 1001 + ["insufficient_funds"] * 2000
    assert models.RefusedId.objects.filter(id=made[-1].id).exists()
    assert not connection.needs_rollback
    assert rows("SELECT count(*) FROM ledger_transfer") == [(1001,)]
