"""Cosignatures: what a witness says about a checkpoint, and how anybody checks it.

A witness signs that it saw a log grow to this size with this root, and when. It does so in two
forms side by side: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06), the second safe against
quantum computers.

Source: C2SP tlog-cosignature (both signed messages, key ids, timestamped signatures).
"""

import enum
import hashlib
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
)

from ledger.signing import (
    KEY_ID_BYTES,
    NoteError,
    TreeHead,
    VerificationKey,
    from_base64,
    to_base64,
)

TIMESTAMP_BYTES = 8
MOST_SECONDS = 2**63 - 1
_LABEL = b"subtree/v1\n\0"
_LONGEST_NAME = 255
_HEAD_LINES = 3
_DASH = "\u2014 "


class Form(enum.Enum):
    """The two forms of a cosignature, by their signature type."""

    ED25519 = 0x04
    MLDSA44 = 0x06

    @property
    def public_bytes(self) -> int:
        """Return the length of a public key."""
        return 32 if self is Form.ED25519 else 1312

    @property
    def signature_bytes(self) -> int:
        """Return the length of the signature after the time."""
        return 64 if self is Form.ED25519 else 2420


def head_of(text: str) -> TreeHead:
    """Return what a checkpoint's first three lines say; later lines are passed over.

    Raises:
        NoteError: not the text of a checkpoint.
    """
    lines = text.split("\n")
    if lines.pop() or not all(lines):
        raise NoteError("a checkpoint has lines that are not empty")
    return TreeHead.parse("".join(f"{each}\n" for each in lines[:_HEAD_LINES]))


def cosignature_message(form: Form, name: str, timestamp: int, text: str) -> bytes:
    """Return the bytes that a witness signs.

    Args:
        name: the name of the witness; the Ed25519 form does not bind it.
        timestamp: seconds since 1970.
        text: the whole text of the checkpoint, without its signature lines.

    Raises:
        NoteError: not a checkpoint, or a name or time outside the form.
    """
    head = head_of(text)
    if not 0 <= timestamp <= MOST_SECONDS:
        raise NoteError("a cosignature bears a time that cannot be")
    if form is Form.ED25519:
        return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
    return b"".join(
        (
            _LABEL,
            _short(name),
            struct.pack(">Q", timestamp),
            _short(head.origin),
            struct.pack(">QQ", 0, head.size),
            head.root,
        )
    )


def _short(text: str) -> bytes:
    raw = text.encode()
    if not 0 < len(raw) <= _LONGEST_NAME:
        raise NoteError("a name is longer than a cosignature can hold")
    return bytes([len(raw)]) + raw


def timestamp_of(signature: bytes) -> int:
    """Return the time (seconds since 1970) in a timestamped signature.

    Raises:
        NoteError: too short, or a time that cannot be.
    """
    if len(signature) <= TIMESTAMP_BYTES:
        raise NoteError("a cosignature is too short")
    timestamp = int.from_bytes(signature[:TIMESTAMP_BYTES])
    if timestamp > MOST_SECONDS:
        raise NoteError("a cosignature bears a time that cannot be")
    return timestamp


@dataclass(frozen=True)
class CosignerKey:
    """The public half of a witness's key: who cosigned, and how to check it."""

    name: str
    public: bytes
    form: Form

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that name the key in a signature line."""
        named = self.name.encode() + b"\n" + bytes([self.form.value]) + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """Return the one-line verification key (vkey)."""
        raw = bytes([self.form.value]) + self.public
        return f"{self.name}+{self.key_id.hex()}+{to_base64(raw)}"

    @classmethod
    def parse(cls, text: str) -> "CosignerKey":
        """Read a vkey line of a witness.

        Raises:
            NoteError: another form or algorithm, or the key id does not fit the key.
        """
        name, hashed, raw = split_vkey(text)
        try:
            form = Form(raw[0])
        except ValueError as error:
            raise NoteError("the verification key is not one of a witness") from error
        key = cls(name, raw[1:], form)
        if len(key.public) != form.public_bytes or key.key_id.hex() != hashed:
            raise NoteError("the key id does not fit the verification key")
        return key

    def check(self, text: str, signature: bytes) -> None:
        """Check a timestamped signature over the text of a checkpoint.

        Raises:
            NoteError: it does not hold.
        """
        message = cosignature_message(self.form, self.name, timestamp_of(signature), text)
        bare = signature[TIMESTAMP_BYTES:]
        try:
            if self.form is Form.ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(bare, message)
            else:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(bare, message)
        except (InvalidSignature, ValueError) as error:
            raise NoteError(f"the cosignature of {self.name} does not hold") from error


AnyKey = VerificationKey | CosignerKey


def split_vkey(text: str) -> tuple[str, str, bytes]:
    """Return the name, the key id in hexadecimal, and the key bytes with their type.

    Raises:
        NoteError: not a vkey.
    """
    name, _, rest = text.partition("+")
    hashed, _, encoded = rest.partition("+")
    raw = from_base64(encoded)
    if not name or not raw or not name.isprintable() or any(each.isspace() for each in name):
        raise NoteError("not a verification key")
    return name, hashed, raw


def parse_key(text: str) -> AnyKey:
    """Read a vkey line of a log or of a witness, whichever it is.

    Raises:
        NoteError: neither.
    """
    _, _, raw = split_vkey(text)
    known = {each.value for each in Form}
    return CosignerKey.parse(text) if raw[0] in known else VerificationKey.parse(text)


def signature_of(lines: list[tuple[str, bytes]], key: AnyKey) -> bytes | None:
    """Return the signature that a note bears under a key's name and id; None without one."""
    for name, blob in lines:
        if name == key.name and blob[:KEY_ID_BYTES] == key.key_id:
            return blob[KEY_ID_BYTES:]
    return None


@dataclass(frozen=True)
class Cosigner:
    """The private halves of a witness's two keys, under its name."""

    name: str
    ed25519: Ed25519PrivateKey
    mldsa44: MLDSA44PrivateKey

    @property
    def keys(self) -> tuple[CosignerKey, CosignerKey]:
        """Return both public halves."""
        return (
            CosignerKey(self.name, self.ed25519.public_key().public_bytes_raw(), Form.ED25519),
            CosignerKey(self.name, self.mldsa44.public_key().public_bytes_raw(), Form.MLDSA44),
        )

    def lines(self, text: str, timestamp: int) -> str:
        """Return the two signature lines over the text of a checkpoint.

        Raises:
            NoteError: not the text of a checkpoint.
        """
        signed = (
            self.ed25519.sign(cosignature_message(Form.ED25519, self.name, timestamp, text)),
            self.mldsa44.sign(cosignature_message(Form.MLDSA44, self.name, timestamp, text)),
        )
        when = struct.pack(">Q", timestamp)
        return "".join(
            f"{_DASH}{self.name} {to_base64(key.key_id + when + bare)}\n"
            for key, bare in zip(self.keys, signed, strict=True)
        )
