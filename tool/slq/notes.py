"""Check a receipt: a signed note (C2SP) under the Ed25519 key of the service's log.

Written anew here, not taken from the service: whoever doubts a receipt should not have to check
it with the code of those who made it.

Source: C2SP signed-note.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_ED25519 = 1
_RAW_BYTES, _ID_BYTES, _SIGNATURE_BYTES = 32, 4, 64
_MOST_CHARACTERS = 131_072
_DASH = "\u2014 "
_RECEIPT_LINES = 2


class BadReceipt(ValueError):  # noqa: N818 - says why it proves nothing
    """A receipt that proves nothing; carries a word of the catalogue in ``words``."""


@dataclass(frozen=True)
class LogKey:
    """A public key of the log, as its one line (*vkey*) says it."""

    name: str
    key_id: bytes
    public: bytes

    @classmethod
    def parse(cls, line: str) -> "LogKey":
        """Read a vkey line.

        Raises:
            BadReceipt: another form or kind of key, or a wrong key id.
        """
        name, _, rest = line.strip().partition("+")
        hashed, _, encoded = rest.partition("+")
        raw = _decoded(encoded)
        if not name or len(raw) != 1 + _RAW_BYTES or raw[0] != _ED25519:
            raise BadReceipt("vkey_form")
        key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:_ID_BYTES]
        if key_id.hex() != hashed:
            raise BadReceipt("vkey_form")
        return cls(name, key_id, raw[1:])


def usable_lines(text: str) -> list[str]:
    """Return the lines of a text that are Ed25519 keys; keys of other kinds are passed over."""
    return [line for line in text.split() if _is_key(line)]


def _is_key(line: str) -> bool:
    try:
        LogKey.parse(line)
    except BadReceipt:
        return False
    return True


def keys_in(text: str) -> list[LogKey]:
    """Return the Ed25519 keys among the lines of a text."""
    return [LogKey.parse(line) for line in usable_lines(text)]


def check_receipt(answer: dict[str, Any], keys: list[LogKey]) -> dict[str, Any]:
    """Return what a receipt states, after checking that one of the keys signed exactly that.

    Raises:
        BadReceipt: not a receipt, signed by nobody we trust, or its parts say different things.
    """
    note = answer.get("note")
    if not isinstance(note, str) or len(note) > _MOST_CHARACTERS:
        raise BadReceipt("receipt_form")
    text = _opened(note, keys)
    lines = text[:-1].split("\n")
    if len(lines) != _RECEIPT_LINES or not lines[0].endswith("/receipt"):
        raise BadReceipt("receipt_form")
    stated: dict[str, Any] = json.loads(lines[1])
    if answer.get("receipt", stated) != stated:
        raise BadReceipt("receipt_differs")
    counts = {name: int(count) for name, count in stated["counts"].items()}
    if counts.pop("rows") != sum(counts.values()):
        raise BadReceipt("receipt_counts")
    return stated


def _opened(note: str, keys: list[LogKey]) -> str:
    """Return the signed text of a note."""
    body, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise BadReceipt("receipt_form")
    text = body + "\n"
    for line in tail[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        blob = _decoded(encoded)
        for key in keys:
            if line.startswith(_DASH) and name == key.name and blob[:_ID_BYTES] == key.key_id:
                _insist(key, text, blob[_ID_BYTES:])
                return text
    raise BadReceipt("receipt_stranger")


def _insist(key: LogKey, text: str, signature: bytes) -> None:
    try:
        if len(signature) != _SIGNATURE_BYTES:
            raise BadReceipt("receipt_forged")
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except InvalidSignature as error:
        raise BadReceipt("receipt_forged") from error


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadReceipt("receipt_form") from error
