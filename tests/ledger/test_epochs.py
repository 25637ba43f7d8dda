"""Which keys sign at which size: the rule that the sealer and every verifier share."""

from collections.abc import Mapping
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ledger.epochs import active_keys, endorsement_text, read_history, signs_texts, suite_of
from ledger.signing import Algorithm, Signer, TreeHead, VerificationKey, open_all
from ledger.sm2 import Sm2PrivateKey
from tests.ledger.making import AT

LOG = "here/log"
OFFICERS = {"approvals": [{"kind": "user", "id": each, "role": "x"} for each in ("u-1", "u-2")]}


@cache
def ed(number: int) -> Signer:
    return Signer(LOG, Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


@cache
def ml(number: int) -> Signer:
    return Signer(LOG, MLDSA44PrivateKey.from_seed_bytes(bytes([number]) * 32))


@cache
def sm(number: int) -> Signer:
    return Signer(f"{LOG}/sm3", Sm2PrivateKey.generate()) if number else sm(1)


def entry(act: str, signer: Signer, by: Signer | None = None, **change) -> Mapping:
    key = signer.verification
    body = {
        "vkey": key.text,
        "algorithm": key.algorithm.title,
        "key_id": key.key_id.hex(),
        "suite": suite_of(key.algorithm),
    }
    if by:
        body["endorsement"] = by.sign(endorsement_text(LOG, f"key.{act}", key.text))
    body |= change.pop("body", {})
    return {"type": f"key.{act}", "log": LOG, "auth": None, "body": body} | change


def log(*entries: tuple[int, Mapping]) -> list[tuple[int, Mapping]]:
    return list(entries)


FIRST = (
    (0, entry("introduce", ed(1))),
    (1, entry("introduce", ml(1), ed(1))),
    (2, entry("introduce", sm(1), ed(1))),
)
NEXT = (10, entry("introduce", ed(2), ed(1), auth=OFFICERS))
GONE = (20, entry("retire", ed(1), ed(2), auth=OFFICERS))


def active(entries, size: int, suite: str = "sha256") -> list[VerificationKey]:
    return active_keys(entries, size, suite)


def keys(*signers: Signer) -> list[VerificationKey]:
    return [each.verification for each in signers]


def test_the_first_keys_sign_from_the_beginning():
    assert active(FIRST, 1) == keys(ed(1))
    assert active(FIRST, 2) == keys(ed(1), ml(1))
    assert active(FIRST, 1, "sm3") == active(FIRST, 99, "sm3") == keys(sm(1))
    assert active([], 1) == []
    assert read_history(FIRST).faults == []


def test_before_during_and_after_the_overlap_exactly_the_right_keys_sign():
    entries = [*FIRST, NEXT, GONE]
    for size, expected in ((2, keys(ed(1), ml(1))), (10, keys(ed(1), ml(1))),
                           (11, keys(ed(1), ed(2), ml(1))), (20, keys(ed(1), ed(2), ml(1))),
                           (21, keys(ed(2), ml(1))), (9999, keys(ed(2), ml(1)))):  # fmt: skip
        assert active(entries, size) == expected, size


def test_a_line_of_a_retired_key_is_refused_at_a_later_size():
    entries = [*FIRST, NEXT, GONE]
    for size, good in ((20, True), (21, False)):
        head = TreeHead(LOG, size, bytes(32))
        note = f"{head.text}\n" + "".join(
            each.line(head.text, AT) for each in (ed(1), ed(2), ml(1))
        )
        try:
            open_all(note, active(entries, size), strict=True)
        except ValueError:
            assert not good
        else:
            assert good


def test_an_old_log_with_one_key_is_joined_by_the_others_later():
    bare = {"type": "key.introduce", "log": LOG, "auth": None,
            "body": {"vkey": ed(1).verification.text, "algorithm": "Ed25519",
                     "key_id": ed(1).verification.key_id.hex()}}  # fmt: skip
    entries = [(3, bare), (50, entry("introduce", ml(1), ed(1))),
               (51, entry("introduce", sm(1), ed(1)))]  # fmt: skip
    assert active(entries, 1) == active(entries, 50) == keys(ed(1))
    assert active(entries, 51) == keys(ed(1), ml(1))
    assert active(entries, 4, "sm3") == keys(sm(1))


def test_a_key_of_any_kind_may_be_replaced():
    entries = [
        *FIRST,
        (5, entry("introduce", ml(2), ed(1), auth=OFFICERS)),
        (6, entry("introduce", sm(2), sm(1), auth=OFFICERS)),
        (8, entry("retire", ml(1), ed(1), auth=OFFICERS)),
        (9, entry("retire", sm(1), sm(2), auth=OFFICERS)),
    ]
    assert read_history(entries).faults == []
    assert active(entries, 10) == keys(ed(1), ml(2))
    assert active(entries, 10, "sm3") == keys(sm(2))
    assert active(entries, 8, "sm3") == keys(sm(1), sm(2))


ONE = {"approvals": OFFICERS["approvals"][:1]}
SAME = {"approvals": OFFICERS["approvals"][:1] * 2}
SYSTEM = {"approvals": [{"kind": "system", "id": each, "role": "x"} for each in ("a", "b")]}
STRANGER = Signer(LOG, Ed25519PrivateKey.from_private_bytes(bytes(32)))
ELSEWHERE = Signer("else/log", ed(2).private)
UNSOUND = {
    "nobody speaks for it": entry("introduce", ed(2), auth=OFFICERS),
    "a stranger speaks for it": entry("introduce", ed(2), STRANGER, auth=OFFICERS),
    "it speaks for itself": entry("introduce", ed(2), ed(2), auth=OFFICERS),
    "nobody approved": entry("introduce", ed(2), ed(1)),
    "one approved": entry("introduce", ed(2), ed(1), auth=ONE),
    "one approved twice": entry("introduce", ed(2), ed(1), auth=SAME),
    "programs approved": entry("introduce", ed(2), ed(1), auth=SYSTEM),
    "the endorsement is for another key": entry(
        "introduce", ed(2), auth=OFFICERS,
        body={"endorsement": ed(1).sign(endorsement_text(LOG, "key.introduce", "x"))}),
    "the endorsement is for another act": entry(
        "introduce", ed(2), auth=OFFICERS,
        body={"endorsement": ed(1).sign(
            endorsement_text(LOG, "key.retire", ed(2).verification.text))}),
    "introduced twice": entry("introduce", ed(1), sm(1), auth=OFFICERS),
    "of another log": entry("introduce", ELSEWHERE, ed(1), auth=OFFICERS),
    "of the other tree": entry("introduce", ed(2), ed(1), auth=OFFICERS, body={"suite": "sm3"}),
    "of no tree": entry("introduce", ed(2), ed(1), auth=OFFICERS, body={"suite": "md5"}),
    "of an odd tree": entry("introduce", ed(2), ed(1), auth=OFFICERS, body={"suite": []}),
    "with another id": entry("introduce", ed(2), ed(1), auth=OFFICERS, body={"key_id": "0"}),
    "with another name": entry("introduce", ed(2), ed(1), auth=OFFICERS,
                               body={"algorithm": "RSA"}),
    "no key at all": entry("introduce", ed(2), ed(1), auth=OFFICERS, body={"vkey": "x"}),
    "an odd key": entry("introduce", ed(2), ed(1), auth=OFFICERS, body={"vkey": None}),
    "an odd endorsement": entry("introduce", ed(2), auth=OFFICERS, body={"endorsement": ["x"]}),
    "odd approvals": entry("introduce", ed(2), ed(1), auth={"approvals": "ab"}),
    "no body": {"type": "key.introduce", "log": LOG, "auth": None},
    "the last key retires": entry("retire", sm(1), ed(1), auth=OFFICERS),
    "an unknown key retires": entry("retire", ed(2), ed(1), auth=OFFICERS),
    "one person retires": entry("retire", ml(1), ed(1), auth=ONE),
    "nobody speaks for the retirement": entry("retire", ml(1), auth=OFFICERS),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSOUND)
def test_what_does_not_count_is_told_and_changes_nothing(name):
    history = read_history([*FIRST, (7, UNSOUND[name])])
    assert [each.index for each in history.faults] == [7]
    assert history.spans == read_history(FIRST).spans


def test_a_retired_key_speaks_for_nobody_and_retires_once():
    entries = [*FIRST, NEXT, GONE]
    later = [(30, entry("introduce", ed(3), ed(1), auth=OFFICERS)),
             (31, entry("retire", ed(1), ed(2), auth=OFFICERS)),
             (32, entry("retire", ed(2), sm(1), auth=OFFICERS)),
             (33, entry("introduce", ed(1), ed(2), auth=OFFICERS))]  # fmt: skip
    assert [each.index for each in read_history([*entries, *later]).faults] == [30, 31, 32, 33]


def test_only_some_kinds_speak_for_others():
    assert [signs_texts(each.verification) for each in (ed(1), ml(1), sm(1))] == [True, False, True]
    with pytest.raises(KeyError):
        suite_of(Algorithm.COSIGN_ED25519)
    history = read_history(FIRST)
    assert history.span_of(ml(1).verification.text).first == 2
    assert history.span_of("x") is None
