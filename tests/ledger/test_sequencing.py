"""Where the log may be cut: the pure rule, and the statements that find the same on a server."""

import random
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from ledger import models, sequencing
from ledger.bookkeeping import rows
from ledger.identifiers import new_id
from ledger.refusals import Broken
from ledger.sequencing import (
    BEGINNING,
    Place,
    Waiting,
    closed_cut,
    count_behind,
    entries_up_to,
    find_cut,
    last_sealed,
    nth_waiting,
    waiting_behind,
)
from tests.ledger.making import AT, seal_all

pytestmark = pytest.mark.superuser  # writes entries as only the posting function may


@pytest.mark.parametrize(
    ("journals", "before", "outside", "cut"),
    [
        ([], 0, None, 0),
        ([None], 0, None, 1),
        ([5, 6, None], 0, None, 3),
        ([6, 5, 7], 0, None, 3),
        ([5, 7, 8], 0, 6, 1),
        ([9, 7], 0, 6, 0),
        ([9, 7, None], 0, 8, 0),
        ([None, 2, None], 0, 1, 1),
        ([3, 2, 1, 9], 0, 8, 3),
        ([5, 6], 9, 8, 0),
        ([5, 9], 7, 9, 1),
        ([5, 9], 9, 9, 0),
        ([5, 9], 7, 10, 2),
    ],
)
def test_a_cut_leaves_no_journal_outside_that_was_booked_before_one_inside(
    journals, before, outside, cut
):
    assert closed_cut(journals, before, outside) == cut


def is_closed(journals: list[int | None], before: int, outside: int | None, count: int) -> bool:
    """Say by the words of the rule, without any trick, whether a cut is closed."""
    inside = [before, *(each for each in journals[:count] if each is not None)]
    behind = [each for each in [*journals[count:], outside] if each is not None]
    return all(within < beyond for within in inside for beyond in behind)


PLACES = st.none() | st.integers(1, 12)


@given(st.lists(PLACES, max_size=10), st.integers(0, 12), PLACES)
def test_the_cut_is_the_longest_closed_one(journals, before, outside):
    closed = [
        each for each in range(1, len(journals) + 1) if is_closed(journals, before, outside, each)
    ]
    assert closed_cut(journals, before, outside) == max(closed, default=0)


def put(*journals: int | None) -> list[Place]:
    """Write entries with these places in the order of booking; each its own transaction id."""
    places = []
    with connection.cursor() as cursor:
        for number, journal_seq in enumerate(journals, 1):
            kind = "test.raw" if journal_seq is None else "ledger.journal"
            cursor.execute(
                "INSERT INTO ledger_logentry (id, xid, type, at, journal_seq, body)"
                " VALUES (%s, %s::text::xid8, %s, %s, %s, '{}') RETURNING seq",
                [new_id(), str(number), kind, AT + timedelta(seconds=number), journal_seq],
            )
            places.append(Place(number, cursor.fetchone()[0]))
    return places


# Entries with journals nobody booked would be findings of the books.
raw = pytest.mark.unbalanced
line = Waiting(BEGINNING, 10**6)


@raw
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("journals", "limit", "cut"),
    [
        ((), 9, 0),
        ((5, 6, 7), 9, 3),
        ((5, 6, 7), 2, 2),
        ((6, 5, 7), 1, 2 + 1),
        ((3, 2, 1, 9), 2, 4),
        ((None, 7, 5, None), 2, 1),
        ((None, 7, 5, None), 3, 3),
    ],
)
def test_the_longest_closed_run_within_the_limit_is_taken_or_else_all(journals, limit, cut):
    places = put(*journals)
    assert find_cut(line, limit) == (places[cut - 1] if cut else None)


@raw
@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(12))
def test_the_server_finds_the_cut_of_the_rule_whatever_the_order(seed, monkeypatch):
    """Also where the closed place lies far before the end: the tail looked at grows."""
    monkeypatch.setattr(sequencing, "_TAIL", 3)
    monkeypatch.setattr(sequencing, "_TAIL_GROWS", 2)
    dice = random.Random(seed)
    order: list[int | None] = list(range(1, 41))
    for place in range(len(order)):
        other = min(len(order) - 1, place + dice.randrange(7))
        order[place], order[other] = order[other], order[place]
    order = [None if dice.random() < 0.1 else each for each in order]
    places = put(*order)
    bound = dice.randrange(2, 42)
    inside = order[: bound - 1]
    outside = min((each for each in order[bound - 1 :] if each), default=None)
    expected = closed_cut(inside, 0, outside)
    found = find_cut(Waiting(BEGINNING, bound), 10**6)
    assert found == (places[expected - 1] if expected else None)


@raw
@pytest.mark.django_db
def test_entries_come_in_order_in_chunks_between_two_places():
    places = put(*range(1, 8))
    chunks = list(entries_up_to(places[0], places[5], 2))
    assert [[seq for seq, _ in each] for each in chunks] == [
        [places[1].seq, places[2].seq],
        [places[3].seq, places[4].seq],
        [places[5].seq],
    ]
    assert {body for each in chunks for _, body in each} == {b"{}"}


@raw
@pytest.mark.django_db
def test_what_waits_is_counted_and_numbered():
    places = put(1, 2, 3)
    assert nth_waiting(line, 2) == places[1]
    assert nth_waiting(line, 4) is None
    assert nth_waiting(Waiting(BEGINNING, 2), 2) is None
    assert count_behind(places[0]) == (2, AT + timedelta(seconds=2))
    assert count_behind(places[2]) == (0, None)


@pytest.mark.django_db(transaction=True)
def test_a_database_whose_transaction_ids_began_anew_is_not_sealed_on():
    size = seal_all().size
    place = last_sealed(size)
    assert waiting_behind(size).bound > place.xid
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_logentry DISABLE TRIGGER append_only")
        cursor.execute("UPDATE ledger_logentry SET xid = '9999999999'::xid8")
        cursor.execute("ALTER TABLE ledger_logentry ENABLE ALWAYS TRIGGER append_only")
    with pytest.raises(Broken, match="reloaded"):
        waiting_behind(size)


@pytest.mark.django_db(transaction=True)
@raw
def test_a_leaf_without_its_entry_stops_the_sealer():
    size = seal_all().size
    assert rows("SELECT count(*) FROM ledger_logleaf") == [(size,)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_logentry DISABLE TRIGGER append_only")
        cursor.execute("DELETE FROM ledger_logentry")
        cursor.execute("ALTER TABLE ledger_logentry ENABLE ALWAYS TRIGGER append_only")
    assert not models.LogEntry.objects.exists()
    with pytest.raises(Broken, match="gone"):
        last_sealed(size)
