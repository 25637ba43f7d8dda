"""Real sealer processes for tests, and what must hold of the log whatever befell them."""

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection

from ledger import audit, models
from ledger.identifiers import new_id
from ledger.keys import key_history
from ledger.marks import read_mark
from ledger.merkle import consistency_proof, perfect_root, verify_growth
from ledger.sealing import Checkpoint, checkpoint_at, suites_in_use
from ledger.signing import TreeHead, VerificationKey, open_note
from ledger.suites import Suite
from ledger.tiles import WIDTH
from ledger.trees import StoredTree
from ledger.verifying import GrowingTree
from tests.ledger.making import ACTOR, AT
from tests.worker import environment

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


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
        (new_id(), kind, b'{"raw":"%s"}' % str(new_id()).encode()),
    )


@contextmanager
def sealer(*words: str, **more: str):
    """Start ``manage.py seal_log`` (or another program) on the data of the test; end it after."""
    command = [sys.executable, *(words or ("manage.py", "seal_log"))]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=environment() | more,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(true, what: str, seconds: int = PATIENCE_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"in vain: {what}"
        time.sleep(0.02)


def key_of(suite: Suite) -> VerificationKey:
    """Return the first key that signs a suite's tree."""
    return key_history().lasting(suite.name)[0]


def one_history() -> dict[str, list[int]]:
    """Check every checkpoint ever signed against the entries; return the sizes by suite.

    The trees are built again from the bytes of the entries; each checkpoint's root and signature
    holds; each tree grows out of the one before; times never go back; leaves stand in the order
    of transactions; full tiles are stored; the mark is the newest checkpoint.
    """
    leaves = list(models.LogLeaf.objects.select_related("entry").order_by("index"))
    assert [each.index for each in leaves] == list(range(len(leaves)))
    places = [(int(each.entry.xid), each.entry.seq) for each in leaves]
    assert places == sorted(places)
    sizes = {}
    for suite in suites_in_use():
        bodies = [bytes(each.entry.body) for each in leaves]
        heads = list(models.Checkpoint.objects.of(suite).order_by("size"))
        sizes[suite.name] = [each.size for each in heads]
        tree, roots = GrowingTree(suite), {}
        for hashed in suite.leaves(bodies):
            tree.append(hashed)
            roots[tree.size] = tree.root()
        _check_heads(suite, heads, roots)
        _check_tiles(suite, suite.leaves(bodies))
        stored = [bytes(each.hash if suite.name == "sha256" else each.sm3) for each in leaves]
        assert stored == suite.leaves(bodies)
        peak = read_mark().peak(suite)
        assert (peak.size, peak.root) == (heads[-1].size, bytes(heads[-1].root))
    assert len({tuple(each) for each in sizes.values()}) == 1
    return sizes


def _check_heads(suite: Suite, heads: list[models.Checkpoint], roots: dict[int, bytes]) -> None:
    before: Checkpoint | None = None
    for head in heads:
        origin = suite.origin(settings.LOG_ORIGIN)
        stated = TreeHead(origin, head.size, roots[head.size])
        assert open_note(head.note, key_of(suite)) == stated.text
        if before:
            hashes = consistency_proof(before.size, head.size, StoredTree(suite).read, suite)
            verify_growth(before.size, head.size, hashes, before.root, stated.root, suite=suite)
            assert head.sealed_at >= before.sealed_at
        before = checkpoint_at(head.size, suite)


def _check_tiles(suite: Suite, hashes: list[bytes]) -> None:
    level = 0
    while True:
        full = [hashes[end - WIDTH : end] for end in range(WIDTH, len(hashes) + 1, WIDTH)]
        stored = models.LogTile.objects.filter(suite=suite.name, level=level).order_by("number")
        hashes = [perfect_root(each, suite) for each in full]
        found = [(each.number, bytes(each.hashes), bytes(each.root)) for each in stored]
        expected = zip(range(len(full)), map(b"".join, full), hashes, strict=True)
        assert found == list(expected)
        if not full:
            return
        level += 1
