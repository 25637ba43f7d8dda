"""The tree of the log: hashes, proofs that an entry is in it, proofs that it only grew.

Pure. Proofs are computed from a reader of stored subtree hashes, so a log of any size is proven
with a few dozen hashes. Every function takes the suite that hashes, SHA-256 unless another is
named; trees under SHA-256 are byte-exact to the RFC.

Source: RFC 9162 section 2.1 (hash, inclusion and consistency proofs and their verification).
"""

from collections.abc import Callable

from ledger.suites import SHA256, Suite

HASH_BYTES = 32
#: More leaves than any log will hold; keeps hostile numbers small.
MAX_SIZE = 2**63 - 1

#: (level, index) -> hash of the perfect subtree over leaves [index << level, (index+1) << level).
NodeReader = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof that does not prove what it should."""


def leaf_hash(entry: bytes, suite: Suite = SHA256) -> bytes:
    """Return the hash of a leaf: over 0x00 and the entry."""
    return suite.leaf(entry)


def node_hash(left: bytes, right: bytes, suite: Suite = SHA256) -> bytes:
    """Return the hash of an inner node: over 0x01 and both children."""
    return suite.node(left, right)


def empty_root(suite: Suite = SHA256) -> bytes:
    """Return the root of the empty tree: the hash of nothing."""
    return suite.digest(b"")


def perfect_root(hashes: list[bytes], suite: Suite = SHA256) -> bytes:
    """Return the root over a power-of-two number of hashes."""
    while len(hashes) > 1:
        hashes = suite.parents(hashes)
    return hashes[0]


def _spans(start: int, end: int) -> list[tuple[int, int]]:
    """Cut leaves [start, end) into perfect subtrees, left to right, as (level, index).

    ``start`` must be a multiple of the smallest power of two not below ``end - start``.
    """
    spans = []
    while start < end:
        level = (end - start).bit_length() - 1
        spans.append((level, start >> level))
        start += 1 << level
    return spans


def _range_root(start: int, end: int, read: NodeReader, suite: Suite) -> bytes:
    hashes = [read(level, index) for level, index in _spans(start, end)]
    root = hashes.pop()
    while hashes:
        root = suite.node(hashes.pop(), root)
    return root


def root_of(size: int, read: NodeReader, suite: Suite = SHA256) -> bytes:
    """Return the root of the first ``size`` leaves."""
    return _range_root(0, size, read, suite) if size else empty_root(suite)


def _split(size: int) -> int:
    """Return the largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, read: NodeReader, suite: Suite = SHA256) -> list[bytes]:
    """Return the hashes that lead from one leaf to the root, nearest first.

    Raises:
        ValueError: no such leaf in a tree of this size.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of this size")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_root(middle, end, read, suite))
            end = middle
        else:
            proof.append(_range_root(start, middle, read, suite))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, read: NodeReader, suite: Suite = SHA256) -> list[bytes]:
    """Return the hashes that show the first ``old`` leaves lie unchanged in the first ``new``.

    Raises:
        ValueError: the sizes are not 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError("a consistency proof needs sizes 0 < old <= new")
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range_root(middle, end, read, suite))
            end = middle
        else:
            proof.append(_range_root(start, middle, read, suite))
            start, whole = middle, False
    if not whole:
        proof.append(_range_root(start, end, read, suite))
    return proof[::-1]


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError("a hash has the wrong length")


def root_from_inclusion(
    index: int, size: int, leaf: bytes, proof: list[bytes], suite: Suite = SHA256
) -> bytes:
    """Return the root that a proof leads to from a leaf hash.

    Raises:
        ProofError: sizes, lengths or the number of hashes do not fit.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError("no such leaf in a tree of this size")
    _check_hashes(leaf, *proof)
    here, last, root = index, size - 1, leaf
    for each in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if here & 1 or here == last:
            root = suite.node(each, root)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            root = suite.node(root, each)
        here >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    return root


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes, *, suite: Suite = SHA256
) -> None:
    """Check that a leaf hash lies at an index of the tree with this root.

    Raises:
        ProofError: it is not proven.
    """
    _check_hashes(root)
    if root_from_inclusion(index, size, leaf, proof, suite) != root:
        raise ProofError("the proof leads to another root")


def verify_growth(
    old: int,
    new: int,
    proof: list[bytes],
    old_root: bytes,
    new_root: bytes,
    *,
    suite: Suite = SHA256,
) -> None:
    """Check that a tree grew out of an older one, which may be the empty tree.

    Every tree grows out of nothing, so an old size of 0 needs no hash and may bring none; its
    root is the hash of nothing. This is the reading of those who keep checkpoints (a sealer, a
    witness before its first one); ``verify_consistency`` is the reading of the published vectors.

    Raises:
        ProofError: it is not proven.
    """
    if old:
        verify_consistency(old, new, proof, old_root, new_root, suite=suite)
        return
    _check_hashes(old_root, new_root)
    if not 0 <= new <= MAX_SIZE or proof:
        raise ProofError("growth out of nothing needs no proof")
    if old_root != empty_root(suite) or (new == 0 and new_root != old_root):
        raise ProofError("the root of the empty tree is the hash of nothing")


def verify_consistency(
    old: int,
    new: int,
    proof: list[bytes],
    old_root: bytes,
    new_root: bytes,
    *,
    suite: Suite = SHA256,
) -> None:
    """Check that the tree with the new root begins with the tree of the old root.

    An old size of 0 proves nothing and is refused, as the published vectors want it; who accepts
    it says so by calling ``verify_growth``.

    Raises:
        ProofError: it is not proven.
    """
    if not 0 < old <= new <= MAX_SIZE:
        raise ProofError("sizes are not 0 < old <= new")
    if old == new:
        if proof or old_root != new_root:
            raise ProofError("one size has one root and needs no proof")
        return
    _check_hashes(old_root, new_root, *proof)
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise ProofError("the proof is empty")
    here, last = old - 1, new - 1
    while here & 1:
        here >>= 1
        last >>= 1
    if _climb(here, last, hashes, suite) != (old_root, new_root):
        raise ProofError("the proof leads to other roots")


def _climb(here: int, last: int, hashes: list[bytes], suite: Suite) -> tuple[bytes, bytes]:
    before = after = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            raise ProofError("the proof is too long")
        if here & 1 or here == last:
            before = suite.node(each, before)
            after = suite.node(each, after)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            after = suite.node(after, each)
        here >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")
    return before, after
