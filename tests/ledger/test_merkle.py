import base64
import json
import tarfile

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import (
    ProofError,
    consistency_proof,
    empty_root,
    inclusion_proof,
    leaf_hash,
    node_hash,
    perfect_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)

VECTORS = (
    settings.SHARED_DATA_DIR / "vectors" / "merkle" / "transparency_dev_merkle_testdata.tar.gz"
)
LEAVES = [leaf_hash(str(each).encode()) for each in range(140)]
SIZES = st.integers(1, len(LEAVES))


def read(level: int, index: int) -> bytes:
    return perfect_root(LEAVES[index << level : (index + 1) << level])


def plain_root(leaves: list[bytes]) -> bytes:
    """Compute the root by the definition of RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return empty_root()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(plain_root(leaves[:k]), plain_root(leaves[k:]))


def vectors(kind: str) -> list[tuple[str, dict]]:
    if not VECTORS.exists():
        return []
    with tarfile.open(VECTORS) as archive:
        names = sorted(each for each in archive.getnames() if f"/{kind}/" in each)
        return [
            (name, json.loads(archive.extractfile(name).read()))
            for name in names
            if name.endswith(".json")
        ]


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def hashes(found: dict) -> list[bytes]:
    return [raw(each) for each in found["proof"] or []]


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are absent (SHARED_DATA_DIR)")
def test_all_published_inclusion_vectors_are_judged_rightly():
    seen = vectors("inclusion")
    assert len(seen) == 98
    for name, found in seen:
        case = (found["leafIdx"], found["treeSize"], raw(found["leafHash"]), hashes(found))
        assert judged(verify_inclusion, *case, raw(found["root"])) != found["wantErr"], name


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are absent (SHARED_DATA_DIR)")
def test_all_published_consistency_vectors_are_judged_rightly():
    seen = vectors("consistency")
    assert len(seen) == 98
    for name, found in seen:
        case = (found["size1"], found["size2"], hashes(found))
        roots = (raw(found["root1"]), raw(found["root2"]))
        assert judged(verify_consistency, *case, *roots) != found["wantErr"], name


def judged(verify, *case) -> bool:
    try:
        verify(*case)
    except ProofError:
        return False
    return True


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert empty_root().hex().startswith("e3b0c44298fc1c14")
    assert root_of(0, read) == empty_root()


def test_a_leaf_and_a_node_never_share_a_hash():
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 127, 128, 129, 140])
def test_the_root_is_that_of_the_definition(size):
    assert root_of(size, read) == plain_root(LEAVES[:size])


@given(st.data(), SIZES)
def test_every_leaf_is_proven_and_no_other(data, size):
    index = data.draw(st.integers(0, size - 1))
    root = root_of(size, read)
    proof = inclusion_proof(index, size, read)
    verify_inclusion(index, size, LEAVES[index], proof, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index or size == 1))
    if other != index:
        assert not judged(verify_inclusion, other, size, LEAVES[index], proof, root)
        assert not judged(verify_inclusion, index, size, LEAVES[other], proof, root)
    assert not judged(verify_inclusion, index, size, LEAVES[index], [*proof, LEAVES[0]], root)
    if proof:
        assert not judged(verify_inclusion, index, size, LEAVES[index], proof[:-1], root)
        assert not judged(verify_inclusion, index, size, LEAVES[index], proof[1:], root)


@given(st.data(), SIZES)
def test_every_growth_is_proven_and_no_fork(data, new):
    old = data.draw(st.integers(1, new))
    before, after = root_of(old, read), root_of(new, read)
    proof = consistency_proof(old, new, read)
    verify_consistency(old, new, proof, before, after)
    forked = plain_root([leaf_hash(b"fork"), *LEAVES[1:old]])
    assert not judged(verify_consistency, old, new, proof, forked, after)
    assert not judged(verify_consistency, old, new, [*proof, LEAVES[0]], before, after)
    for place in range(len(proof)):
        bent = [*proof[:place], leaf_hash(proof[place]), *proof[place + 1 :]]
        assert not judged(verify_consistency, old, new, bent, before, after)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 5), (5, 5), (7, 5)])
def test_a_leaf_outside_the_tree_is_refused(index, size):
    with pytest.raises(ValueError, match="leaf"):
        inclusion_proof(index, size, read)
    with pytest.raises(ProofError):
        verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5), (1, 2**63)])
def test_sizes_that_cannot_grow_are_refused(old, new):
    if new < 2**63:
        with pytest.raises(ValueError, match="sizes"):
            consistency_proof(old, new, read)
    with pytest.raises(ProofError):
        verify_consistency(old, new, [], LEAVES[0], LEAVES[0])


@pytest.mark.parametrize("short", [b"", b"x", LEAVES[0][:31], LEAVES[0] + b"x"])
def test_a_hash_of_the_wrong_length_is_refused(short):
    with pytest.raises(ProofError, match="length"):
        verify_inclusion(0, 1, short, [], LEAVES[0])
    with pytest.raises(ProofError, match="length"):
        verify_inclusion(0, 2, LEAVES[0], [short], LEAVES[0])
    with pytest.raises(ProofError, match="length"):
        verify_inclusion(0, 1, LEAVES[0], [], short)
    with pytest.raises(ProofError, match="length"):
        verify_consistency(1, 2, [LEAVES[1]], short, LEAVES[0])


def test_a_proof_that_is_far_too_long_ends_soon():
    with pytest.raises(ProofError, match="too long"):
        verify_inclusion(0, 2, LEAVES[0], [LEAVES[1]] * 10_000, LEAVES[0])
    with pytest.raises(ProofError, match="too long"):
        verify_consistency(1, 2, [LEAVES[1]] * 10_000, LEAVES[0], LEAVES[0])
