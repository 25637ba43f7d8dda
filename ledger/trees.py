"""The stored tree: leaves and tiles read from the database, partial tiles computed."""

from ledger.bookkeeping import rows
from ledger.merkle import HASH_BYTES, perfect_root, root_of
from ledger.tiles import HEIGHT, WIDTH

_FULL = "SELECT hashes FROM ledger_logtile WHERE level = %s AND number = %s"
_LEAVES = """
SELECT hash FROM ledger_logleaf WHERE index >= %s AND index < %s ORDER BY index
"""
_ROOTS = """
SELECT root FROM ledger_logtile WHERE level = %s AND number >= %s AND number < %s ORDER BY number
"""


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[each : each + HASH_BYTES] for each in range(0, len(hashes), HASH_BYTES)]


class StoredTree:
    """Reads subtree hashes; every tile is fetched once per tree."""

    def __init__(self) -> None:
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def tile(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of a tile as far as they exist: 256 when it is full."""
        place = (level, number)
        if place not in self._tiles:
            self._tiles[place] = self._fetch(level, number)
        return self._tiles[place]

    def _fetch(self, level: int, number: int) -> list[bytes]:
        full = rows(_FULL, level, number)
        if full:
            return _cut(bytes(full[0][0]))
        first, last = number * WIDTH, (number + 1) * WIDTH
        if level == 0:
            return [bytes(each) for (each,) in rows(_LEAVES, first, last)]
        return [bytes(each) for (each,) in rows(_ROOTS, level - 1, first, last)]

    def read(self, level: int, index: int) -> bytes:
        """Return the hash of one perfect subtree (a ``merkle.NodeReader``)."""
        height = level % HEIGHT
        first = index << height
        hashes = self.tile(level // HEIGHT, first // WIDTH)
        offset = first % WIDTH
        return perfect_root(hashes[offset : offset + (1 << height)])

    def root(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves."""
        return root_of(size, self.read)


def store_full_tiles(old: int, new: int) -> None:
    """Store every tile that became full when the tree grew from ``old`` to ``new`` leaves."""
    level = 0
    while new >= WIDTH:
        old, new = old // WIDTH, new // WIDTH
        if old < new:
            _store_level(level, old, new)
        level += 1


def _store_level(level: int, first: int, last: int) -> None:
    step = 64  # 64 tiles are half a megabyte of hashes
    for begin in range(first, last, step):
        end = min(begin + step, last)
        if level == 0:
            found = rows(_LEAVES, begin * WIDTH, end * WIDTH)
        else:
            found = rows(_ROOTS, level - 1, begin * WIDTH, end * WIDTH)
        hashes = [bytes(each) for (each,) in found]
        tiles = [hashes[each : each + WIDTH] for each in range(0, len(hashes), WIDTH)]
        rows(
            "INSERT INTO ledger_logtile (level, number, hashes, root)"
            " SELECT %s::smallint, * FROM unnest(%s::bigint[], %b::bytea[], %b::bytea[])",
            level,
            list(range(begin, end)),
            [b"".join(each) for each in tiles],
            [perfect_root(each) for each in tiles],
        )
