"""The two hash suites of the log: SHA-256 for the world, SM3 for the national standard.

Both trees hold the same entries in the same order; only the hash differs.

Source: RFC 9162 section 2.1 (leaf and node prefixes); GB/T 32905 (SM3).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes


def _sm3_of_cryptography(message: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(message)
    return digest.finalize()


def _sm3_digest() -> Callable[[bytes], bytes]:
    """Return SM3 from the system's OpenSSL, which is quicker, or from ``cryptography``."""
    try:
        hashlib.new("sm3")
    except ValueError:
        return _sm3_of_cryptography
    return lambda message: hashlib.new("sm3", message).digest()


def _sha256(message: bytes) -> bytes:
    return hashlib.sha256(message).digest()


@dataclass(frozen=True)
class Suite:
    """One hash function and the tree that is made with it."""

    name: str
    digest: Callable[[bytes], bytes]

    def leaf(self, entry: bytes) -> bytes:
        """Return the hash of a leaf: over 0x00 and the entry."""
        return self.digest(b"\x00" + entry)

    def node(self, left: bytes, right: bytes) -> bytes:
        """Return the hash of an inner node: over 0x01 and both children."""
        return self.digest(b"\x01" + left + right)

    def origin(self, base: str) -> str:
        """Return the name under which this tree of a log is signed."""
        return base if self.name == "sha256" else f"{base}/{self.name}"


SHA256 = Suite("sha256", _sha256)
SM3 = Suite("sm3", _sm3_digest())
SUITES = {each.name: each for each in (SHA256, SM3)}
