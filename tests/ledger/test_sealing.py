"""Sealing on a real server: order, races, crashes, restored backups, growth over tiles."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction

from ledger import audit, models, sealing
from ledger.book import post_set
from ledger.marks import mark_path, read_mark, write_mark
from ledger.merkle import consistency_proof, leaf_hash, verify_consistency, verify_inclusion
from ledger.refusals import Broken
from ledger.sealing import adopt_mark, checkpoint_at, proof, seal
from ledger.signing import TreeHead, open_note
from ledger.suites import SHA256
from ledger.tiles import WIDTH
from ledger.trees import StoredTree
from ledger.verifying import GrowingTree
from tests.ledger.making import ACTOR, AT, KEYS, LATER, a_small_month, book, grant, issue, seal_all
from tests.ledger.sealers import one_history, put_entry, raw_connection, record, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]


def test_without_a_key_nothing_is_signed():
    record()
    with pytest.raises(Broken, match="make_log_key"):
        seal(AT)


def test_a_checkpoint_covers_all_entries_and_is_signed():
    a_small_month()
    checkpoint = seal_all(LATER)
    key = audit.ensure_key(AT)
    head = TreeHead.parse(open_note(checkpoint.note, key))
    tree = GrowingTree()
    for leaf in models.LogLeaf.objects.select_related("entry").order_by("index"):
        assert leaf.index == tree.size
        tree.append(leaf_hash(bytes(leaf.entry.body)))
    assert (head.origin, head.size, head.root) == (settings.LOG_ORIGIN, tree.size, tree.root())
    assert tree.size == models.LogEntry.objects.count() == 10 + KEYS
    assert checkpoint == audit.latest_checkpoint()
    assert checkpoint.sealed_at == LATER
    assert (read_mark().size, read_mark().root) == (tree.size, tree.root())


def test_with_nothing_new_nothing_is_signed():
    seal_all()
    assert seal(LATER) is None
    assert models.Checkpoint.objects.of(SHA256).count() == 1


def test_the_key_is_made_and_introduced_once():
    first = audit.ensure_key(AT)
    assert audit.ensure_key(LATER) == first
    assert models.LogEntry.objects.filter(type="key.introduce").count() == KEYS
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
    assert models.LogTile.objects.filter(suite="sha256", level=0).count() == newest.size // WIDTH


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
        assert audit.latest_checkpoint().size == 1 + KEYS
        foreign.rollback()


def test_an_entry_rolled_back_leaves_no_gap():
    with raw_connection() as other:
        put_entry(other)
        other.rollback()
    record()
    assert seal_all().size == 1 + KEYS


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
    write_mark(replace(read_mark(), size=9, root=bytes(32)))
    record()
    with pytest.raises(Broken, match="old backup"):
        seal(AT)


def test_a_tree_that_contradicts_the_mark_is_not_signed():
    seal_all()
    newest = audit.latest_checkpoint()
    write_mark(replace(read_mark(), root=bytes(32)))
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
    assert seal_all().size == 2 + KEYS


def test_a_mark_of_another_log_stops_the_sealer(settings):
    record()
    seal_all()
    settings.LOG_ORIGIN = "elsewhere/log"
    with pytest.raises(Broken, match="another log"):
        seal(AT)


def test_a_second_sealer_steps_back():
    record()
    audit.ensure_key(AT)
    with raw_connection() as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (sealing._LOCK,))
        assert seal(AT) is None
        other.rollback()
    assert seal_all().size == 1 + KEYS


def test_very_many_entries_are_read_apart_and_sealed_a_batch_to_a_checkpoint(monkeypatch):
    """What is chunked, read over another connection and cut is the same log in the end."""
    for name, value in {"MANY": 64, "CHUNK": 50, "RUN": 3, "BATCH": 400}.items():
        monkeypatch.setattr(sealing, name, value)
    audit.ensure_key(AT)
    post_set(
        [grant(10**6), *(issue(1, str(each)) for each in range(999 - KEYS))], actor=ACTOR, at=AT
    )
    passed: list[str] = []
    wait_until(lambda: seal(AT, passed.append), "the first batch")
    assert passed.count("leaves") == 3
    seal_all()
    assert one_history() == {"sha256": [400, 800, 1000], "sm3": [400, 800, 1000]}


def test_the_lag_is_the_age_of_the_oldest_entry_that_waits():
    audit.ensure_key(AT)
    assert sealing.sealing_lag(AT) == sealing.Lag(KEYS, timedelta(0))
    seal_all()
    assert sealing.sealing_lag(LATER) == sealing.Lag(0, timedelta(0))
    assert audit.unsealed() == 0
    audit.record("test.event", {}, actor=ACTOR, at=AT + timedelta(seconds=5))
    record()
    assert sealing.sealing_lag(AT + timedelta(seconds=60)) == sealing.Lag(2, timedelta(seconds=60))
    assert not sealing.sealing_lag(AT + timedelta(seconds=60)).alarming
    assert sealing.sealing_lag(AT + timedelta(seconds=61)).alarming
    assert sealing.sealing_lag(AT - timedelta(hours=1)).oldest == timedelta(0)
