"""Open a signed note (C2SP) under the Ed25519 key of the service's log.

Written anew here, not taken from the service: whoever doubts a receipt should not have to check
it with the code of those who made it.

Source: C2SP signed-note.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_ED25519 = 1
_RAW_BYTES, _ID_BYTES, _SIGNATURE_BYTES = 32, 4, 64
MOST_CHARACTERS = 131_072
_DASH = "\u2014 "


class BadReceipt(ValueError):  # noqa: N818 - says why it proves nothing
    """A receipt that proves nothing: a word of the catalogue, and which one of a file it is."""

    def __init__(self, word: str, number: int = 0) -> None:
        """Keep the number beside the word."""
        super().__init__(word)
        self.number = number


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
        raw = canonical_bytes(encoded)
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


def opened(note: str, keys: list[LogKey]) -> tuple[str, LogKey]:
    """Return the text of a note and the trusted key that signed it.

    Raises:
        BadReceipt: no note, signed by nobody we trust, or with a signature that does not hold.
    """
    body, gap, tail = note.rpartition("\n\n")
    whole = gap and body and tail.endswith("\n") and len(note) <= MOST_CHARACTERS
    if not whole or any(each != "\n" and not each.isprintable() for each in note):
        raise BadReceipt("receipt_form")
    text = body + "\n"
    held: list[LogKey] = []
    for name, blob in map(_signature, tail[:-1].split("\n")):
        for key in keys:
            if name == key.name and blob[:_ID_BYTES] == key.key_id:
                _insist(key, text, blob[_ID_BYTES:])
                held.append(key)
    if not held:
        raise BadReceipt("receipt_stranger")
    if len(set(held)) != len(held):
        raise BadReceipt("receipt_form")
    return text, held[0]


def _signature(line: str) -> tuple[str, bytes]:
    """Return name and bytes of a signature line."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    blob = canonical_bytes(encoded)
    if not line.startswith(_DASH) or not name or len(blob) <= _ID_BYTES:
        raise BadReceipt("receipt_form")
    return name, blob


def _insist(key: LogKey, text: str, signature: bytes) -> None:
    try:
        if len(signature) != _SIGNATURE_BYTES:
            raise BadReceipt("receipt_forged")
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except InvalidSignature as error:
        raise BadReceipt("receipt_forged") from error


def canonical_bytes(text: str) -> bytes:
    """Decode base64 in its one canonical spelling.

    Raises:
        BadReceipt: another alphabet, padding or spelling.
    """
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadReceipt("receipt_form") from error
    if base64.b64encode(decoded).decode("ascii") != text:
        raise BadReceipt("receipt_form")
    return decoded
