"""The log's files as anybody may fetch them: tiles, bundles of entries, proofs as JSON."""

from typing import Any

from django.conf import settings

from ledger.bookkeeping import rows
from ledger.merkle import MAX_SIZE
from ledger.sealing import Proof, latest_checkpoint
from ledger.suites import SHA256, Suite
from ledger.tiles import (
    HEIGHT,
    MAX_LEVEL,
    WIDTH,
    entry_bundle,
    parse_number,
    parse_width,
)
from ledger.trees import StoredTree

_ENTRIES = """
SELECT e.body FROM ledger_logleaf l JOIN ledger_logentry e ON e.seq = l.entry_id
WHERE l.index >= %s AND l.index < %s ORDER BY l.index
"""


def whole_number(text: str | None) -> int | None:
    """Read a plain decimal number that a log index may be; None for anything else."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_SIZE)):
        return None
    number = int(text)
    return number if number <= MAX_SIZE else None


def tile_bytes(level: str, rest: str, suite: Suite = SHA256) -> bytes | None:
    """Return the bytes under ``tile/<level>/<rest>``; None when there is no such file."""
    place, _, width_text = rest.partition(".p/")
    number = parse_number(place)
    width = parse_width(width_text if ".p/" in rest else None)
    if number is None or width is None:
        return None
    entries = level == "entries"
    known = {str(each): each for each in range(MAX_LEVEL)}
    if not entries and level not in known:
        return None
    height = 0 if entries else known[level]
    newest = latest_checkpoint(suite)
    first = number * WIDTH
    if newest is None or first + width > newest.size >> (HEIGHT * height):
        return None
    if entries:
        return entry_bundle(bytes(row[0]) for row in rows(_ENTRIES, first, first + width))
    return b"".join(StoredTree(suite).tile(height, number)[:width])


def proof_as_dict(proven: Proof) -> dict[str, Any]:
    """Return a proof as JSON-ready texts and numbers; hashes in hexadecimal."""
    checkpoint = proven.checkpoint
    return {
        "origin": settings.LOG_ORIGIN,
        "index": proven.index,
        "size": proven.size,
        "entry": proven.entry.decode("utf-8"),
        "leaf_hash": proven.leaf_hash.hex(),
        "hashes": [each.hex() for each in proven.hashes],
        "root": checkpoint.root_hex if checkpoint else None,
        "checkpoint": checkpoint.note if checkpoint else None,
    }
