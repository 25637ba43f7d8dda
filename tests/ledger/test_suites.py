"""The two hashes of the log against published vectors, and against each other's shape."""

import gzip
import hashlib
import json

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from ledger import suites
from ledger.suites import SHA256, SM3, SUITES, BundledSM3, Suite

VECTORS = settings.SHARED_DATA_DIR / "vectors" / "hash"
shared = pytest.mark.skipif(
    not VECTORS.exists(), reason="the shared vectors are absent (SHARED_DATA_DIR)"
)
BUNDLED = Suite.of("sm3", "/sm3", BundledSM3())
BOTH_SM3 = pytest.mark.parametrize("suite", [SM3, BUNDLED], ids=["system", "bundled"])
HMAC_BLOCK = 64


def oscca() -> list[tuple[bytes, bytes]]:
    """Return (message, digest) of every vector of the file."""
    found, message = [], b""
    for line in (VECTORS / "sm3_oscca.txt").read_text().splitlines():
        name, _, value = line.partition(" = ")
        if name == "Len":
            length = int(value) // 8
        elif name == "Msg":
            message = bytes.fromhex(value)[:length]
        elif name == "MD":
            found.append((message, bytes.fromhex(value)))
    return found


@shared
@BOTH_SM3
def test_sm3_gives_the_published_digests(suite):
    seen = oscca()
    assert len(seen) >= 5
    assert seen[0][0] == b""
    assert [suite.digest(message) for message, _ in seen] == [digest for _, digest in seen]


def hmac(suite: Suite, key: bytes, message: bytes) -> bytes:
    """Return the HMAC by its definition (RFC 2104), with nothing but the suite's hash."""
    block = (suite.digest(key) if len(key) > HMAC_BLOCK else key).ljust(HMAC_BLOCK, b"\0")
    inner = suite.digest(bytes(each ^ 0x36 for each in block) + message)
    return suite.digest(bytes(each ^ 0x5C for each in block) + inner)


@shared
@pytest.mark.parametrize(
    ("suite", "file"),
    [(SM3, "sm3"), (BUNDLED, "sm3"), (SHA256, "sha256")],
    ids=["sm3", "sm3 bundled", "sha256"],
)
def test_hmac_over_the_suite_agrees_with_wycheproof(suite, file):
    with gzip.open(VECTORS / f"wycheproof_hmac_{file}_test.json.gz") as stored:
        groups = json.load(stored)["testGroups"]
    judged = 0
    for group in groups:
        for case in group["tests"]:
            made = hmac(suite, bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]))
            tag = bytes.fromhex(case["tag"])
            assert (made[: len(tag)] == tag) == (case["result"] == "valid"), case["tcId"]
            judged += 1
    assert judged > 100


@pytest.mark.parametrize(
    ("suite", "algorithm"), [(SHA256, "sha256"), (SM3, "sm3"), (BUNDLED, "sm3")]
)
@given(st.lists(st.binary(max_size=200), max_size=9), st.binary(min_size=64, max_size=64))
def test_leaves_and_nodes_are_hashed_behind_their_prefix(suite, algorithm, entries, pair):
    def plain(content: bytes) -> bytes:
        return hashlib.new(algorithm, content).digest()

    assert suite.leaves(entries) == [suite.leaf(each) for each in entries]
    assert suite.leaves(entries) == [plain(b"\0" + each) for each in entries]
    left, right = pair[:32], pair[32:]
    assert suite.node(left, right) == plain(b"\1" + pair)
    assert suite.parents([left, right, right, left]) == [
        suite.node(left, right),
        suite.node(right, left),
    ]
    assert suite.digest(pair) == plain(pair)


def test_an_odd_number_of_hashes_has_no_parents():
    with pytest.raises(ValueError, match="shorter"):
        SHA256.parents([bytes(32)] * 3)


def test_each_tree_has_a_name_of_its_own():
    assert list(SUITES) == ["sha256", "sm3"]
    assert SHA256.origin("putuo/log") == "putuo/log"
    assert SM3.origin("putuo/log") == "putuo/log/sm3"


def test_where_the_system_knows_no_sm3_the_bundled_one_serves(monkeypatch):
    def unknown(name: str) -> None:
        raise ValueError(f"unsupported hash type {name}")

    assert not isinstance(suites.sm3(), BundledSM3)
    monkeypatch.setattr(suites.hashlib, "new", unknown)
    assert isinstance(suites.sm3(), BundledSM3)
