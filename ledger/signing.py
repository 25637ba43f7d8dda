"""Signed notes: the text of a checkpoint, the key that signs it, and how it is checked.

A checkpoint is three lines (origin, size, root); the note adds one signature line. Anybody can
check it with the verification key, a single line of text, and any Ed25519 library.

Source: C2SP signed-note and tlog-checkpoint; RFC 8032 (Ed25519).
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from ledger.merkle import HASH_BYTES, MAX_SIZE

ED25519 = b"\x01"
KEY_ID_BYTES = 4
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
#: 16 signature lines of the longest kind fit, as C2SP signed-note asks.
MAX_NOTE_CHARACTERS = 131_072
_DASH = "\u2014 "  # an em dash and a blank begin a signature line
_CHECKPOINT_LINES = 3


class NoteError(ValueError):
    """A text that is not a signed note, or whose signature does not hold."""


def from_base64(text: str) -> bytes:
    """Decode base64 in its one canonical spelling.

    Raises:
        NoteError: padding, alphabet or trailing bits are not canonical.
    """
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("not base64") from error
    if base64.b64encode(decoded).decode("ascii") != text:
        raise NoteError("not canonical base64")
    return decoded


def to_base64(value: bytes) -> str:
    """Return the base64 text of some bytes."""
    return base64.b64encode(value).decode("ascii")


def _check_name(name: str) -> None:
    if not name or "+" in name or any(each.isspace() for each in name) or not name.isprintable():
        raise NoteError("a key name has no blanks and no plus sign")


@dataclass(frozen=True)
class VerificationKey:
    """The public half of a log key: who signed, and how to check it."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that name the key in a signature line."""
        named = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """Return the one-line verification key (vkey) to hand to anybody."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerificationKey":
        """Read a vkey line.

        Raises:
            NoteError: another form or algorithm, or the key id does not fit the key.
        """
        name, _, rest = text.partition("+")
        hashed, _, encoded = rest.partition("+")
        _check_name(name)
        raw = from_base64(encoded)
        if raw[:1] != ED25519 or len(raw) != 1 + PUBLIC_BYTES:
            raise NoteError("the verification key is not an Ed25519 key")
        key = cls(name, raw[1:])
        if key.key_id.hex() != hashed:
            raise NoteError("the key id does not fit the verification key")
        return key

    def check(self, text: str, signature: bytes) -> None:
        """Check a signature over a text.

        Raises:
            NoteError: it does not hold.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as error:
            raise NoteError(f"the signature of {self.name} does not hold") from error


@dataclass(frozen=True)
class Signer:
    """The private half of a log key, under its name."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verification(self) -> VerificationKey:
        """Return the public half."""
        return VerificationKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the signed note over a text.

        Raises:
            NoteError: the text does not end with a line end.
        """
        _check_name(self.name)
        if not text.endswith("\n"):
            raise NoteError("a note text ends with a line end")
        blob = self.verification.key_id + self.private.sign(text.encode())
        return f"{text}\n{_DASH}{self.name} {to_base64(blob)}\n"


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a note and its signature lines as (name, key id and signature).

    Raises:
        NoteError: it is not in the form of a signed note.
    """
    if len(note) > MAX_NOTE_CHARACTERS or not note.endswith("\n"):
        raise NoteError("not a signed note")
    if any(each != "\n" and not each.isprintable() for each in note):
        raise NoteError("a signed note holds no control characters")
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not text or not tail:
        raise NoteError("a signed note is a text, an empty line and signatures")
    lines = []
    for line in tail[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH):
            raise NoteError("a signature line begins with an em dash")
        _check_name(name)
        blob = from_base64(encoded)
        if len(blob) <= KEY_ID_BYTES:
            raise NoteError("a signature line is too short")
        lines.append((name, blob))
    return text + "\n", lines


def open_note(note: str, key: VerificationKey, *, alone: bool = False) -> str:
    """Return the text of a note that a key has signed.

    Args:
        alone: refuse any further signature line; otherwise unknown ones are passed over.

    Raises:
        NoteError: not a note, or not validly signed by this key.
    """
    text, lines = split_note(note)
    ours = [
        blob[KEY_ID_BYTES:]
        for name, blob in lines
        if name == key.name and blob[:KEY_ID_BYTES] == key.key_id
    ]
    if len(ours) != 1 or (alone and len(lines) != 1):
        raise NoteError(f"the note does not bear exactly one signature of {key.name}")
    key.check(text, ours[0])
    return text


@dataclass(frozen=True)
class TreeHead:
    """What a checkpoint says: the log's name, its size and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "TreeHead":
        """Read the three lines of a checkpoint, strictly; extension lines are refused.

        Raises:
            NoteError: another form.
        """
        lines = text.split("\n")
        if len(lines) != _CHECKPOINT_LINES + 1 or lines[-1]:
            raise NoteError("a checkpoint has three lines")
        origin, size, root = lines[:_CHECKPOINT_LINES]
        if not (size.isascii() and size.isdigit()) or len(size) > len(str(MAX_SIZE)):
            raise NoteError("the size of a checkpoint is a decimal number")
        head = cls(origin, int(size), from_base64(root))
        if str(head.size) != size or head.size > MAX_SIZE or len(head.root) != HASH_BYTES:
            raise NoteError("the size or root of a checkpoint is not well formed")
        return head
