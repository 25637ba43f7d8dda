"""Check receipts offline: what was signed, that the entry lies in the log, that both agree.

Three steps, each told: *signed* (the log's key signed the receipt), *promised* (it also signed
that the entry will be in within a minute), *included* (the entry's bytes, hashed, lead by the
proof to the root of a signed checkpoint, and the entry says the same as the receipt).
"""

import json
from dataclasses import dataclass
from typing import Any

from slq.inclusion import (
    Inclusion,
    check_inclusion,
    leaf_of,
    read_proof,
    strict_object,
)
from slq.notes import BadReceipt, LogKey, canonical_bytes, opened

SIGNED, PROMISED, INCLUDED = "signed", "promised", "included"
_RECEIPT_LINES, _PROMISE_LINES = 2, 5
_ENTRY_TYPE = "metering.batch"
#: Every part of an answer that is checked; what is not checked must not stand in a receipt.
_PARTS = frozenset(
    {"receipt", "note", "vkey", "promise", "log_index", "checkpoint", "proof", "entry"}
)
#: Name in the receipt -> name in the entry.
_SAME = {
    "batch_id": "batch",
    "provider_id": "provider",
    "key_id": "key",
    "livemode": "livemode",
    "status": "status",
    "body_sha256": "body_sha256",
    "counts": "counts",
    "device_milli_seconds": "device_milli_seconds",
    "pflops_hours": "pflops_hours",
}


@dataclass(frozen=True)
class Checked:
    """A receipt that holds: what it states, how much is shown, and the tree it was shown in."""

    stated: dict[str, Any]
    level: str
    index: str = ""
    tree_size: str = ""


def check_receipt(answer: dict[str, Any], keys: list[LogKey]) -> Checked:
    """Return what a receipt states, after checking all that it brings.

    Raises:
        BadReceipt: something in it does not hold, or its parts say different things.
    """
    if set(answer) - _PARTS:
        raise BadReceipt("receipt_parts")
    stated = _stated(answer, keys)
    if answer.get("vkey") and LogKey.parse(_text(answer["vkey"])) not in keys:
        raise BadReceipt("receipt_stranger")
    promised = _promised(answer, stated, keys)
    entry = _entry(answer, stated)
    if None not in (promised, entry) and promised != leaf_of(entry or b""):
        raise BadReceipt("entry_differs")
    index, proof = _index_of(answer, stated), _proof(answer)
    if proof is not None:
        return _included(stated, proof, entry, keys, index)
    if answer.get("checkpoint") or (entry is not None and promised is None):
        raise BadReceipt("proof_form")
    return Checked(stated, SIGNED if promised is None else PROMISED, index)


def _included(
    stated: dict[str, Any], proof: Inclusion, entry: bytes | None, keys: list[LogKey], index: str
) -> Checked:
    """Return a receipt whose entry lies where it says in the log that it names."""
    if entry is None:
        raise BadReceipt("proof_form")
    head = check_inclusion(proof, entry, keys)
    if head.origin != stated["log_origin"] or index not in ("", str(proof.index)):
        raise BadReceipt("entry_differs")
    return Checked(stated, INCLUDED, str(proof.index), str(head.size))


def _stated(answer: dict[str, Any], keys: list[LogKey]) -> dict[str, Any]:
    """Return what the log signed as a receipt."""
    text, key = opened(_text(answer.get("note")), keys)
    lines = text[:-1].split("\n")
    if len(lines) != _RECEIPT_LINES or lines[0] != f"{key.name}/receipt":
        raise BadReceipt("receipt_form")
    stated = strict_object(lines[1])
    if answer.get("receipt", stated) != stated:
        raise BadReceipt("receipt_differs")
    counts = {name: int(count) for name, count in stated["counts"].items()}
    if counts.pop("rows") != sum(counts.values()):
        raise BadReceipt("receipt_counts")
    return stated


def _promised(answer: dict[str, Any], stated: dict[str, Any], keys: list[LogKey]) -> bytes | None:
    """Return the hash of the promised entry, if there is a promise."""
    note = answer.get("promise")
    if not note:
        return None
    text, key = opened(_text(note), keys)
    lines = text[:-1].split("\n")
    if len(lines) != _PROMISE_LINES or lines[0] != f"{key.name}/promise":
        raise BadReceipt("receipt_form")
    if lines[1] != stated["log_entry_id"]:
        raise BadReceipt("entry_differs")
    return canonical_bytes(lines[2])


def _proof(answer: dict[str, Any]) -> Inclusion | None:
    """Return the proof, a ``.tlog-proof`` text; the checkpoint beside it is the same one."""
    given = answer.get("proof")
    if not given:
        return None
    read = read_proof(_text(given))
    if answer.get("checkpoint", read.checkpoint) != read.checkpoint:
        raise BadReceipt("proof_form")
    return read


def _entry(answer: dict[str, Any], stated: dict[str, Any]) -> bytes | None:
    """Return the bytes of the entry, which come in base64, if it says what the receipt says."""
    given = answer.get("entry")
    if not given:
        return None
    entry = canonical_bytes(_text(given))
    _agree(stated, strict_object(entry))
    return entry


def _index_of(answer: dict[str, Any], stated: dict[str, Any]) -> str:
    """Return the place in the log that is told; told twice, it must be the same."""
    beside = answer.get("log_index")
    signed = str(stated["log_index"])
    if beside is not None and (type(beside) is not int or signed not in ("", str(beside))):
        raise BadReceipt("entry_differs")
    return signed if beside is None else str(beside)


def _agree(stated: dict[str, Any], entry: dict[str, Any]) -> None:
    """Insist that the entry is the one the receipt speaks of."""
    body = entry.get("body")
    same = (
        isinstance(body, dict)
        and entry.get("type") == _ENTRY_TYPE
        and entry.get("log") == stated["log_origin"]
        and entry.get("id") == stated["log_entry_id"]
        and all(body.get(there) == stated[here] for here, there in _SAME.items())
    )
    if not same:
        raise BadReceipt("entry_differs")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadReceipt("receipt_form")
    return value


def receipts_in(text: str) -> list[dict[str, Any]]:
    """Return the receipts in a text: one JSON object, or one a line.

    Raises:
        ValueError: something else.
    """
    try:
        return [strict_object(text)]
    except json.JSONDecodeError:
        return [strict_object(line) for line in text.splitlines() if line.strip()]


def check_all(content: bytes, keys: list[LogKey]) -> list[Checked]:
    """Return what all receipts in a file state; the first that does not hold ends it.

    Raises:
        BadReceipt: with the number of that receipt, 0 for a file that holds none.
    """
    number = 0
    try:
        receipts = receipts_in(content.decode())
        found = []
        while number < len(receipts):
            number += 1
            found.append(check_receipt(receipts[number - 1], keys))
    except BadReceipt as bad:
        raise BadReceipt(str(bad), number) from bad
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise BadReceipt("receipt_form", number) from error
    if not found:
        raise BadReceipt("receipt_none")
    return found
