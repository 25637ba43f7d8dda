"""The tree under SM3 beside the one under SHA-256: same entries, same order, own everything."""

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from ledger import audit, models
from ledger.book import post_set
from ledger.inspecting import inspect_log
from ledger.marks import read_mark, write_mark
from ledger.merkle import inclusion_proof, verify_inclusion
from ledger.refusals import Broken
from ledger.sealing import checkpoint_at, latest_checkpoint, proof, seal
from ledger.signing import TreeHead, open_note
from ledger.suites import SHA256, SM3, SUITES
from ledger.trees import EdgeOfTree, StoredTree, leaf_hashes
from tests.ledger.making import ACTOR, AT, KEYS, LATER, grant, issue, seal_all
from tests.ledger.sealers import key_of, one_history, record, wait_until
from tests.ledger.test_inspecting import as_owner
from tests.roles import SUPERUSER, as_role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer]


def three_hundred() -> None:
    """Write so many that the first time, with the keys of the log, there are 302 entries."""
    issued = (issue(1, str(each)) for each in range(301 - KEYS))
    post_set([grant(10**6), *issued], actor=ACTOR, at=AT)


def test_one_seal_signs_both_trees_at_the_same_size():
    three_hundred()
    first = seal_all(LATER)
    second = latest_checkpoint(SM3)
    assert (first.size, first.suite) == (302, SHA256)
    assert (second.size, second.sealed_at, second.suite) == (302, LATER, SM3)
    assert first.root != second.root
    assert second.note.startswith("shuanli.putuo.example/ledger/sm3\n302\n")
    assert checkpoint_at(302, SM3) == second
    assert one_history() == {"sha256": [302], "sm3": [302]}
    assert inspect_log() == []


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda each: each.name)
def test_an_entry_is_proven_in_either_tree(suite):
    three_hundred()
    seal_all()
    for index in (0, 255, 256, 301):
        found = proof(index, suite=suite)
        assert found.leaf_hash == suite.leaf(found.entry)
        root = found.checkpoint.root
        verify_inclusion(index, 302, found.leaf_hash, found.hashes, root, suite=suite)
    found = proof(3, 100, suite)
    root = StoredTree(suite).root(100)
    verify_inclusion(3, 100, found.leaf_hash, found.hashes, root, suite=suite)
    assert found.checkpoint is None


@pytest.mark.parametrize("before", [KEYS, 255, 256, 302])
def test_a_log_from_before_the_second_tree_is_caught_up_at_the_next_seal(settings, before):
    """Old leaves keep no SM3 hash, for no row is updated; their tiles hold it."""
    settings.LOG_SUITES = ["sha256"]
    audit.ensure_key(AT)
    made = [grant(10**6), *(issue(1, str(each)) for each in range(before))]
    post_set(made[: before - KEYS], actor=ACTOR, at=AT)
    assert seal_all().size == before
    assert latest_checkpoint(SM3) is None
    assert inspect_log() == []
    settings.LOG_SUITES = ["sha256", "sm3"]
    record()
    assert seal_all().size == before + 1
    assert models.LogLeaf.objects.filter(sm3=None).count() == before
    assert models.LogTile.objects.filter(suite="sm3", level=0).count() == (before + 1) // 256
    hashes = [SM3.leaf(bytes(each.entry.body)) for each in
              models.LogLeaf.objects.select_related("entry").order_by("index")]  # fmt: skip
    assert leaf_hashes(0, before + 1, SM3) == hashes
    edge = EdgeOfTree(SM3, 0)
    edge.extend(hashes)
    assert latest_checkpoint(SM3).root == edge.root()
    proof_of_first = inclusion_proof(0, before + 1, StoredTree(SM3).read, SM3)
    verify_inclusion(0, before + 1, hashes[0], proof_of_first, edge.root(), suite=SM3)
    assert inspect_log() == []


def test_a_second_tree_that_paused_goes_on_where_it_stopped(settings):
    three_hundred()
    seal_all()
    settings.LOG_SUITES = ["sha256"]
    three_hundred()
    assert seal_all().size == 604 - KEYS
    assert latest_checkpoint(SM3).size == read_mark().peak(SM3).size == 302
    settings.LOG_SUITES = ["sha256", "sm3"]
    record()
    assert seal_all().size == latest_checkpoint(SM3).size == 605 - KEYS
    assert inspect_log() == []


@pytest.mark.unbalanced
@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE ledger_logleaf SET sm3 = set_byte(sm3, 0, get_byte(sm3, 0) # 1) WHERE index = 300",
         "contradicts the root signed at size 302 under sm3"),
        ("UPDATE ledger_logleaf SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1)"
         " WHERE index = 300", "contradicts the root signed at size 302 under sha256"),
        ("UPDATE ledger_logtile SET root = sha256(root) WHERE suite = 'sm3'",
         "contradicts the root signed at size 302 under sm3"),
        ("DELETE FROM ledger_logtile WHERE suite = 'sm3'", "tiles do not fit"),
        ("DELETE FROM ledger_logtile WHERE suite = 'sha256'", "tiles do not fit"),
        ("DELETE FROM ledger_checkpoint WHERE suite = 'sm3'", "tiles do not fit"),
        ("DELETE FROM ledger_logleaf WHERE index = 301", "the entry of leaf 301 is gone"),
        ("INSERT INTO ledger_logleaf (index, entry_id, hash) VALUES (302, 999999, 'x')",
         "303 leaves are stored but 302"),
        ("UPDATE ledger_checkpoint SET root = sha256(root) WHERE suite = 'sm3'",
         "contradicts the root signed at size 302 under sm3"),
    ],
)  # fmt: skip
def test_a_contradiction_in_either_tree_stops_both(tampering, told):
    three_hundred()
    newest = seal_all()
    as_owner(tampering)
    record()
    with pytest.raises(Broken, match=told):
        wait_until(lambda: seal(AT), "the sealer to refuse")
    assert models.Checkpoint.objects.of(SHA256).count() == 1
    assert read_mark().size == newest.size


@pytest.mark.unbalanced
def test_a_mark_that_knows_another_second_tree_stops_the_sealer():
    seal_all()
    known = read_mark()
    forged = {"sm3": type(known.peak(SM3))(KEYS, bytes(32))}
    write_mark(type(known)(known.origin, known.size, known.root, forged, known.at, known.cluster))
    record()
    with pytest.raises(Broken, match="under sm3"):
        wait_until(lambda: seal(AT), "the sealer to refuse")


def test_the_guards_cover_the_rows_of_the_second_tree():
    three_hundred()
    seal_all()
    for table in ("logleaf", "logtile", "checkpoint"):
        column = "sm3" if table == "logleaf" else "suite"
        with (
            as_role(SUPERUSER),
            connection.cursor() as cursor,
            pytest.raises(DatabaseError, match="append-only"),
        ):
            cursor.execute(f"UPDATE ledger_{table} SET {column} = {column}")


def test_the_second_tree_is_served_under_its_own_addresses(client: Client):
    three_hundred()
    seal_all()
    note = client.get("/public/log/checkpoint.sm").content.decode()
    head = TreeHead.parse(open_note(note, key_of(SM3)))
    assert head == TreeHead("shuanli.putuo.example/ledger/sm3", 302, latest_checkpoint(SM3).root)
    leaves = b"".join(
        client.get(f"/public/log/sm3/tile/0/{each}").content for each in ("000", "001.p/46")
    )
    assert leaves == b"".join(leaf_hashes(0, 302, SM3))
    for rest in ("entries/000", "entries/001.p/46"):
        ours = client.get(f"/public/log/sm3/tile/{rest}")
        assert ours.content == client.get(f"/public/log/tile/{rest}").content
        assert "immutable" in ours["Cache-Control"]
    assert client.get("/public/log/sm3/tile/0/001").status_code == 404
    assert client.get("/public/log/tile/0/000").content != leaves[: 256 * 32]


def test_a_second_tree_that_has_not_begun_serves_nothing(client: Client, settings):
    settings.LOG_SUITES = ["sha256"]
    seal_all()
    assert client.get("/public/log/checkpoint").status_code == 200
    assert client.get("/public/log/checkpoint.sm").status_code == 404
    assert client.get("/public/log/sm3/tile/0/000.p/1").status_code == 404
