"""The stored trees: leaves and tiles read from the database and written to it.

Both trees stand on the same leaves in the same order. Full tiles are stored once; partial ones
are computed when somebody asks. Writing goes by COPY in binary form, a few thousand rows at once.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from django.db import connection

from ledger.bookkeeping import rows
from ledger.merkle import HASH_BYTES, perfect_root, root_of
from ledger.suites import SHA256, SM3, Suite
from ledger.tiles import HEIGHT, WIDTH

_FULL = "SELECT hashes FROM ledger_logtile WHERE suite = %s AND level = %s AND number = %s"
_ROOTS = """
SELECT root FROM ledger_logtile
WHERE suite = %s AND level = %s AND number >= %s AND number < %s ORDER BY number
"""
#: The leaf hash of each suite, and where none was stored the entry to hash instead.
_LEAVES = {
    SHA256.name: "SELECT hash, NULL FROM ledger_logleaf WHERE index >= %s AND index < %s"
    " ORDER BY index",
    SM3.name: "SELECT sm3, CASE WHEN sm3 IS NULL THEN"
    " (SELECT body FROM ledger_logentry WHERE seq = entry_id) END"
    " FROM ledger_logleaf WHERE index >= %s AND index < %s ORDER BY index",
}
_COUNT_TILES = """
SELECT coalesce((SELECT max(number) + 1 FROM ledger_logtile WHERE suite = %s AND level = 0), 0)
"""
_COUNT_LEAVES = "SELECT coalesce((SELECT max(index) + 1 FROM ledger_logleaf), 0)"
#: Entries hashed at once; with the largest entries that is 128 MiB.
CHUNK = 2_048


def count_leaves() -> int:
    """Return how many leaves are stored."""
    return int(rows(_COUNT_LEAVES)[0][0])


def count_full_tiles(suite: Suite) -> int:
    """Return how many tiles of leaves are stored for a tree."""
    return int(rows(_COUNT_TILES, suite.name)[0][0])


def leaf_hashes(first: int, last: int, suite: Suite = SHA256) -> list[bytes]:
    """Return the leaf hashes [first, last) under a suite, as far as there are leaves."""
    return [
        bytes(hashed) if hashed is not None else suite.leaf(bytes(body))
        for hashed, body in rows(_LEAVES[suite.name], first, last)
    ]


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[each : each + HASH_BYTES] for each in range(0, len(hashes), HASH_BYTES)]


class StoredTree:
    """Reads subtree hashes of one tree; every tile is fetched once."""

    def __init__(self, suite: Suite = SHA256) -> None:
        self.suite = suite
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def tile(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile as far as they exist: 256 when it is full."""
        place = (level, number)
        if place not in self._tiles:
            self._tiles[place] = self._fetch(level, number)
        return self._tiles[place]

    def _fetch(self, level: int, number: int) -> list[bytes]:
        full = rows(_FULL, self.suite.name, level, number)
        if full:
            return _cut(bytes(full[0][0]))
        first, last = number * WIDTH, (number + 1) * WIDTH
        if level == 0:
            return leaf_hashes(first, last, self.suite)
        found = rows(_ROOTS, self.suite.name, level - 1, first, last)
        return [bytes(each) for (each,) in found]

    def read(self, level: int, index: int) -> bytes:
        """Return the hash of one perfect subtree (a ``merkle.NodeReader``)."""
        return subtree(self.tile(level // HEIGHT, index_of_tile(level, index)), level, index, self)

    def root(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves."""
        return root_of(size, self.read, self.suite)


def index_of_tile(level: int, index: int) -> int:
    """Return the number of the tile under which a perfect subtree lies."""
    return (index << level % HEIGHT) // WIDTH


def subtree(hashes: list[bytes], level: int, index: int, tree: "StoredTree | EdgeOfTree") -> bytes:
    """Return the hash of a perfect subtree from the tile it lies in."""
    height = level % HEIGHT
    offset = (index << height) % WIDTH
    return perfect_root(hashes[offset : offset + (1 << height)], tree.suite)


class EdgeOfTree:
    """The growing right edge of one tree: the tiles not yet full, and those just filled.

    Args:
        size: leaves the tree has so far; its full tiles are stored.
    """

    def __init__(self, suite: Suite, size: int) -> None:
        self.suite = suite
        self.size = size
        self._open: list[list[bytes]] = []
        self._full: list[tuple[int, int, list[bytes], bytes]] = []
        self._filled: list[int] = []
        stored = StoredTree(suite)
        while size:
            full, rest = divmod(size, WIDTH)
            # Only so many as belong to this size: leaves of a later one may be stored as well.
            self._open.append(stored.tile(len(self._open), full)[:rest] if rest else [])
            self._filled.append(full)
            size = full

    def extend(self, leaves: list[bytes]) -> None:
        """Add leaf hashes on the right."""
        self.size += len(leaves)
        level = 0
        while leaves:
            if level == len(self._open):
                self._open.append([])
                self._filled.append(0)
            leaves = self._fill(level, leaves)
            level += 1

    def _fill(self, level: int, hashes: list[bytes]) -> list[bytes]:
        """Fill the open tile of a level; return the roots of the tiles that became full."""
        waiting = self._open[level] + hashes
        ends = range(WIDTH, len(waiting) + 1, WIDTH)
        roots = []
        for end in ends:
            tile = waiting[end - WIDTH : end]
            roots.append(perfect_root(tile, self.suite))
            self._full.append((level, self._filled[level], tile, roots[-1]))
            self._filled[level] += 1
        self._open[level] = waiting[len(ends) * WIDTH :]
        return roots

    def store(self) -> None:
        """Store the tiles that became full since the last time."""
        if self._full:
            name = self.suite.name.encode("ascii")
            packed = (
                _packed(
                    name,
                    level.to_bytes(2, "big"),
                    number.to_bytes(8, "big"),
                    b"".join(hashes),
                    root,
                )
                for level, number, hashes, root in self._full
            )
            with _copying("ledger_logtile", "suite, level, number, hashes, root") as copy:
                copy.write(b"".join(packed))
            self._full = []

    def _read(self, level: int, index: int) -> bytes:
        return subtree(self._open[level // HEIGHT], level, index, self)

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return root_of(self.size, self._read, self.suite)


def missing_leaves(edge: EdgeOfTree, size: int) -> Iterator[list[bytes]]:
    """Yield the leaf hashes that a tree lacks up to ``size``, a few thousand at once."""
    for begin in range(edge.size, size, CHUNK):
        yield leaf_hashes(begin, min(begin + CHUNK, size), edge.suite)


_BEGIN = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LEAF = struct.Struct("!hiqiqi")
_LENGTH = HASH_BYTES.to_bytes(4, "big")


def _packed(*values: bytes) -> bytes:
    fields = b"".join(len(each).to_bytes(4, "big") + each for each in values)
    return len(values).to_bytes(2, "big") + fields


@contextmanager
def _copying(table: str, columns: str) -> Iterator[psycopg.Copy]:
    """Insert rows by COPY, each already in the binary form of the protocol."""
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(_BEGIN)
        yield copy
        copy.write(_END)


class LeafWriter:
    """Takes leaves from some index on; the server inserts them while the next are hashed."""

    def __init__(self, copy: psycopg.Copy, first: int) -> None:
        self._copy = copy
        self._next = first

    def write(self, seqs: Sequence[int], hashes: dict[str, list[bytes]]) -> None:
        """Add a leaf for each entry, under every suite that has hashed it."""
        pack = _LEAF.pack
        places = enumerate(zip(seqs, hashes[SHA256.name], strict=True), self._next)
        first = [pack(4, 8, index, 8, seq, HASH_BYTES) + hashed for index, (seq, hashed) in places]
        second = hashes.get(SM3.name)
        if second is None:
            content = _NULL.join([*first, b""])
        else:
            paired = zip(first, second, strict=True)
            content = b"".join([_LENGTH.join(each) for each in paired])
        self._copy.write(content)
        self._next += len(seqs)


@contextmanager
def writing_leaves(first: int) -> Iterator[LeafWriter]:
    """Open the way for leaves from index ``first`` on; no other statement until it is closed."""
    with _copying("ledger_logleaf", "index, entry_id, hash, sm3") as copy:
        yield LeafWriter(copy, first)
