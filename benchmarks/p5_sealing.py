"""Sealing entries of about 500 bytes into the tree: leaves, tiles, a signed checkpoint.

Ours is the sealer itself (``ledger.audit.seal``) over entries that wait in the database, with the
tree under SHA-256 alone; ``p5_sealing_both`` adds the one under SM3. The floor is SHA-256 of the
same bytes, already in memory, and ``COPY`` of the finished leaves into a table of the same columns
with the same indexes, and nothing else: no reading, no order, no inner nodes, no tiles.

The rival is pymerkle with its SQLite database, which appends entry by entry; its call for many at
once, which writes leaves and computes no tree until somebody asks, is told as well.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import psycopg
from django.conf import settings
from django.db import connection

from benchmarks.made_entries import made
from ledger import audit
from ledger.identifiers import new_id

UNIT = "entries"
GOAL = ">= 0.4"
SIZES = (50_000, 100_000, 200_000, 400_000)
RIVALS = ("pymerkle", "pymerkle in bulk")  # goal: at least 10 times as fast, one at a time
AT = datetime(2026, 10, 1, tzinfo=UTC)
PER_TRANSACTION = 1_000


class Leaves(NamedTuple):
    """What the floor works on: entries in memory, and leaves as COPY takes them."""

    entries: list[bytes]
    rows: list[bytes]


def write_entries(entries: Iterator[bytes]) -> None:
    """Write them into the log as posting does: journals in transactions of a thousand."""
    connection.ensure_connection()
    kind = "ledger.journal"
    numbered = enumerate(entries, 1)
    while chunk := list(islice(numbered, PER_TRANSACTION)):
        lines = [
            f"{kind}\t{AT.isoformat()}\t{seq}\t{new_id().hex}\t\\\\x{each.hex()}\n"
            for seq, each in chunk
        ]
        with (
            psycopg.Cursor(connection.connection) as cursor,
            cursor.copy(
                "COPY ledger_logentry (type, at, journal_seq, id, body) FROM STDIN"
            ) as copy,
        ):
            copy.write("".join(lines).encode())


def prepare(size: int) -> int:
    """Write the entries, in a folder of its own for the key and the mark."""
    settings.VAR_DIR = Path(tempfile.mkdtemp(prefix="p5-"))
    settings.LOG_SUITES = ["sha256"]
    audit.ensure_key(AT)
    write_entries(made(size - 1))  # the key's own entry is the first
    return size


def ours(size: int) -> int:
    """Seal until nothing waits."""
    done = 0
    while done < size:
        checkpoint = audit.seal(AT)
        assert checkpoint is not None
        done = checkpoint.size
    return done


def prepare_floor(size: int) -> Leaves:
    """Seal once for the finished leaves, and make a bare table for them."""
    ours(prepare(size))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE floor_leaf (LIKE ledger_logleaf INCLUDING ALL)")
        with cursor.copy("COPY ledger_logleaf TO STDOUT (FORMAT BINARY)") as copy:
            rows = [bytes(each) for each in copy]
    return Leaves(list(made(size)), rows)


def floor(leaves: Leaves) -> int:
    """Hash the entries and copy the leaves in."""
    for each in leaves.entries:
        hashlib.sha256(each).digest()
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY floor_leaf FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(b"".join(leaves.rows))
    return len(leaves.entries)
