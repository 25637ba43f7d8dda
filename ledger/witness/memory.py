"""What a witness remembers: one file of SQLite, one row per log, evidence that stays.

Looking and storing is one transaction that no other can come between, and it is on disk before
an answer goes out; so a witness that is killed at any moment never forgets what it signed.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WAIT_SECONDS = 10
_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (vkey TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS log (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,
    note TEXT NOT NULL, at INTEGER NOT NULL, lines TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS signed (
    origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
    note TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (origin, size)
);
CREATE TABLE IF NOT EXISTS evidence (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, origin TEXT NOT NULL,
    held TEXT NOT NULL, offered TEXT NOT NULL, old_size INTEGER NOT NULL,
    proof TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (kind, held, offered)
);
CREATE TRIGGER IF NOT EXISTS log_grows BEFORE UPDATE ON log
    WHEN NEW.size < OLD.size OR NEW.origin <> OLD.origin
      OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
    BEGIN SELECT RAISE(ABORT, 'a log only grows'); END;
"""
_KEPT = """
CREATE TRIGGER IF NOT EXISTS {table}_stays_{event} BEFORE {event} ON {table}
    BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


class Unusable(RuntimeError):  # noqa: N818 - says what is the matter
    """The file is missing, belongs to another witness, or cannot be used."""


@dataclass(frozen=True)
class Seen:
    """A tree that a witness cosigned of one log; its own lines only of the largest."""

    origin: str
    size: int
    root: bytes
    note: str
    at: int
    lines: str = ""


@dataclass(frozen=True)
class Evidence:
    """Two notes of one log that do not go together, or a note that was not proven.

    ``fork``: two signed roots of one size, proof of guilt by itself.
    ``unproven``: a larger tree whose proof did not hold; the sender may be at fault.
    """

    kind: str
    origin: str
    held: str
    offered: str
    old_size: int
    proof: str
    at: int
    number: int = 0


class Memory:
    """The file of one witness; safe between threads and between processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = sqlite3.connect(
            path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"):
            self._file.execute(statement)
        kept = (
            _KEPT.format(table=table, event=event)
            for table in ("signed", "evidence", "owner")
            for event in ("UPDATE", "DELETE")
        )
        gone = _KEPT.format(table="log", event="DELETE")
        self._file.executescript(_SCHEMA + "".join(kept) + gone)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def belong_to(self, vkeys: list[str]) -> None:
        """Bind the file to the keys of its witness, or insist that it is bound to them.

        Raises:
            Unusable: it belongs to another witness.
        """
        with self.deciding():
            owners = {row[0] for row in self._file.execute("SELECT vkey FROM owner")}
            if owners and owners != set(vkeys):
                raise Unusable(f"{self.path} belongs to another witness")
            if not owners:
                self._file.executemany("INSERT INTO owner VALUES (?)", [(each,) for each in vkeys])

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Hold the file for one look, one decision and one store; nobody comes between."""
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")

    def seen(self, origin: str) -> Seen | None:
        """Return the largest tree cosigned of a log; only inside ``deciding``."""
        row = self._file.execute(
            "SELECT origin, size, root, note, at, lines FROM log WHERE origin = ?", (origin,)
        ).fetchone()
        return Seen(*row) if row else None

    def signed(self, origin: str, size: int) -> Seen | None:
        """Return the tree of exactly this size, if it was cosigned; only inside ``deciding``."""
        row = self._file.execute(
            "SELECT origin, size, root, note, at FROM signed WHERE origin = ? AND size = ?",
            (origin, size),
        ).fetchone()
        return Seen(*row) if row else None

    def remember(self, seen: Seen) -> None:
        """Store a tree as the largest cosigned; only inside ``deciding``."""
        row = (seen.origin, seen.size, seen.root, seen.note, seen.at)
        self._file.execute(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE"
            " SET size = excluded.size, root = excluded.root, note = excluded.note,"
            " at = excluded.at, lines = excluded.lines",
            (*row, seen.lines),
        )
        self._file.execute("INSERT OR IGNORE INTO signed VALUES (?, ?, ?, ?, ?)", row)

    def keep_evidence(self, found: Evidence, most: int) -> bool:
        """Store evidence once; say whether it was new. Only inside ``deciding``.

        Args:
            most: how many of this kind and log are kept; anybody can send a wrong proof.
        """
        count = self._file.execute(
            "SELECT count(*) FROM evidence WHERE kind = ? AND origin = ?",
            (found.kind, found.origin),
        ).fetchone()[0]
        if count >= most:
            return False
        stored = self._file.execute(
            "INSERT OR IGNORE INTO evidence"
            " (kind, origin, held, offered, old_size, proof, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                found.kind,
                found.origin,
                found.held,
                found.offered,
                found.old_size,
                found.proof,
                found.at,
            ),
        )
        return stored.rowcount == 1

    def logs(self) -> list[Seen]:
        """Return the largest tree of every log."""
        with self._lock:
            found = self._file.execute(
                "SELECT origin, size, root, note, at, lines FROM log ORDER BY origin"
            ).fetchall()
        return [Seen(*row) for row in found]

    def evidence(self, most: int = -1) -> list[Evidence]:
        """Return what is kept as evidence, forks first, oldest first."""
        with self._lock:
            found = self._file.execute(
                "SELECT kind, origin, held, offered, old_size, proof, at, number FROM evidence"
                " ORDER BY kind <> 'fork', number LIMIT ?",
                (most,),
            ).fetchall()
        return [Evidence(*row) for row in found]

    def history(self, origin: str) -> list[Seen]:
        """Return every tree cosigned of a log, smallest first."""
        with self._lock:
            found = self._file.execute(
                "SELECT origin, size, root, note, at FROM signed WHERE origin = ? ORDER BY size",
                (origin,),
            ).fetchall()
        return [Seen(*row) for row in found]
