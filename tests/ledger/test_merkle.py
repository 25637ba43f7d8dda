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
    verify_growth,
    verify_inclusion,
)
from ledger.suites import SHA256, SUITES, Suite

VECTORS = (
    settings.SHARED_DATA_DIR / "vectors" / "merkle" / "transparency_dev_merkle_testdata.tar.gz"
)
ENTRIES = [str(each).encode() for each in range(140)]
LEAVES = SHA256.leaves(ENTRIES)
SIZES = st.integers(1, len(LEAVES))
BOTH = st.sampled_from(list(SUITES.values()))


class Forest:
    """The same leaves under one suite: their hashes and a reader of subtrees."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.leaves = suite.leaves(ENTRIES)

    def read(self, level: int, index: int) -> bytes:
        return perfect_root(self.leaves[index << level : (index + 1) << level], self.suite)


FORESTS = {each: Forest(each) for each in SUITES.values()}
read = FORESTS[SHA256].read


def plain_root(leaves: list[bytes], suite: Suite = SHA256) -> bytes:
    """Compute the root by the definition of RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return empty_root(suite)
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(plain_root(leaves[:k], suite), plain_root(leaves[k:], suite), suite)


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


def judged(verify, *case, **more) -> bool:
    try:
        verify(*case, **more)
    except ProofError:
        return False
    return True


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert empty_root().hex().startswith("e3b0c44298fc1c14")
    assert root_of(0, read) == empty_root()


def test_a_leaf_and_a_node_never_share_a_hash():
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 127, 128, 129, 140])
def test_the_root_is_that_of_the_definition(size, suite):
    forest = FORESTS[suite]
    assert root_of(size, forest.read, suite) == plain_root(forest.leaves[:size], suite)


@given(st.data(), SIZES, BOTH)
def test_every_leaf_is_proven_and_no_other(data, size, suite):
    read, leaves = FORESTS[suite].read, FORESTS[suite].leaves
    index = data.draw(st.integers(0, size - 1))
    root = root_of(size, read, suite)
    proof = inclusion_proof(index, size, read, suite)

    def holds(index: int, leaf: bytes, proof: list[bytes]) -> bool:
        return judged(verify_inclusion, index, size, leaf, proof, root, suite=suite)

    assert holds(index, leaves[index], proof)
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index or size == 1))
    if other != index:
        assert not holds(other, leaves[index], proof)
        assert not holds(index, leaves[other], proof)
    assert not holds(index, leaves[index], [*proof, leaves[0]])
    if proof:
        assert not holds(index, leaves[index], proof[:-1])
        assert not holds(index, leaves[index], proof[1:])


@given(st.data(), SIZES, BOTH)
def test_every_growth_is_proven_and_no_fork(data, new, suite):
    read, leaves = FORESTS[suite].read, FORESTS[suite].leaves
    old = data.draw(st.integers(1, new))
    before, after = root_of(old, read, suite), root_of(new, read, suite)
    proof = consistency_proof(old, new, read, suite)

    def holds(proof: list[bytes], before: bytes) -> bool:
        return judged(verify_consistency, old, new, proof, before, after, suite=suite)

    assert holds(proof, before)
    assert judged(verify_growth, old, new, proof, before, after, suite=suite)
    assert not holds(proof, plain_root([leaf_hash(b"fork", suite), *leaves[1:old]], suite))
    assert not holds([*proof, leaves[0]], before)
    for place in range(len(proof)):
        bent = [*proof[:place], leaf_hash(proof[place], suite), *proof[place + 1 :]]
        assert not holds(bent, before)


@given(SIZES.filter(lambda each: each > 1), BOTH)
def test_a_proof_under_one_suite_proves_nothing_under_the_other(size, suite):
    (other,) = (each for each in SUITES.values() if each != suite)
    forest = FORESTS[suite]
    root = root_of(size, forest.read, suite)
    proof = inclusion_proof(0, size, forest.read, suite)
    assert judged(verify_inclusion, 0, size, forest.leaves[0], proof, root, suite=suite)
    assert not judged(verify_inclusion, 0, size, forest.leaves[0], proof, root, suite=other)


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda each: each.name)
def test_every_tree_grows_out_of_nothing_for_those_who_keep_checkpoints(suite):
    """The published vectors refuse an old size of 0; a witness accepts it with an empty proof."""
    nothing, root = empty_root(suite), root_of(9, FORESTS[suite].read, suite)
    assert judged(verify_growth, 0, 9, [], nothing, root, suite=suite)
    assert judged(verify_growth, 0, 0, [], nothing, nothing, suite=suite)
    assert not judged(verify_consistency, 0, 9, [], nothing, root, suite=suite)
    assert not judged(verify_consistency, 0, 0, [], nothing, nothing, suite=suite)
    assert not judged(verify_growth, 0, 9, [root], nothing, root, suite=suite)
    assert not judged(verify_growth, 0, 9, [], root, root, suite=suite)
    assert not judged(verify_growth, 0, 9, [], b"", root, suite=suite)
    assert not judged(verify_growth, 0, 0, [], nothing, root, suite=suite)
    assert not judged(verify_growth, 0, -1, [], nothing, root, suite=suite)
    assert not judged(verify_growth, 0, 2**63, [], nothing, root, suite=suite)


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are absent (SHARED_DATA_DIR)")
def test_the_vectors_hold_the_cases_that_a_textbook_verifier_gets_wrong():
    """Size 0 before growth, sizes both 0, and roots or leaf hashes of no length."""
    grown = [found for _, found in vectors("consistency")]
    assert {found["wantErr"] for found in grown if found["size1"] == 0} == {True}
    assert any(found["size1"] == found["size2"] == 0 for found in grown)
    shown = [found for _, found in vectors("inclusion")]
    bare = [found for found in shown if not raw(found["root"]) or not raw(found["leafHash"])]
    assert bare
    assert {found["wantErr"] for found in bare} == {True}


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
