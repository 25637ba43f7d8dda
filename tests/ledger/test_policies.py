"""Trust policies: read strictly, written in one spelling, judged as the standard says."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.policies import (
    KnownLog,
    Policy,
    PolicyError,
    judge,
    parse_policy,
    policy_of,
    satisfied,
)
from ledger.signing import NoteError
from tests.ledger.small_log import AUDIT, FINANCE, SECONDS, SmallLog

LOG = SmallLog()
OTHER = SmallLog("other.test/ledger", seed=3)
(A, A_PQ), (B, B_PQ) = AUDIT.keys, FINANCE.keys
NOTE = LOG.note(5)
AUDITED = NOTE + AUDIT.lines(LOG.head(5).text, SECONDS)
BOTH = AUDITED + FINANCE.lines(LOG.head(5).text, SECONDS + 1)
START = f"log {LOG.key.text}\nwitness a {A.text}\nwitness b {B.text} http://127.0.0.1:1\n"


def read(text: str) -> Policy:
    return parse_policy(text.encode())


def test_a_policy_reads_back_from_its_own_spelling():
    policy = read(START + "\n # a comment\n\tgroup  both\tall a b \nquorum both\n")
    assert policy.groups[0].threshold == 2
    assert policy.witnesses[1].url == "http://127.0.0.1:1"
    assert read(policy.text) == policy
    assert policy.text.endswith("group both 2 a b\nquorum both\n")


@pytest.mark.parametrize(
    ("rule", "alone", "together"),
    [
        ("quorum none\n", True, True),
        ("quorum a\n", True, True),
        ("quorum b\n", False, True),
        ("group g any a b\nquorum g\n", True, True),
        ("group g all a b\nquorum g\n", False, True),
        ("group g 1 a b\nquorum g\n", True, True),
        ("group g 2 a b\nquorum g\n", False, True),
        ("group x any b\ngroup g all x a\nquorum g\n", False, True),
        ("group x any a\ngroup g any x b\nquorum g\n", True, True),
    ],
)
def test_a_quorum_counts_as_the_standard_says(rule, alone, together):
    policy = read(START + rule)
    assert satisfied(AUDITED, policy) is alone
    assert satisfied(BOTH, policy) is together
    assert satisfied(NOTE, policy) is (rule == "quorum none\n")


def test_a_judgement_names_who_signed_and_when():
    found = judge(BOTH, read(START + "quorum none\n"))
    assert (found.log, found.head) == (LOG.key, LOG.head(5))
    assert dict(found.witnesses) == {"a": SECONDS, "b": SECONDS + 1}


def test_a_checkpoint_of_an_unknown_log_is_never_satisfied():
    policy = read(START + "quorum none\n")
    assert not satisfied(OTHER.note(5), policy)
    assert not satisfied(SmallLog(seed=4).note(5), policy)
    assert judge(OTHER.note(5), policy).quorum_met
    assert not satisfied(NOTE, read("quorum none\n"))


@pytest.mark.parametrize("place", [-2, -200, len(NOTE) + 60])
def test_a_wrong_signature_under_a_known_key_spoils_the_note(place):
    bent = AUDITED[:place] + ("A" if AUDITED[place] != "A" else "B") + AUDITED[place + 1 :]
    policy = parse_policy(f"{START}witness pq {A_PQ.text}\nquorum none\n".encode())
    with pytest.raises(NoteError):
        satisfied(bent, policy)


def test_a_witness_counts_only_under_the_key_that_the_policy_knows():
    policy = read(f"log {LOG.key.text}\nwitness pq {A_PQ.text}\nquorum pq\n")
    assert satisfied(AUDITED, policy)
    assert not satisfied(NOTE + FINANCE.lines(LOG.head(5).text, SECONDS), policy)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cut off"),
        ("quorum none", "cut off"),
        (START, "no quorum"),
        ("quorum a\n", "not defined"),
        (START + "quorum c\n", "not defined"),
        (START + "quorum a\nquorum b\n", "exactly one"),
        (START + "quorum\n", "exactly one"),
        (START + "group g all a c\nquorum g\n", "not defined"),
        (START + "group g all g\nquorum g\n", "not defined"),
        (START + "group g 3 a b\nquorum g\n", "threshold"),
        (START + "group g 0 a b\nquorum g\n", "threshold"),
        (START + "group g 01 a b\nquorum g\n", "threshold"),
        (START + "group g some a b\nquorum g\n", "threshold"),
        (START + "group g all\nquorum g\n", "group line"),
        (START + "group g all a a\nquorum g\n", "member twice"),
        (START + "group g all a\ngroup h all a\nquorum g\n", "member twice"),
        (START + "group a all b\nquorum a\n", "taken"),
        (START + "group none all b\nquorum none\n", "taken"),
        (START + "group g all none\nquorum g\n", "not defined"),
        (START + f"witness a {A_PQ.text}\nquorum a\n", "taken"),
        (START + f"witness c {A.text}\nquorum a\n", "twice"),
        (START + f"log {LOG.key.text}\nquorum a\n", "twice"),
        (START + f"witness c {LOG.key.text}\nquorum a\n", "not one for cosignatures"),
        (START + "witness c\nquorum a\n", "witness line"),
        (START + "log\nquorum a\n", "log line"),
        (START + "log x\nquorum a\n", "line 4"),
        (START + "quorum a\r\n", "control"),
        (START + "quorum\x0ba\n", "control"),
        (START + "trust a\nquorum a\n", "unknown word"),
        (START + "quorum\u00a0a\n", "unknown word"),
        ("#\n" * 2_000 + "quorum none\n", "too large"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_policy_is_refused_with_the_reason(text, told):
    with pytest.raises(PolicyError, match=told):
        read(text)


@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_refused_but_never_a_fault(raw):
    with contextlib.suppress(PolicyError):
        assert parse_policy(raw).quorum


def test_names_are_opaque_octets():
    kelvin = f"witness \u212a {A.text}\nwitness K {B.text}\nquorum \u212a\n".encode()
    assert parse_policy(kelvin).quorum == "\u212a"
    odd = b"witness \xff " + A.text.encode() + b"\nquorum \xff\n"
    policy = parse_policy(odd)
    assert policy.text.encode("utf-8", "surrogateescape") == odd


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_plain_list_of_witnesses_asks_for_more_than_half(count):
    keys = [(f"http://127.0.0.1:{port}", key) for port, key in ((1, A), (1, A_PQ), (2, B))]
    chosen = {0: [], 1: keys[:2], 2: keys, 3: [*keys, ("http://127.0.0.1:3", B_PQ)]}[count]
    policy = policy_of(chosen, [KnownLog(LOG.key)])
    bodies = [AUDIT, FINANCE]
    for present in itertools.product([False, True], repeat=2):
        note = NOTE + "".join(
            body.lines(LOG.head(5).text, SECONDS)
            for body, there in zip(bodies, present, strict=True)
            if there
        )
        voices = {0: 0, 1: int(present[0]), 2: sum(present), 3: present[0] + 2 * present[1]}[count]
        assert satisfied(note, policy) is (count == 0 or voices > count // 2)
