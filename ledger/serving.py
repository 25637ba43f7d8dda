"""The log's files as anybody may fetch them, and the strict reading of what is asked for."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import QueryDict

from ledger.bookkeeping import rows
from ledger.merkle import MAX_SIZE
from ledger.proofs import read_number
from ledger.sealing import Checkpoint, Proof, latest_checkpoint
from ledger.signing import to_base64
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

_LONGEST_VALUE = 100
_ENTRIES = """
SELECT e.body FROM ledger_logleaf l JOIN ledger_logentry e ON e.seq = l.entry_id
WHERE l.index >= %s AND l.index < %s ORDER BY l.index
"""


class BadQuery(ValueError):  # noqa: N818 - the word for what was asked, not a fault of ours
    """A question that cannot be read, with its reason code.

    Args:
        code: ``unknown_parameter``, ``repeated_parameter``, ``missing_parameter``,
            ``not_a_number``, ``not_an_id`` or ``value_too_long``.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Question:
    """The parameters of one address: only known names, each at most once.

    Raises:
        BadQuery: another name, a name twice, or a very long value.
    """

    def __init__(self, query: QueryDict, *known: str) -> None:
        self._given: dict[str, str] = {}
        for name, values in query.lists():
            if name not in known:
                names = "、".join(known) or "（无）"
                raise BadQuery("unknown_parameter", f"有不认识的参数；可用的参数：{names}。")
            if len(values) != 1:
                raise BadQuery("repeated_parameter", f"参数 {name} 只能出现一次。")
            if len(values[0]) > _LONGEST_VALUE:
                raise BadQuery("value_too_long", f"参数 {name} 过长。")
            self._given[name] = values[0]

    def has(self, name: str) -> bool:
        """Say whether a parameter was given."""
        return name in self._given

    def text(self, name: str) -> str:
        """Return a parameter as given, empty when it was not."""
        return self._given.get(name, "")

    def number(self, name: str) -> int | None:
        """Return a whole number, None when it was not given.

        Raises:
            BadQuery: given, but not a plain decimal number below 2**63.
        """
        return number(name, self._given[name]) if name in self._given else None

    def needed(self, name: str) -> int:
        """Return a whole number that has to be given.

        Raises:
            BadQuery: missing or no number.
        """
        if name not in self._given:
            raise BadQuery("missing_parameter", f"请给出参数 {name}，例如 ?{name}=0。")
        return number(name, self._given[name])

    def entry_id(self, name: str) -> UUID:
        """Return the id of an entry in its one spelling.

        Raises:
            BadQuery: missing or no id.
        """
        if name not in self._given:
            raise BadQuery("missing_parameter", f"请给出参数 {name}（条目编号）。")
        try:
            found = UUID(self._given[name])
        except ValueError:
            found = None
        if found is None or str(found) != self._given[name].lower():
            raise BadQuery("not_an_id", f"参数 {name} 不是条目编号。")
        return found


def number(name: str, text: str) -> int:
    """Read a whole number from an address.

    Raises:
        BadQuery: any other spelling than plain decimal digits below 2**63.
    """
    found = read_number(text)
    if found is None:
        raise BadQuery("not_a_number", f"{name} 应为不带前导零的十进制整数，且小于 2 的 63 次方。")
    return found


def whole_number(text: str | None) -> int | None:
    """Read a plain decimal number that a log index may be; None for anything else."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_SIZE)):
        return None
    found = int(text)
    return found if found <= MAX_SIZE else None


def tile_bytes(level: str, rest: str, suite: Suite = SHA256) -> bytes | None:
    """Return the bytes under ``tile/<level>/<rest>``; None when there is no such file."""
    place, _, width_text = rest.partition(".p/")
    found = parse_number(place)
    width = parse_width(width_text if ".p/" in rest else None)
    if found is None or width is None:
        return None
    entries = level == "entries"
    known = {str(each): each for each in range(MAX_LEVEL)}
    if not entries and level not in known:
        return None
    height = 0 if entries else known[level]
    newest = latest_checkpoint(suite)
    first = found * WIDTH
    if newest is None or first + width > newest.size >> (HEIGHT * height):
        return None
    if entries:
        return entry_bundle(bytes(row[0]) for row in rows(_ENTRIES, first, first + width))
    return b"".join(StoredTree(suite).tile(height, found)[:width])


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


def growth_as_dict(old: int, new: int, hashes: list[bytes]) -> dict[str, Any]:
    """Return a consistency proof with both roots; hashes in hexadecimal."""
    tree = StoredTree()
    return {
        "origin": settings.LOG_ORIGIN,
        "from": old,
        "to": new,
        "from_root": tree.root(old).hex(),
        "to_root": tree.root(new).hex(),
        "hashes": [each.hex() for each in hashes],
    }


def growth_as_text(hashes: list[bytes]) -> str:
    """Return a consistency proof as lines of base64, as a C2SP witness takes it."""
    return "".join(to_base64(each) + "\n" for each in hashes)


def checkpoints_as_dict(found: list[Checkpoint], most: int) -> dict[str, Any]:
    """Return a page of checkpoints, newest first, and where the next page begins."""
    listed = [
        {"size": each.size, "root": each.root_hex, "sealed_at": each.sealed_at.isoformat()}
        for each in found
    ]
    more = found[-1].size if len(found) == most else None
    return {"origin": settings.LOG_ORIGIN, "checkpoints": listed, "next_before": more}
