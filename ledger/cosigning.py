"""Cosigning: what a witness says about a checkpoint, with its two keys under one name.

A witness signs that it saw a log grow to this size with this root, and when. It does so in two
kinds side by side: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06), the second safe against
quantum computers. How either is made and checked stands in ``ledger.signing``.

Source: C2SP tlog-cosignature.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ledger.notes import head_of, signature_line
from ledger.signing import (
    KEY_ID_BYTES,
    LATEST_SECOND,
    TIME_BYTES,
    Algorithm,
    NoteError,
    PrivateKey,
    Signer,
    VerificationKey,
    signed_message,
)

#: The kinds of cosignatures, each with its word in policies and rows.
KINDS = {Algorithm.COSIGN_ED25519: "ED25519", Algorithm.COSIGN_MLDSA44: "MLDSA44"}


def witness_key(text: str) -> VerificationKey:
    """Read a vkey line of a witness.

    Raises:
        NoteError: not a key, or not one for cosignatures.
    """
    key = VerificationKey.parse(text)
    if key.algorithm not in KINDS:
        raise NoteError("the key of a witness is not one for cosignatures")
    return key


def signature_of(lines: list[tuple[str, bytes]], key: VerificationKey) -> bytes | None:
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
    def keys(self) -> tuple[VerificationKey, VerificationKey]:
        """Return both public halves."""
        return (
            Signer(self.name, self.ed25519, Algorithm.COSIGN_ED25519).verification,
            Signer(self.name, self.mldsa44, Algorithm.COSIGN_MLDSA44).verification,
        )

    def lines(self, text: str, timestamp: int) -> str:
        """Return the two signature lines over the text of a checkpoint; it may have more lines.

        Args:
            timestamp: seconds since 1970.

        Raises:
            NoteError: not the text of a checkpoint, or a time that cannot be.
        """
        head_of(text)
        if not 0 <= timestamp <= LATEST_SECOND:
            raise NoteError("a cosignature bears a time that cannot be")
        when, made = timestamp.to_bytes(TIME_BYTES), []
        pair: tuple[PrivateKey, PrivateKey] = (self.ed25519, self.mldsa44)
        for private, key in zip(pair, self.keys, strict=True):
            signed = private.sign(signed_message(self.name, key.algorithm, text, timestamp))
            made.append(signature_line(self.name, key.key_id + when + signed))
        return "".join(made)
