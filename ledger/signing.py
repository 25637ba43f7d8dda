"""The signatures under a note: which kinds there are, who signed, and whether it holds.

A log key is a name and a public key; as one line of text (*vkey*) it is handed to anybody. Each
signature line names its key by four bytes, so a reader passes over lines of keys it does not
know, and insists on those it does.

Kinds: Ed25519 over the text; Ed25519 and ML-DSA-44 *cosignatures* that also carry the second in
which they were made; SM2 with SM3 over the text, a kind of our own under the byte that C2SP
leaves free, which no other client mistakes for anything.

Source: C2SP signed-note, tlog-cosignature, tlog-checkpoint; RFC 8032; FIPS 204; GB/T 32918.2.
"""

import calendar
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from ledger import sm2
from ledger.notes import (
    KEY_ID_BYTES,
    MAX_NOTE_CHARACTERS,
    NoteError,
    TreeHead,
    check_name,
    from_base64,
    head_of,
    note_of,
    signature_line,
    split_note,
    to_base64,
)
from ledger.refusals import Broken
from ledger.sm2 import Sm2Error, Sm2PrivateKey

__all__ = [
    "KEY_ID_BYTES",
    "LATEST_SECOND",
    "MAX_NOTE_CHARACTERS",
    "TIME_BYTES",
    "Algorithm",
    "Growth",
    "NoteError",
    "NoteSigner",
    "PrivateKey",
    "Signer",
    "TreeHead",
    "VerificationKey",
    "from_base64",
    "head_of",
    "open_all",
    "open_note",
    "second_of",
    "signed_message",
    "split_note",
    "to_base64",
]

PrivateKey = Ed25519PrivateKey | MLDSA44PrivateKey | Sm2PrivateKey

TIME_BYTES = 8
LATEST_SECOND = 2**63 - 1
_MOST_NAME_BYTES = 255
#: Begins every ML-DSA message of tlog-cosignature, checkpoints being subtrees from leaf zero.
_SUBTREE_LABEL = b"subtree/v1\n\x00"


class Algorithm(Enum):
    """The kinds of signature, each with its word in commands."""

    ED25519 = "ed25519"
    COSIGN_ED25519 = "cosign-ed25519"
    COSIGN_MLDSA44 = "ml-dsa-44"
    SM2_SM3 = "sm2-sm3"

    @property
    def title(self) -> str:
        """Return the name as the log writes it."""
        return _FORMS[self].title

    @property
    def prefix(self) -> bytes:
        """Return the bytes that name the kind before a public key."""
        return _FORMS[self].prefix

    @property
    def is_timed(self) -> bool:
        """Say whether a signature carries the second in which it was made."""
        return _FORMS[self].timed


@dataclass(frozen=True)
class _Form:
    title: str
    prefix: bytes
    public_bytes: int
    signature_bytes: int
    timed: bool = False


_FORMS = {
    Algorithm.ED25519: _Form("Ed25519", b"\x01", 32, 64),
    Algorithm.COSIGN_ED25519: _Form("Ed25519-cosignature", b"\x04", 32, 64, timed=True),
    Algorithm.COSIGN_MLDSA44: _Form("ML-DSA-44", b"\x06", 1312, 2420, timed=True),
    Algorithm.SM2_SM3: _Form(
        "SM2-SM3", b"\xffgm/sm2-sm3/v1", sm2.PUBLIC_BYTES, sm2.SIGNATURE_BYTES
    ),
}


def _kind_of(raw: bytes) -> Algorithm:
    """Return the kind of a public key by the bytes before it and its length."""
    for algorithm, form in _FORMS.items():
        if raw.startswith(form.prefix) and len(raw) == len(form.prefix) + form.public_bytes:
            return algorithm
    raise NoteError("the verification key is of no known kind")


def _short(value: str) -> bytes:
    encoded = value.encode()
    if not 0 < len(encoded) <= _MOST_NAME_BYTES:
        raise NoteError("a name or origin in a cosignature has 1 to 255 bytes")
    return bytes([len(encoded)]) + encoded


def signed_message(name: str, algorithm: Algorithm, text: str, second: int) -> bytes:
    """Return the bytes that are signed for a text.

    Args:
        second: the time a cosignature states; other kinds state none.

    Raises:
        NoteError: an ML-DSA cosignature over a text that is no checkpoint.
    """
    if algorithm is Algorithm.COSIGN_ED25519:
        return f"cosignature/v1\ntime {second}\n{text}".encode()
    if algorithm is Algorithm.COSIGN_MLDSA44:
        head = head_of(text)
        times = second.to_bytes(TIME_BYTES)
        span = bytes(TIME_BYTES) + head.size.to_bytes(TIME_BYTES)
        return _SUBTREE_LABEL + _short(name) + times + _short(head.origin) + span + head.root
    return text.encode()


def second_of(signature: bytes) -> int:
    """Return the second (POSIX time) that a cosignature of whatever kind states.

    Raises:
        NoteError: too short, or a second that cannot be.
    """
    second = int.from_bytes(signature[:TIME_BYTES])
    if len(signature) <= TIME_BYTES or second > LATEST_SECOND:
        raise NoteError("a cosignature states no possible time")
    return second


@dataclass(frozen=True)
class VerificationKey:
    """The public half of a log key: who signed, and how to check it."""

    name: str
    public: bytes
    algorithm: Algorithm = Algorithm.ED25519

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that name the key in a signature line."""
        named = self.name.encode() + b"\n" + self.algorithm.prefix + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """Return the one-line verification key (vkey) to hand to anybody."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(self.algorithm.prefix + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerificationKey":
        """Read a vkey line.

        Raises:
            NoteError: another form or kind, a point beside its curve, or a wrong key id.
        """
        name, _, rest = text.partition("+")
        hashed, _, encoded = rest.partition("+")
        check_name(name)
        raw = from_base64(encoded)
        algorithm = _kind_of(raw)
        public = raw[len(algorithm.prefix) :]
        key = cls(name, public, algorithm)
        if algorithm is Algorithm.SM2_SM3:
            try:
                sm2.check_point(public)
            except Sm2Error as error:
                raise NoteError(str(error)) from error
        if key.key_id.hex() != hashed:
            raise NoteError("the key id does not fit the verification key")
        return key

    def cosigned_second(self, signature: bytes) -> int:
        """Return the second (POSIX time) that a cosignature states; 0 for the other kinds.

        Raises:
            NoteError: the signature has not the length of its kind, or the second is too large.
        """
        form = _FORMS[self.algorithm]
        timed = TIME_BYTES if form.timed else 0
        if len(signature) != timed + form.signature_bytes:
            raise NoteError(f"the signature of {self.name} has not the length of its kind")
        return second_of(signature) if form.timed else 0

    def check(self, text: str, signature: bytes) -> None:
        """Check a signature over a text; a cosignature comes with its time before it.

        Raises:
            NoteError: it does not hold.
        """
        second = self.cosigned_second(signature)
        message = signed_message(self.name, self.algorithm, text, second)
        bare = signature[TIME_BYTES:] if self.algorithm.is_timed else signature
        try:
            if self.algorithm is Algorithm.SM2_SM3:
                sm2.verify(self.public, bare, message)
            elif self.algorithm is Algorithm.COSIGN_MLDSA44:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(bare, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(bare, message)
        except (InvalidSignature, ValueError) as error:
            raise NoteError(f"the signature of {self.name} does not hold") from error


#: Gives the consistency proof from a smaller size of the log to the tree that is to be signed.
Growth = Callable[[int], list[bytes]]


class NoteSigner(Protocol):
    """Whoever can put its signature line under a text."""

    @property
    def verification(self) -> VerificationKey:
        """Return the public half."""
        ...

    def line(self, text: str, at: datetime) -> str:
        """Return the signature line over a text, made at a moment."""
        ...


@dataclass(frozen=True)
class Signer:
    """A private key in this process, under its name.

    Args:
        kind: the kind of signature; by default the plain one of the key at hand.
    """

    name: str
    private: PrivateKey
    kind: Algorithm | None = None

    @property
    def algorithm(self) -> Algorithm:
        """Return the kind of signature this makes."""
        if self.kind is not None:
            return self.kind
        if isinstance(self.private, Ed25519PrivateKey):
            return Algorithm.ED25519
        if isinstance(self.private, MLDSA44PrivateKey):
            return Algorithm.COSIGN_MLDSA44
        return Algorithm.SM2_SM3

    @property
    def verification(self) -> VerificationKey:
        """Return the public half."""
        if isinstance(self.private, Sm2PrivateKey):
            public = self.private.public
        else:
            public = self.private.public_key().public_bytes_raw()
        return VerificationKey(self.name, public, self.algorithm)

    def line(self, text: str, at: datetime | None = None) -> str:
        """Return the signature line over a text.

        Args:
            at: the moment that a cosignature states; other kinds state none.

        Raises:
            NoteError: a name or text that does not fit into a note.
        """
        check_name(self.name)
        if not text.endswith("\n"):
            raise NoteError("a note text ends with a line end")
        if self.algorithm is Algorithm.COSIGN_MLDSA44:
            TreeHead.parse(text)  # It would sign no extension line, so it signs under none.
        second = _second(at) if self.algorithm.is_timed else 0
        signature = self.private.sign(signed_message(self.name, self.algorithm, text, second))
        times = second.to_bytes(TIME_BYTES) if self.algorithm.is_timed else b""
        return signature_line(self.name, self.verification.key_id + times + signature)

    def sign(self, text: str, at: datetime | None = None) -> str:
        """Return the signed note over a text, with this one signature.

        Raises:
            NoteError: a name or text that does not fit into a note.
        """
        return note_of(text, [self.line(text, at)])


def _second(at: datetime | None) -> int:
    if at is None or at.tzinfo is None:
        raise Broken("a cosignature states when it was made")
    return calendar.timegm(at.utctimetuple())


def open_note(note: str, key: VerificationKey, *, alone: bool = False) -> str:
    """Return the text of a note that a key has signed.

    Args:
        alone: refuse any further signature line; otherwise unknown ones are passed over.

    Raises:
        NoteError: not a note, or not validly signed by this key.
    """
    return open_all(note, [key], strict=alone)


def open_all(note: str, keys: list[VerificationKey], *, strict: bool = False) -> str:
    """Return the text of a note that every one of some keys has signed, each exactly once.

    Args:
        strict: refuse lines of any other key; otherwise they are passed over.

    Raises:
        NoteError: not a note, a signature is missing, doubled or wrong, or a line is unknown.
    """
    text, lines = split_note(note)
    if not keys or (strict and len(lines) != len(keys)):
        raise NoteError("the note does not bear exactly one signature of each key")
    for key in keys:
        ours = [
            blob[KEY_ID_BYTES:]
            for name, blob in lines
            if name == key.name and blob[:KEY_ID_BYTES] == key.key_id
        ]
        if len(ours) != 1:
            raise NoteError(f"the note does not bear exactly one signature of {key.name}")
        key.check(text, ours[0])
    return text
