"""The two ways the log hashes: SHA-256 for the world, SM3 (国密) for bodies that must use it.

Each way has a tree of its own over the same entries in the same order, with its own tiles and
its own checkpoint. Whoever trusts only one of them checks only that one.

Source: RFC 9162 section 2.1.1 (prefixes 0x00 and 0x01); GB/T 32905-2016 (SM3); FIPS 180-4.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, Self

from cryptography.hazmat.primitives import hashes

_LEAF, _NODE = b"\x00", b"\x01"


class Digester(Protocol):
    """A hash under way, as ``hashlib`` has them."""

    def copy(self) -> Self:
        """Return a second one that has seen the same bytes."""

    def update(self, content: bytes, /) -> None:
        """Go on with more bytes."""

    def digest(self) -> bytes:
        """Return the hash of all bytes so far."""


class BundledSM3:
    """SM3 of the cryptography package, for a Python whose OpenSSL was built without it."""

    def __init__(self, state: hashes.Hash | None = None) -> None:
        self._state = state or hashes.Hash(hashes.SM3())

    def copy(self) -> "BundledSM3":
        """Return a second one that has seen the same bytes."""
        return BundledSM3(self._state.copy())

    def update(self, content: bytes, /) -> None:
        """Go on with more bytes."""
        self._state.update(content)

    def digest(self) -> bytes:
        """Return the hash of all bytes so far."""
        return self._state.copy().finalize()


def sm3() -> Digester:
    """Return an SM3 that has seen nothing yet."""
    try:
        return hashlib.new("sm3")
    except ValueError:
        return BundledSM3()


def _begun(empty: Digester, prefix: bytes) -> Digester:
    state = empty.copy()
    state.update(prefix)
    return state


@dataclass(frozen=True)
class Suite:
    """One way of hashing: its name, what it adds to the log's origin, and its prepared states.

    Copying a state that has already seen the prefix is quicker than starting anew.
    """

    name: str
    suffix: str
    empty: Digester = field(repr=False, compare=False)
    leaf_state: Digester = field(repr=False, compare=False)
    node_state: Digester = field(repr=False, compare=False)

    @classmethod
    def of(cls, name: str, suffix: str, empty: Digester) -> "Suite":
        """Return the suite over a hash that has seen nothing yet."""
        return cls(name, suffix, empty, _begun(empty, _LEAF), _begun(empty, _NODE))

    def digest(self, content: bytes) -> bytes:
        """Return the plain hash of some bytes."""
        state = self.empty.copy()
        state.update(content)
        return state.digest()

    def leaf(self, entry: bytes) -> bytes:
        """Return the hash of a leaf: over 0x00 and the entry."""
        state = self.leaf_state.copy()
        state.update(entry)
        return state.digest()

    def node(self, left: bytes, right: bytes) -> bytes:
        """Return the hash of an inner node: over 0x01 and both children."""
        state = self.node_state.copy()
        state.update(left + right)
        return state.digest()

    def leaves(self, entries: Iterable[bytes]) -> list[bytes]:
        """Return the leaf hashes of many entries."""
        begin, hashed = self.leaf_state.copy, []
        for each in entries:
            state = begin()
            state.update(each)
            hashed.append(state.digest())
        return hashed

    def parents(self, children: list[bytes]) -> list[bytes]:
        """Return the hashes one level up over an even number of hashes."""
        begin, hashed = self.node_state.copy, []
        for left, right in zip(children[::2], children[1::2], strict=True):
            state = begin()
            state.update(left + right)
            hashed.append(state.digest())
        return hashed

    def origin(self, base: str) -> str:
        """Return the name of this suite's tree of the log called ``base``."""
        return base + self.suffix


SHA256 = Suite.of("sha256", "", hashlib.sha256())
SM3 = Suite.of("sm3", "/sm3", sm3())
SUITES = {each.name: each for each in (SHA256, SM3)}
