"""The two families of hashes under which the log keeps its tree.

``sha256`` is the tree of RFC 9162 that any C2SP client reads; ``sm3`` is the same tree over the
same entries with the national hash, under an origin of its own.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes


@dataclass(frozen=True)
class Suite:
    """One family: a name, a hash, and what is appended to the log's origin."""

    name: str
    digest: Callable[[bytes], bytes]
    suffix: str = ""

    def leaf(self, entry: bytes) -> bytes:
        """Return the hash of an entry as a leaf."""
        return self.digest(b"\x00" + entry)

    def node(self, left: bytes, right: bytes) -> bytes:
        """Return the hash of a node over its two children."""
        return self.digest(b"\x01" + left + right)

    def origin(self, base: str) -> str:
        """Return the origin of this suite's tree."""
        return base + self.suffix


def _sha256(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _sm3(value: bytes) -> bytes:
    try:
        return hashlib.new("sm3", value).digest()
    except ValueError:  # an OpenSSL without SM3 behind hashlib
        running = hashes.Hash(hashes.SM3())
        running.update(value)
        return running.finalize()


SHA256 = Suite("sha256", _sha256)
SM3 = Suite("sm3", _sm3, "/sm3")
SUITES = {each.name: each for each in (SHA256, SM3)}
