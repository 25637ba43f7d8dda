"""Check that an entry lies in the signed log: checkpoint, path of hashes, leaf (RFC 9162).

Written anew here like ``notes``: whoever doubts the log should not have to check it with the
code of those who keep it. Only the one spelling that the format allows is a proof.

Source: C2SP tlog-proof v1 and tlog-checkpoint; RFC 9162 section 2.1.3.2.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from slq.notes import BadReceipt, LogKey, canonical_bytes, opened

FIRST_LINE = "c2sp.org/tlog-proof@v1"
HASH_BYTES = 32
_MOST_HASHES = 63
_LARGEST = 2**63 - 1
_HEAD_LINES = 3


@dataclass(frozen=True)
class Inclusion:
    """A path from an entry to the root of a signed tree."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True)
class Head:
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes


def read_proof(text: str) -> Inclusion:
    """Read a ``.tlog-proof`` file.

    Raises:
        BadReceipt: any other spelling.
    """
    front, gap, checkpoint = text.partition("\n\n")
    lines = front.split("\n")
    if lines[0] != FIRST_LINE or not gap or not checkpoint:
        raise BadReceipt("proof_form")
    at = 2 if len(lines) > 1 and lines[1].startswith("extra ") else 1
    if len(lines) <= at or not lines[at].startswith("index "):
        raise BadReceipt("proof_form")
    index = whole_number(lines[at].removeprefix("index "))
    return Inclusion(index, hashes_in(lines[at + 1 :]), checkpoint)


def hashes_in(lines: list[str]) -> tuple[bytes, ...]:
    """Read the hashes of a path, nearest to the leaf first."""
    hashes = tuple(canonical_bytes(line) for line in lines)
    if len(hashes) > _MOST_HASHES or any(len(each) != HASH_BYTES for each in hashes):
        raise BadReceipt("proof_form")
    return hashes


def whole_number(text: str) -> int:
    """Read a number in its one decimal spelling."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST))):
        raise BadReceipt("proof_form")
    number = int(text)
    if str(number) != text or number > _LARGEST:
        raise BadReceipt("proof_form")
    return number


def read_head(note: str, keys: list[LogKey]) -> Head:
    """Return what a checkpoint says, if the log's own trusted key signed it.

    Raises:
        BadReceipt: signed by nobody we trust, by another name than the log's, or malformed.
    """
    text, key = opened(note, keys)
    lines = text.split("\n")
    if len(lines) != _HEAD_LINES + 1 or lines[-1]:
        raise BadReceipt("checkpoint_form")
    origin, size, root = lines[0], whole_number(lines[1]), canonical_bytes(lines[2])
    if key.name != origin or len(root) != HASH_BYTES:
        raise BadReceipt("checkpoint_form")
    return Head(origin, size, root)


def leaf_of(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_over(index: int, size: int, leaf: bytes, path: tuple[bytes, ...]) -> bytes:
    """Climb from a leaf to the root as RFC 9162 2.1.3.2 says.

    Raises:
        BadReceipt: the path is too long or too short for the place.
    """
    if not 0 <= index < size:
        raise BadReceipt("proof_path")
    here, last, root = index, size - 1, leaf
    for each in path:
        if last == 0:
            raise BadReceipt("proof_path")
        if here & 1 or here == last:
            root = _node(each, root)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            root = _node(root, each)
        here, last = here >> 1, last >> 1
    if last:
        raise BadReceipt("proof_path")
    return root


def check_inclusion(proof: Inclusion, entry: bytes, keys: list[LogKey]) -> Head:
    """Return the signed tree in which an entry lies.

    Raises:
        BadReceipt: it is not shown.
    """
    head = read_head(proof.checkpoint, keys)
    if root_over(proof.index, head.size, leaf_of(entry), proof.hashes) != head.root:
        raise BadReceipt("proof_path")
    return head


def strict_object(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice.

    Raises:
        ValueError: anything else.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a name stands twice")
        return made

    found = json.loads(text, object_pairs_hook=once)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
