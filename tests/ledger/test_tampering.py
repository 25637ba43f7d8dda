"""The generated tamper matrix of the files: every bit, every structure, every proof.

Goal: 100 % found, or the same by rule. Method: each bit of a small bundle, of its entries, of a
checkpoint and of a verification key is turned; bundles are taken apart and put together wrongly,
leaf hashes mended and, where the attacker could, signed again; proofs are lengthened, shortened
and asked at impossible places. Rows of the database: ``test_inspecting``. The audit archive:
``test_archives`` and ``test_packing``.
"""

import pytest

from ledger.bundle_checks import Asked, signers_of
from ledger.bundles import FIRST_LINE, Manifest, entry_line, note_line
from ledger.entries import Malformed, decode
from ledger.merkle import (
    MAX_SIZE,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from ledger.signing import NoteError, TreeHead, VerificationKey
from ledger.walks import GrowingTree, Heads
from tests.ledger.log_making import (
    ORIGIN,
    OTHER,
    SIGNER,
    booked,
    bundle,
    event,
    introduction,
    judged,
    notes,
    small,
)
from tests.ledger.making import grant

TINY = bundle([introduction(), booked(grant(7), 1)])
ENTRIES = [*small(), *(event(note=str(each)) for each in range(3))]
CUTS = (1, 4, 7)
WHOLE = bundle(ENTRIES, cuts=CUTS)


def flips(raw: bytes):
    """Yield every neighbour of some bytes that differs in one bit."""
    for place in range(len(raw)):
        for bit in range(8):
            bent = bytearray(raw)
            bent[place] ^= 1 << bit
            yield f"byte {place} bit {bit}", bytes(bent)


def refused(fault: type[Exception], ask, *arguments) -> bool:
    """Say whether asking ends in this fault; any other fault is a fault of ours."""
    try:
        ask(*arguments)
    except (fault, UnicodeDecodeError):
        return True
    return False


def test_no_bit_of_a_bundle_can_be_turned():
    assert judged(TINY) == "OK"
    missed = [where for where, bent in flips(TINY) if judged(bent) == "OK"]
    assert missed == []


def test_an_entry_with_any_bit_turned_is_another_entry_or_none():
    """What still is an entry has another leaf hash, so the root finds it."""
    for where, bent in flips(ENTRIES[2]):
        try:
            decode(bent)
        except Malformed:
            continue
        assert leaf_hash(bent) != leaf_hash(ENTRIES[2]), where


def test_no_bit_of_a_checkpoint_can_be_turned():
    note = notes(ENTRIES)[0]
    keys = [SIGNER.verification]
    for where, bent in flips(note.encode()):
        assert refused(NoteError, lambda raw: signers_of(raw.decode(), keys), bent), where


def opened(note: str, key: str) -> None:
    signers_of(note, [VerificationKey.parse(key)])


def test_a_key_with_any_bit_turned_is_no_key_or_verifies_nothing():
    note = notes(ENTRIES)[0]
    for where, bent in flips(SIGNER.verification.text.encode()):
        assert refused(NoteError, lambda raw: opened(note, raw.decode()), bent), where


def mended(entries: list[bytes], signed: list[str], size: int | None = None) -> bytes:
    """Return a bundle over other entries under honest checkpoints, everything else mended."""
    last = TreeHead.parse(signed[-1].rpartition("\n\n")[0] + "\n")
    stated = Manifest(
        ORIGIN, len(entries) if size is None else size, len(signed),
        (SIGNER.verification.text,), last.root.hex(),
    )  # fmt: skip
    lines = [note_line(each) for each in signed]
    lines += [entry_line(leaf_hash(each), each) for each in entries]
    return FIRST_LINE + stated.encoded() + b"".join(lines)


SIGNED = notes(ENTRIES, CUTS)
SWAPPED = [*ENTRIES[:2], ENTRIES[3], ENTRIES[2], *ENTRIES[4:]]


@pytest.mark.parametrize(
    ("entries", "signed"),
    [
        (ENTRIES[:-1], SIGNED), (ENTRIES[:-1], SIGNED[:-1]), ([*ENTRIES, ENTRIES[-1]], SIGNED),
        ([*ENTRIES[:3], *ENTRIES[4:]], SIGNED), (SWAPPED, SIGNED), (ENTRIES[::-1], SIGNED),
        ([*ENTRIES[:3], ENTRIES[2], *ENTRIES[3:]], SIGNED), (ENTRIES[1:], SIGNED), ([], SIGNED),
        (ENTRIES, SIGNED[::-1]), (ENTRIES, [SIGNED[0], *SIGNED]), (ENTRIES, [*SIGNED, SIGNED[-1]]),
        ([*ENTRIES, event()], SIGNED), (ENTRIES[:4], SIGNED), (ENTRIES[:4], [SIGNED[0]]),
        (ENTRIES, notes(SWAPPED, CUTS)), (ENTRIES, [*notes(SWAPPED, CUTS)[:2], *SIGNED[2:]]),
        (ENTRIES, notes(ENTRIES, CUTS, signer=OTHER)), (ENTRIES, SIGNED[:2]),
    ],
    ids=range(19),
)  # fmt: skip
def test_a_log_taken_apart_under_honest_checkpoints_is_not_ok(entries, signed):
    assert judged(mended(entries, signed)) != "OK"
    assert judged(mended(entries, signed, size=len(ENTRIES))) != "OK"


def test_an_old_checkpoint_with_its_own_entries_is_an_older_log_and_nothing_else():
    """Cutting the end off leaves an honest, older log: only the newer one tells (OLD NEW)."""
    older = mended(ENTRIES[:7], SIGNED[:3])
    assert judged(older) == "OK"
    newest = TreeHead.parse(SIGNED[-1].rpartition("\n\n")[0] + "\n")
    assert newest.size > 7


def test_equal_size_other_root_is_told_as_contradiction():
    forked = [*ENTRIES[:-1], event(note="other")]
    asked = Asked()
    asked.watch.contains = TreeHead.parse(SIGNED[-1].rpartition("\n\n")[0] + "\n")
    assert "相互矛盾" in judged(bundle(forked, CUTS), asked=asked)
    assert judged(WHOLE, asked=asked) == "OK"


@pytest.mark.parametrize(
    "size", ["0", "-1", "01", "1e3", "９", str(2**63), str(2**64), "", "9" * 400]
)
def test_a_signed_head_of_an_impossible_size_is_refused(size):
    note = SIGNER.sign(f"{ORIGIN}\n{size}\n{'A' * 43}=\n")
    assert judged(mended(ENTRIES, SIGNED).replace(note_line(SIGNED[0]), note_line(note))) != "OK"


def test_heads_of_an_empty_tree_or_without_order_are_refused():
    for sizes in ([0], [3, 3], [3, 2]):
        heads = Heads(GrowingTree().suite, ORIGIN)
        for each in sizes[:-1]:
            heads.add(TreeHead(ORIGIN, each, bytes(32)))
        with pytest.raises(ValueError, match="逐个增大"):
            heads.add(TreeHead(ORIGIN, sizes[-1], bytes(32)))


LEAVES = [leaf_hash(bytes([each])) for each in range(11)]


def node(level: int, index: int) -> bytes:
    if level == 0:
        return LEAVES[index]
    return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))


def root(size: int) -> bytes:
    tree = GrowingTree()
    tree.extend(LEAVES[:size])
    return tree.root()


def test_no_bit_of_an_inclusion_proof_can_be_turned():
    for index in range(11):
        proof = inclusion_proof(index, 11, node)
        verify_inclusion(index, 11, LEAVES[index], proof, root(11))
        whole = b"".join([LEAVES[index], *proof, root(11)])
        for where, bent in flips(whole):
            parts = [bent[each : each + 32] for each in range(0, len(bent), 32)]
            asked = (index, 11, parts[0], parts[1:-1], parts[-1])
            assert refused(ProofError, verify_inclusion, *asked), where


def test_no_bit_of_a_consistency_proof_can_be_turned():
    for old in range(1, 11):
        proof = consistency_proof(old, 11, node)
        verify_consistency(old, 11, proof, root(old), root(11))
        whole = b"".join([root(old), *proof, root(11)])
        for where, bent in flips(whole):
            parts = [bent[each : each + 32] for each in range(0, len(bent), 32)]
            asked = (old, 11, parts[1:-1], parts[0], parts[-1])
            assert refused(ProofError, verify_consistency, *asked), where


@pytest.mark.parametrize("number", [-1, 0, 2**31, 2**63 - 1, 2**63, 2**64, 10**30])
def test_proofs_at_impossible_places_are_refused(number):
    """A neighbouring size whose proof has the same shape is told by its root: sizes are signed."""
    proof, grown = inclusion_proof(3, 11, node), consistency_proof(4, 11, node)
    for index, size in ((number or 11, 11), (3, number), (number, number)):
        assert refused(ProofError, verify_inclusion, index, size, LEAVES[3], proof, root(11))
    for old, new in ((number, 11), (11, number), (4, number), (number, number + 1)):
        assert refused(ProofError, verify_consistency, old, new, grown, root(4), root(11))
    assert MAX_SIZE == 2**63 - 1


def test_proofs_with_a_hash_more_or_less_or_of_another_length_are_refused():
    proof = inclusion_proof(3, 11, node)
    wrong = [proof[1:], proof[:-1], [], [*proof, proof[0]], [proof[0], *proof], proof[::-1],
             [*proof[:-1], b""], [*proof[:-1], proof[-1][:31]], [*proof[:-1], proof[-1] + b"x"],
             [*proof, b""]]  # fmt: skip
    for each in wrong:
        with pytest.raises(ProofError):
            verify_inclusion(3, 11, LEAVES[3], each, root(11))
    grown = consistency_proof(6, 11, node)
    for each in ([], grown[1:], grown[:-1], [*grown, grown[0]], grown[::-1], [*grown, b""]):
        with pytest.raises(ProofError):
            verify_consistency(6, 11, each, root(6), root(11))
    for leaf, top in ((b"", root(11)), (LEAVES[3], b""), (LEAVES[3][:31], root(11))):
        with pytest.raises(ProofError):
            verify_inclusion(3, 11, leaf, proof, top)
