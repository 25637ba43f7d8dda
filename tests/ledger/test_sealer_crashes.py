"""A sealer that is killed, anywhere and at any time, is followed by one that goes straight on."""

import os
import random
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connection

from ledger import audit, models
from ledger.book import post_set
from ledger.marks import read_mark
from ledger.sealing import seal, suites_in_use
from tests.ledger.making import ACTOR, AT, KEYS, LATER, book, grant, issue, meter, seal_all
from tests.ledger.sealers import (
    one_history,
    put_entry,
    raw_connection,
    record,
    sealer,
    wait_until,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]

#: How often a sealer is killed under load.
KILLS = int(os.environ.get("CRASH_ROUNDS", "3"))
#: Every named place of a seal, and whether the mark and the checkpoint are there when it is left.
PLACES = {
    "leaves": (False, False),
    "tiles": (False, False),
    "signed": (False, False),
    "marked": (True, False),
    "committed": (True, True),
}


def notes() -> list[str]:
    return list(models.Checkpoint.objects.order_by("id").values_list("note", flat=True))


def test_the_places_of_a_seal_are_passed_in_this_order():
    audit.ensure_key(AT)
    record()
    passed: list[str] = []
    wait_until(lambda: seal(AT, passed.append), "an entry to seal")
    assert passed == list(PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_a_sealer_killed_at_a_place_is_followed_by_one_that_goes_on(place):
    """Tiles fill up in the seal that is killed, and more is written before the next one."""
    for _ in range(3):
        record()
    seal_all()
    post_set([grant(10**6), *(issue(1, str(each)) for each in range(300))], actor=ACTOR, at=AT)
    before, size = notes(), audit.latest_checkpoint().size
    with sealer("-m", "tests.ledger.dying_sealer", place) as dying:
        assert dying.wait(60) == -signal.SIGKILL, dying.stdout.read()
    marked, committed = PLACES[place]
    assert (read_mark().size > size) == marked
    assert (audit.latest_checkpoint().size > size) == committed
    assert models.LogLeaf.objects.count() == audit.latest_checkpoint().size
    reached = read_mark().size
    record("after the crash")
    newest = seal_all(LATER)
    assert newest.size == models.LogEntry.objects.count() >= reached + 1
    assert notes()[: len(before)] == before
    for sizes in one_history().values():
        assert sizes[0] == KEYS + 3
        assert not marked or reached in sizes


def crash_when_marked(place: str) -> None:
    if place == "marked":
        raise KeyboardInterrupt


@pytest.mark.unbalanced  # an entry that names a journal nobody booked
def test_what_was_marked_is_sealed_first_even_if_it_could_not_be_cut_there_today():
    """A journal booked before a sealed one may come in sight only after the crash."""
    seal_all()
    with raw_connection() as late, raw_connection() as holding:
        asked = late.execute("SELECT nextval(pg_get_serial_sequence('ledger_journal', 'seq'))")
        seq = asked.fetchone()[0]
        late.commit()
        book(grant(1), meter(5))
        with pytest.raises(KeyboardInterrupt):
            wait_until(lambda: seal(AT, crash_when_marked), "the crash")
        assert (read_mark().size, audit.latest_checkpoint().size) == (KEYS + 2, KEYS)
        put_entry(holding)  # stays open, so what began after it is not final
        late.execute(
            "INSERT INTO ledger_logentry (id, type, at, body, journal_seq)"
            " VALUES (gen_random_uuid(), 'ledger.journal', now(), '{}', %s)", [seq],
        )  # fmt: skip
        late.commit()
        wait_until(lambda: seal(AT), "what was marked")
        assert audit.latest_checkpoint().size == KEYS + 2
        assert seal(AT) is None
        holding.commit()
    assert seal_all().size == KEYS + 4
    assert one_history()["sha256"] == [KEYS, KEYS + 2, KEYS + 4]


def write_until(stop: threading.Event, number: int, written: list[int]) -> None:
    """Write entries slowly and out of order; take every fifth back; some are real journals."""
    try:
        with raw_connection() as other:
            turn = 0
            while not stop.is_set():
                turn += 1
                put_entry(other)
                time.sleep(0.001 * ((number * 7 + turn * 3) % 9))
                if (number + turn) % 5 == 0:
                    other.rollback()
                else:
                    other.commit()
                    written.append(1)
                if turn % 3 == 0:
                    book(grant(1))
                    written.append(1)
    finally:
        connection.close()


@contextmanager
def six_writers(written: list[int]):
    stop = threading.Event()
    threads = [
        threading.Thread(target=write_until, args=(stop, each, written)) for each in range(6)
    ]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in threads:
            each.join(60)


def passed_over() -> int:
    """Count entries without a leaf that stand before a sealed one (the nightly anti-join)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM ledger_logentry e WHERE NOT EXISTS"
            " (SELECT FROM ledger_logleaf l WHERE l.entry_id = e.seq) AND (e.xid, e.seq) <"
            " (SELECT s.xid, s.seq FROM ledger_logleaf l JOIN ledger_logentry s"
            "  ON s.seq = l.entry_id ORDER BY s.xid DESC, s.seq DESC LIMIT 1)"
        )
        return cursor.fetchone()[0]


@contextmanager
def a_second_sealer():
    """Seal without a pause in another thread, over a connection of its own."""
    stop = threading.Event()

    def seal_on() -> None:
        try:
            while not stop.is_set():
                seal(AT)
        finally:
            connection.close()

    thread = threading.Thread(target=seal_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


@pytest.mark.slow
def test_nothing_is_lost_or_disordered_while_six_write_and_two_sealers_never_pause():
    audit.ensure_key(AT)
    written: list[int] = []
    seen: list[str] = []
    until = time.monotonic() + 4
    with six_writers(written), a_second_sealer():
        while time.monotonic() < until or len(seen) < 30:
            if seal(AT):
                seen = notes()
                assert passed_over() == 0
    assert seal_all().size == len(written) + KEYS == models.LogEntry.objects.count()
    assert notes()[: len(seen)] == seen
    assert len(one_history()["sha256"]) > 10


@pytest.mark.slow
def test_a_sealer_killed_at_random_times_under_load_loses_nothing():
    """Six writers go on; whatever checkpoint anybody saw stays, and the tree is one history."""
    dice = random.Random(7)
    audit.ensure_key(AT)
    seal_all()
    written: list[int] = []
    seen: list[str] = []
    with six_writers(written):
        for _ in range(KILLS):
            with sealer() as process:
                first = len(notes())
                wait_until(lambda count=first: len(notes()) > count, "a seal")
                time.sleep(dice.random() * 0.8)
                process.kill()
                process.wait(20)
            now = notes()
            assert now[: len(seen)] == seen
            assert passed_over() == 0
            seen = now
    assert seal_all().size == len(written) + KEYS
    assert notes()[: len(seen)] == seen
    assert set(one_history()) == {each.name for each in suites_in_use()}
