"""What the database writes into the log about a journal, byte for byte.

Goal: the entry is the canonical form of the journal as ``ledger.entries`` knows it, whatever
texts occur; and nobody who may only call the posting function can make books and log differ.
"""

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest
import rfc8785
from django.conf import settings as house
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import models
from ledger.book import post, post_set
from ledger.bookkeeping import rows
from ledger.entries import canonical
from ledger.identifiers import new_id
from ledger.refusals import Broken
from tests.ledger.making import (
    ACTOR,
    AT,
    CLERK,
    LATER,
    book,
    entry_of,
    grant,
    hold,
    issue,
    journal,
    meter,
    post_held,
    redeem,
)

pytestmark = pytest.mark.django_db
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30
) | st.sampled_from(['"', "\\", "\x7f", "\x1f\b\f\n\r\t", "\u2028", "\U0001f600", "</x>'"])
KEYS = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=9)


def stored(made) -> tuple[bytes, bytes, int]:
    row = models.Journal.objects.get(id=made.id)
    entry = models.LogEntry.objects.get(id=made.id)
    assert (entry.type, entry.at, entry.journal_seq) == ("ledger.journal", row.recorded_at, row.seq)
    return bytes(entry.body), bytes(row.request_hash), row.seq


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS, TEXTS, TEXTS, st.dictionaries(KEYS, TEXTS, max_size=3), st.booleans())
def test_the_entry_is_the_canonical_form_of_the_journal(kind, subject, reason, refs, expires):
    subject = subject.replace("/", "")
    held = hold(5, subject, expires_at=LATER if expires else None)
    legs = [*held.transfers, *post_held(held, 3).transfers, *redeem(1, subject).transfers]
    made = replace(
        journal(*(replace(each, reason=reason) for each in legs), kind=kind),
        refs=refs,
        approvals=(CLERK, ACTOR) if expires else (),
    )
    outcomes = post_set([grant(9), issue(9, subject), made], actor=CLERK, at=LATER)
    assert [each.code for each in outcomes] == ["posted"] * 3
    body, digest, seq = stored(made)
    assert body == entry_of(made, seq, log=house.LOG_ORIGIN, actor=CLERK, at=LATER)
    stated = made.for_log()
    assert digest == hashlib.sha256(rfc8785.dumps(stated)).digest()
    assert canonical(stated) == rfc8785.dumps(stated)


def test_every_leg_of_a_long_journal_stands_in_its_order():
    made = journal(*(each.transfers[0] for each in [grant(1) for _ in range(120)]))
    book(made)
    body, _, seq = stored(made)
    assert body == entry_of(made, seq, log=house.LOG_ORIGIN)
    places = models.Transfer.objects.filter(journal=seq).order_by("ordinal")
    assert [each.id for each in places] == [each.id for each in made.transfers]


def test_a_journal_too_large_for_an_entry_is_not_booked():
    long = [replace(each, reason="大" * 200) for each in (grant(1).transfers[0],) * 90]
    made = journal(*(replace(each, id=new_id()) for each in long))
    with pytest.raises(Broken, match="larger than 65,535"):
        post_in_a_transaction(made)
    assert not models.Journal.objects.exists()


@transaction.atomic
def post_in_a_transaction(made) -> None:
    post(made, actor=ACTOR, at=AT)


def bent(**columns) -> list:
    """Return the parameters of a call that books one grant, with some of them changed."""
    names = [
        "log", "actor", "recorded_at", "whole", "keep", "account_codes", "account_programmes",
        "account_subjects", "journal_ids", "firsts", "kinds", "moments", "approvals", "refs",
        "places", "transfer_ids", "debits", "credits", "amounts", "codes", "pending_ids",
        "expiries", "reasons",
    ]  # fmt: skip
    plain = {
        "log": "here", "actor": "{}", "recorded_at": AT, "whole": False, "keep": True,
        "account_codes": ["1000", "1100"], "account_programmes": ["p", "p"],
        "account_subjects": ["", ""], "journal_ids": [new_id()], "firsts": [1], "kinds": ["k"],
        "moments": [AT], "approvals": ["[]"], "refs": ["{}"], "places": [1],
        "transfer_ids": [new_id()], "debits": [1], "credits": [2], "amounts": [5], "codes": [100],
        "pending_ids": [None], "expiries": [None], "reasons": [""],
    }  # fmt: skip
    return [{**plain, **columns}[name] for name in names]


CALL = """
SELECT seqs FROM ledger_post(%s, %s, %s, %s, %s, %s::text[], %s::text[], %s::text[], %s::uuid[],
    %s::int[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::int[], %s::uuid[],
    %s::int[], %s::int[], %s::bigint[], %s::smallint[], %s::uuid[], %s::timestamptz[], %s::text[])
"""


@transaction.atomic
def call(**columns) -> list:
    return rows(CALL, *bent(**columns))[0][0]


def test_the_function_books_what_is_in_its_form():
    assert len(call()) == 1


# The same in every process that collects this file: they are in the names of the tests.
ONE_ID = [UUID(int=1)]
TWO_IDS = [UUID(int=1), UUID(int=2)]


@pytest.mark.parametrize(
    "columns",
    [
        {"codes": [340]},
        {"codes": [999]},
        {"debits": [2], "credits": [1]},
        {"debits": [1], "credits": [1]},
        {"credits": [3]},
        {"account_codes": ["1000", "9999"]},
        {"account_programmes": ["p", "q"]},
        {"amounts": [0]},
        {"amounts": [10**18 + 1]},
        {"pending_ids": ONE_ID},
        {"expiries": [LATER]},
        {"refs": ['{},"seq":"1"']},
        {"refs": ['["a"]']},
        {"refs": ["{}}"]},
        {"approvals": ["{}"]},
        {"actor": '"x"'},
        {"kinds": [None]},
        {"reasons": [None]},
        {"refs": [None]},
        {"approvals": [None]},
        {"moments": [None]},
        {"amounts": [None]},
        {"codes": [None]},
        {"transfer_ids": [None]},
        {"journal_ids": [None]},
        {"journal_ids": TWO_IDS},
        {"places": [2]},
        {"places": [1, 1], "firsts": [2], "transfer_ids": TWO_IDS},
        {"firsts": [2]},
        {"firsts": [None]},
        {"places": [None]},
        {"transfer_ids": [], "places": []},
    ],
    ids=str,
)
def test_a_call_that_no_honest_caller_makes_writes_nothing(columns):
    with pytest.raises(DatabaseError):
        call(**columns)
    assert not models.LogEntry.objects.exists()
    assert not models.Transfer.objects.exists()


def test_places_that_go_back_and_forth_are_refused():
    ids = [new_id(), new_id(), new_id()]
    two = {
        "journal_ids": [new_id(), new_id()], "kinds": ["k", "k"], "moments": [AT, AT],
        "approvals": ["[]", "[]"], "refs": ["{}", "{}"], "transfer_ids": ids,
        "debits": [1] * 3, "credits": [2] * 3, "amounts": [5] * 3, "codes": [100] * 3,
        "pending_ids": [None] * 3, "expiries": [None] * 3, "reasons": [""] * 3,
    }  # fmt: skip
    assert len(call(**two, places=[1, 2, 2], firsts=[1, 2])) == 2
    for places, firsts in (([1, 2, 1], [1, 2]), ([1, 1, 2], [1, 2]), ([2, 1, 2], [2, 1])):
        with pytest.raises(IntegrityError):
            call(**two, places=places, firsts=firsts)


def test_a_refusal_is_kept_only_where_the_books_refused_and_hold_nothing():
    made = meter(5)
    book(made)
    fresh = [new_id() for _ in range(3)]
    rows(
        "SELECT ledger_keep_refusals(%s::uuid[], %s::text[], %s::bytea[], %s)",
        [made.id, *fresh],
        ["insufficient_funds", "insufficient_funds", "safe_mode", "transfer_id_taken"],
        [b"x"] * 4,
        AT,
    )
    kept = models.RefusedId.objects.filter(id__in=[made.id, *fresh])
    assert [(each.id, each.code) for each in kept] == [(fresh[0], "insufficient_funds")]
