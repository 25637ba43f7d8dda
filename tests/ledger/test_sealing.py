"""Sealing on a real server: order, races, crashes, restored backups, growth over tiles."""

import threading
import time

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from ledger import audit, models, sealing
from ledger.book import post_set
from ledger.identifiers import new_id
from ledger.marks import Mark, mark_path, read_mark, write_mark
from ledger.merkle import consistency_proof, leaf_hash, verify_consistency, verify_inclusion
from ledger.refusals import Broken
from ledger.sealing import _closed_cut, adopt_mark, checkpoint_at, proof, seal
from ledger.signing import TreeHead, open_note
from ledger.tiles import WIDTH
from ledger.trees import StoredTree
from ledger.verifying import GrowingTree
from tests.ledger.making import ACTOR, AT, LATER, a_small_month, book, grant, issue, seal_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]


def record(text: str = "x") -> audit.Entry:
    return audit.record("test.event", {"text": text}, actor=ACTOR, at=AT)


def raw_connection(database: str = "") -> psycopg.Connection:
    known = connection.get_connection_params()
    names = ("dbname", "user", "host", "port", "password")
    same = {each: known[each] for each in names if known.get(each)}
    return psycopg.connect(**{**same, "dbname": database or known["dbname"]})


def put_entry(other: psycopg.Connection, kind: str = "test.raw") -> None:
    other.execute(
        "INSERT INTO ledger_logentry (id, type, at, body) VALUES (%s, %s, now(), %s)",
        (new_id(), kind, b'{"raw":"entry"}'),
    )


def test_without_a_key_nothing_is_signed():
    record()
    with pytest.raises(Broken, match="make_log_key"):
        seal(AT)


def test_a_checkpoint_covers_all_entries_and_is_signed():
    a_small_month()
    checkpoint = seal_all(LATER)
    key = audit.ensure_key(AT)
    head = TreeHead.parse(open_note(checkpoint.note, key, alone=True))
    tree = GrowingTree()
    for leaf in models.LogLeaf.objects.select_related("entry").order_by("index"):
        assert leaf.index == tree.size
        tree.append(leaf_hash(bytes(leaf.entry.body)))
    assert (head.origin, head.size, head.root) == (settings.LOG_ORIGIN, tree.size, tree.root())
    assert tree.size == models.LogEntry.objects.count() == 11
    assert checkpoint == audit.latest_checkpoint()
    assert checkpoint.sealed_at == LATER
    assert read_mark() == Mark(settings.LOG_ORIGIN, tree.size, tree.root())


def test_with_nothing_new_nothing_is_signed():
    seal_all()
    assert seal(LATER) is None
    assert models.Checkpoint.objects.count() == 1


def test_the_key_is_made_and_introduced_once():
    first = audit.ensure_key(AT)
    assert audit.ensure_key(LATER) == first
    assert models.LogEntry.objects.filter(type="key.introduce").count() == 1
    assert (settings.VAR_DIR / "keys" / "log-ed25519.pem").stat().st_mode & 0o777 == 0o600


def test_an_entry_knows_its_place_only_when_sealed():
    entry = record()
    assert audit.entry_index(entry.id) is None
    assert audit.proof(0) is None
    seal_all()
    index = audit.entry_index(entry.id)
    proven = audit.proof(index)
    assert proven.leaf_hash.hex() == entry.hash_hex
    verify_inclusion(index, proven.size, proven.leaf_hash, proven.hashes, proven.checkpoint.root)


def test_every_entry_is_proven_in_every_checkpoint_that_covers_it():
    sizes = []
    for _ in range(4):
        for _ in range(3):
            record()
        sizes.append(seal_all().size)
    for size in sizes:
        for index in range(size):
            found = proof(index, size)
            root = checkpoint_at(size).root
            verify_inclusion(index, size, found.leaf_hash, found.hashes, root)
    for index, size in [(-1, 3), (3, 3), (0, 0), (0, sizes[-1] + 1), (99, None)]:
        assert proof(index, size) is None
    assert proof(0, 2).checkpoint is None


def test_each_checkpoint_grows_out_of_the_one_before():
    before = seal_all()
    for _ in range(5):
        record()
        after = seal_all()
        hashes = consistency_proof(before.size, after.size, StoredTree().read)
        verify_consistency(before.size, after.size, hashes, before.root, after.root)
        before = after


@pytest.mark.parametrize("counts", [(300,), (255, 1, 1), (256, 256), (100, 700, 3)])
def test_tiles_fill_up_the_same_whatever_the_batches(counts):
    book(grant(10**9))
    audit.ensure_key(AT)
    for count in counts:
        post_set([issue(1, str(each)) for each in range(count)], actor=ACTOR, at=AT)
        seal_all()
    newest = audit.latest_checkpoint()
    tree = GrowingTree()
    for leaf in models.LogLeaf.objects.order_by("index"):
        tree.append(bytes(leaf.hash))
    assert newest.root == tree.root()
    assert models.LogTile.objects.filter(level=0).count() == newest.size // WIDTH


def test_an_entry_of_a_running_transaction_holds_back_what_began_after_it():
    audit.ensure_key(AT)
    seal_all()
    size = audit.latest_checkpoint().size
    with raw_connection() as slow:
        put_entry(slow, "test.slow")
        later = record("later")
        assert seal(AT) is None
        assert audit.entry_index(later.id) is None
        slow.commit()
        seal_all()
    slow_entry = models.LogEntry.objects.get(type="test.slow")
    assert audit.entry_index(slow_entry.id) == size
    assert audit.entry_index(later.id) == size + 1


def test_a_transaction_in_another_database_of_the_server_holds_nothing_back():
    audit.ensure_key(AT)
    with raw_connection("postgres") as foreign:
        foreign.execute("SELECT pg_current_xact_id()")
        record()
        until = time.monotonic() + 20
        while seal(AT) is None and time.monotonic() < until:
            time.sleep(0.05)
        assert audit.latest_checkpoint().size == 2
        foreign.rollback()


def test_an_entry_rolled_back_leaves_no_gap():
    with raw_connection() as other:
        put_entry(other)
        other.rollback()
    record()
    assert seal_all().size == 2


def write_slowly(number: int, written: list[int]) -> None:
    with raw_connection() as other:
        for turn in range(25):
            put_entry(other)
            time.sleep(0.001 * ((number * 7 + turn * 3) % 9))
            if (number + turn) % 5 == 0:
                other.rollback()
            else:
                other.commit()
                written.append(1)


def seal_until(stop: threading.Event) -> None:
    try:
        while not stop.is_set():
            seal(AT)
    finally:
        connection.close()


def test_no_entry_is_lost_when_six_write_while_two_sealers_run():
    """Writers commit slowly, out of order, and sometimes roll back; the sealers never pause."""
    audit.ensure_key(AT)
    stop, written = threading.Event(), []
    writers = [threading.Thread(target=write_slowly, args=(each, written)) for each in range(6)]
    sealers = [threading.Thread(target=seal_until, args=(stop,)) for _ in range(2)]
    for each in (*writers, *sealers):
        each.start()
    for each in writers:
        each.join(60)
    stop.set()
    for each in sealers:
        each.join(60)
    assert seal_all().size == len(written) + 1 == models.LogEntry.objects.count()
    order = models.LogLeaf.objects.order_by("index").values_list("entry__xid", flat=True)
    assert list(order) == sorted(order)


@pytest.mark.parametrize(
    ("waiting", "limit", "cut"),
    [
        ([], 9, []),
        ([(1, None, None)], 9, [1]),
        ([(1, 5, None), (2, 6, None), (3, None, None)], 9, [1, 2, 3]),
        ([(1, 5, None), (2, 6, None), (3, 7, None)], 2, [1, 2]),
        ([(1, 6, None), (2, 5, None), (3, 7, None)], 1, [1, 2]),
        ([(1, 5, 6), (2, 7, 6), (3, 8, 6)], 9, [1]),
        ([(1, 9, 6), (2, 7, 6)], 9, []),
        ([(1, 9, 8), (2, 7, 8), (3, None, 8)], 9, []),
        ([(1, None, 1), (2, 2, 1), (3, None, 1)], 9, [1]),
        ([(1, 3, None), (2, 2, None), (3, 1, None), (4, 9, None)], 2, [1, 2, 3]),
    ],
)
def test_a_cut_leaves_no_journal_outside_that_was_booked_before_one_inside(waiting, limit, cut):
    assert _closed_cut(waiting, limit) == cut


def test_a_journal_is_not_sealed_before_the_one_it_rests_on():
    """T1 begins first, T2 brings the money and commits, T1 spends it and commits; T2 still waits.

    T1's transaction id is the lower one, so by ids alone its journal could be sealed first.
    """
    audit.ensure_key(AT)
    seal_all()
    size = audit.latest_checkpoint().size
    with raw_connection() as between:
        with transaction.atomic():
            record("t1 begins")
            put_entry(between)  # a third transaction, between T1 and T2, stays open
            thread = threading.Thread(target=_grant_elsewhere)
            thread.start()
            thread.join(30)
            book(issue(100))
        assert seal(AT) is None or audit.latest_checkpoint().size == size + 1
        between.commit()
    assert seal_all().size == size + 4


def _grant_elsewhere() -> None:
    try:
        book(grant(100))
    finally:
        connection.close()


def test_a_database_restored_from_an_old_backup_signs_nothing():
    record()
    seal_all()
    write_mark(Mark(settings.LOG_ORIGIN, 9, bytes(32)))
    record()
    with pytest.raises(Broken, match="old backup"):
        seal(AT)


def test_a_tree_that_contradicts_the_mark_is_not_signed():
    seal_all()
    newest = audit.latest_checkpoint()
    write_mark(Mark(settings.LOG_ORIGIN, newest.size, bytes(32)))
    record()
    with pytest.raises(Broken, match="contradicts"):
        _seal_when_free()
    assert audit.latest_checkpoint() == newest


def _seal_when_free() -> None:
    for _ in range(200):
        if seal(AT):
            return
        time.sleep(0.05)


def test_a_lost_mark_stops_the_sealer_until_somebody_adopts_one():
    record()
    seal_all()
    mark_path().unlink()
    record()
    with pytest.raises(Broken, match="adopt-mark"):
        seal(AT)
    assert adopt_mark() == audit.latest_checkpoint()
    assert seal_all().size == 3


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"origin": "x", "size": "y", "root": "z"}', "x"])
def test_a_damaged_mark_stops_the_sealer(text):
    record()
    seal_all()
    mark_path().write_text(text)
    record()
    with pytest.raises(Broken, match="damaged"):
        seal(AT)


def test_a_mark_of_another_log_stops_the_sealer(settings):
    record()
    seal_all()
    settings.LOG_ORIGIN = "elsewhere/log"
    with pytest.raises(Broken, match="another log"):
        seal(AT)


def test_a_crash_between_mark_and_commit_is_repaired_by_the_next_seal(monkeypatch):
    for _ in range(3):
        record()
    audit.ensure_key(AT)

    def crash(mark: Mark) -> None:
        write_mark(mark)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "write_mark", crash)
        with pytest.raises(KeyboardInterrupt):
            _seal_when_free()
    marked = read_mark()
    assert models.Checkpoint.objects.count() == 0
    record()
    newest = seal_all()
    assert newest.size == marked.size + 1
    assert StoredTree().root(marked.size) == marked.root


def test_a_second_sealer_steps_back():
    record()
    audit.ensure_key(AT)
    with raw_connection() as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (sealing._LOCK,))
        assert seal(AT) is None
        other.rollback()
    assert seal_all().size == 2
