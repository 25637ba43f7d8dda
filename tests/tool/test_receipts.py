"""Receipts offline: signature, promise, proof and entry; whatever is changed, it never holds."""

import base64
import json
from datetime import timedelta

import pytest

from ledger.audit import seal
from ledger.merkle import (
    ProofError,
    inclusion_proof,
    leaf_hash,
    perfect_root,
    root_from_inclusion,
    root_of,
)
from ledger.proofs import LogProof, verify_proof
from ledger.signing import VerificationKey
from ledger.verdicts import Trail
from tests.providers import world
from tests.roles import as_role

pytestmark = pytest.mark.django_db(transaction=True)

FLIPPED = """
import json, sys
from slq.notes import BadReceipt, keys_in
from slq.receipts import check_all, receipts_in
keys = keys_in(sys.stdin.read())
whole = open("one.json", "rb").read()
assert check_all(whole, keys)
said, held, tried = receipts_in(whole.decode()), [], 0
for place in range(len(whole)):
    for mask in (0x01, 0x02 << place % 7):  # each byte twice, each bit of a byte somewhere
        changed = bytearray(whole)
        changed[place] ^= mask
        tried += 1
        try:
            check_all(bytes(changed), keys)
        except BadReceipt:
            continue
        if receipts_in(bytes(changed).decode()) != said:
            held.append((place, mask))
    try:
        check_all(whole[:place], keys)
        held.append((place, "cut"))
    except BadReceipt:
        pass
print(json.dumps({"held": held, "tried": tried}))
"""


@pytest.fixture
def sealed(line, program):
    """A receipt with its proof, in a log of a few entries."""
    program.run("push", line.file("usage.csv", line.row(1)))
    with as_role("seal"):
        seal(world.LATER + timedelta(minutes=1))
    assert program.run("push", "usage.csv").code == 0
    return json.loads(program.read("usage.receipts.ndjson"))


def verify(program, receipt, *words):
    program.write("given.json", json.dumps(receipt))
    return program.run("receipt", "verify", "given.json", *words)


def test_before_sealing_a_receipt_is_promised_and_after_it_is_included(line, program):
    program.run("push", line.file("usage.csv", line.row(1)))
    early = program.run("receipt", "verify", "usage.receipts.ndjson", "--included")
    assert early.code == 6
    assert early.out.split()[-1] == "promised"
    with as_role("seal"):
        seal(world.LATER + timedelta(minutes=1))
    program.run("push", "usage.csv")
    late = program.run("receipt", "verify", "usage.receipts.ndjson", "--included", "--json")
    assert (late.code, late.json[0]["level"]) == (0, "included")
    assert int(late.json[0]["log_index"]) < int(late.json[0]["tree_size"])


def test_the_tool_and_the_log_agree_on_the_proof(sealed):
    key = VerificationKey.parse(sealed["vkey"])
    entry = base64.b64decode(sealed["entry"])
    proof = LogProof.parse(sealed["proof"].encode())
    assert verify_proof(proof, entry, [key], Trail()).index == sealed["log_index"]
    assert json.loads(entry)["body"]["batch"] == sealed["receipt"]["batch_id"]


def test_it_is_checked_without_the_service_and_against_the_file_at_hand(line, program, sealed):
    line.server.server.shutdown()
    good = program.run("receipt", "verify", "usage.receipts.ndjson", "--body", "usage.csv")
    assert good.code == 0, good.err
    line.file("other.csv", line.row(2))
    other = program.run("receipt", "verify", "usage.receipts.ndjson", "--body", "other.csv")
    assert other.code == 3
    assert "摘要" in other.err


@pytest.mark.slow
def test_no_changed_byte_and_no_cut_receipt_holds(program, sealed):
    program.write("one.json", json.dumps(sealed, separators=(",", ":")))
    told = program.python(FLIPPED, sealed["vkey"])
    assert told["held"] == []
    assert told["tried"] > 4_000


CHANGES = [
    lambda r: r.pop("entry"),
    lambda r: r.update(entry=base64.b64encode(b"{}").decode()),
    lambda r: r.update(proof=r["proof"].replace("index ", "index 0")),
    lambda r: r.update(log_index=r["log_index"] + 1),
    lambda r: r.update(checkpoint=r["note"]),
    lambda r: r.update(proof="c2sp.org/tlog-proof@v1\nindex 0\n\n" + r["checkpoint"]),
    lambda r: r.update(promise=r["note"]),
    lambda r: r.update(more="x"),
    lambda r: r.update(note=7),
    lambda r: r.update(vkey=VerificationKey("other", b"\x05" * 32).text),
    lambda r: r.update(proof=["x"]),
]


def test_parts_that_do_not_belong_together_do_not_hold(program, sealed):
    for number, change in enumerate(CHANGES):
        given = json.loads(json.dumps(sealed))
        change(given)
        ran = verify(program, given)
        assert (ran.code, ran.out) == (3, ""), number


def test_the_proof_of_another_batch_does_not_hold(line, program, sealed):
    program.run("push", line.file("second.csv", line.row(2)))
    with as_role("seal"):
        seal(world.LATER + timedelta(minutes=2))
    program.run("push", "second.csv")
    second = json.loads(program.read("second.receipts.ndjson"))
    assert verify(program, second).code == 0
    for names in (("entry", "proof", "checkpoint", "log_index"), ("entry",), ("note", "receipt")):
        mixed = second | {name: sealed[name] for name in names}
        assert verify(program, mixed).code == 3, names


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "[" * 100_000, "\x00", '{"note":1}'])
def test_what_is_no_receipt_is_said_to_be_none(line, program, content):
    program.write("given.json", content)
    ran = program.run("receipt", "verify", "given.json")
    assert (ran.code, ran.out) == (3, "")


CLIMB = """
import json, sys
from slq.inclusion import root_over
from slq.notes import BadReceipt
found = []
for index, size, leaf, path in json.load(sys.stdin):
    try:
        found.append(root_over(index, size, bytes.fromhex(leaf), tuple(map(bytes.fromhex, path))).hex())
    except BadReceipt:
        found.append("")
print(json.dumps(found))
"""  # noqa: E501 - a script


def test_every_place_of_small_trees_is_climbed_as_the_log_climbs_it(program):
    leaves = [leaf_hash(bytes([n])) for n in range(33)]

    def read(level: int, index: int) -> bytes:
        return perfect_root(leaves[index << level : (index + 1) << level])

    cases, expected = [], []
    for size in (1, 2, 3, 7, 8, 20, 33):
        for index in range(size):
            path = inclusion_proof(index, size, read)
            for given in (path, path[1:], [*path, leaves[0]], path[::-1]):
                for place in (index, index ^ 1, size):
                    cases.append([place, size, leaves[index].hex(), [p.hex() for p in given]])
                    expected.append(climbed(place, size, leaves[index], given))
    assert program.python(CLIMB, json.dumps(cases)) == expected
    assert sum(each == root_of(33, read).hex() for each in expected) >= 33


def climbed(index: int, size: int, leaf: bytes, path: list[bytes]) -> str:
    try:
        return root_from_inclusion(index, size, leaf, path).hex()
    except ProofError:
        return ""
