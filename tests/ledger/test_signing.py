import gzip
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import empty_root
from ledger.signing import (
    NoteError,
    Signer,
    TreeHead,
    VerificationKey,
    from_base64,
    open_note,
    split_note,
    to_base64,
)

SIGNATURES = settings.SHARED_DATA_DIR / "vectors" / "signatures"
#: The example of Go's sumdb/note, whose form C2SP signed-note took over.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    SAID + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer("here/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HEAD = TreeHead("here/log", 7, empty_root())
NOTE = SIGNER.sign(HEAD.text)


def test_the_published_note_opens_under_its_key():
    key = VerificationKey.parse(PETER)
    assert key.text == PETER
    assert open_note(SIGNED, key, alone=True) == SAID


@pytest.mark.parametrize("name", ["wycheproof_ed25519_test.json.gz"])
def test_published_signature_vectors_are_judged_rightly(name):
    if not (SIGNATURES / name).exists():
        pytest.skip("the shared vectors are not beside this checkout (SHARED_DATA_DIR)")
    found = json.loads(gzip.decompress((SIGNATURES / name).read_bytes()))
    judged = 0
    for group in found["testGroups"]:
        key = VerificationKey("k", bytes.fromhex(group["publicKey"]["pk"]))
        for case in group["tests"]:
            try:
                text = bytes.fromhex(case["msg"]).decode("utf-8")
            except UnicodeDecodeError:
                continue  # a note is text; a message of other bytes cannot be one
            judged += 1
            if case["result"] == "valid":
                key.check(text, bytes.fromhex(case["sig"]))
            else:
                with pytest.raises(NoteError):
                    key.check(text, bytes.fromhex(case["sig"]))
    assert judged > 80


def test_a_signed_note_opens_and_gives_its_text():
    assert open_note(NOTE, SIGNER.verification, alone=True) == HEAD.text
    assert TreeHead.parse(HEAD.text) == HEAD


def test_another_key_of_the_same_name_does_not_open_it():
    other = Signer(SIGNER.name, Ed25519PrivateKey.generate())
    with pytest.raises(NoteError, match="exactly one"):
        open_note(NOTE, other.verification)


def test_unknown_signatures_are_passed_over_unless_it_must_stand_alone():
    witness = Signer("witness", Ed25519PrivateKey.generate()).sign(HEAD.text)
    both = NOTE + witness.rpartition("\n\n")[2]
    assert open_note(both, SIGNER.verification) == HEAD.text
    with pytest.raises(NoteError, match="exactly one"):
        open_note(both, SIGNER.verification, alone=True)
    twice = NOTE + NOTE.rpartition("\n\n")[2]
    with pytest.raises(NoteError, match="exactly one"):
        open_note(twice, SIGNER.verification)


@pytest.mark.parametrize("place", range(len(NOTE)))
def test_no_character_of_a_note_can_be_changed(place):
    for fresh in "Az0\n ":
        bent = NOTE[:place] + fresh + NOTE[place + 1 :]
        if bent == NOTE:
            continue
        with pytest.raises(NoteError):
            open_note(bent, SIGNER.verification, alone=True)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "text\n\n— \n",
        "text\n\n— here/log\n",
        "text\n\n- here/log AAAA\n",
        "text\n\n— here/log !!!!\n",
        "text\n\n— here/log AAAA\n",
        "te\x00xt\n\n— here/log AAAAAAAA\n",
        "te\rxt\n\n— here/log AAAAAAAA\n",
        NOTE[:-1],
        "x" * 140_000 + NOTE,
        NOTE + NOTE.rpartition("\n\n")[2] * 64,
    ],
)
def test_a_text_that_is_no_note_is_refused(note):
    with pytest.raises(NoteError):
        open_note(note, SIGNER.verification)


@given(st.text(max_size=200))
def test_random_text_is_refused_without_a_fault(text):
    with pytest.raises(NoteError):
        open_note(text, SIGNER.verification)


def test_a_note_with_an_empty_line_in_its_text_is_split_at_the_last():
    text, lines = split_note("a\n\nb\n\n— k AAAAAAAA\n")
    assert (text, lines) == ("a\n\nb\n", [("k", bytes(6))])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "here/log",
        "here/log+00000000+AQ==",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("Peter", "Petra"),
        PETER[:-1],
        PETER.replace("+ARpc", "+BRpc"),
        PETER + "=",
        "Peter Neumann" + PETER[12:],
    ],
)
def test_a_damaged_verification_key_is_refused(text):
    with pytest.raises(NoteError):
        VerificationKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "here/log\n7\n",
        HEAD.text.replace("here/log", ""),
        HEAD.text + "extension\n",
        HEAD.text[:-1],
        HEAD.text.replace("\n7\n", "\n07\n"),
        HEAD.text.replace("\n7\n", "\n-7\n"),
        HEAD.text.replace("\n7\n", "\n７\n"),
        HEAD.text.replace("\n7\n", "\n\n"),
        HEAD.text.replace("\n7\n", f"\n{2**63}\n"),
        HEAD.text.replace("\n7\n", "\n" + "9" * 5000 + "\n"),
        f"here/log\n7\n{to_base64(b'short')}\n",
        "here/log\n7\nnot base64\n",
    ],
)
def test_a_checkpoint_in_any_other_form_is_refused(text):
    with pytest.raises(NoteError):
        TreeHead.parse(text)


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", " QQ==", "Q*==", "QUE=="])
def test_base64_has_one_spelling(text):
    with pytest.raises(NoteError):
        from_base64(text)


@given(st.binary(max_size=80))
def test_base64_reads_back(raw):
    assert from_base64(to_base64(raw)) == raw


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2028b"])
def test_a_name_that_would_break_a_line_signs_nothing(name):
    with pytest.raises(NoteError):
        Signer(name, SIGNER.private).sign("text\n")


def test_a_text_without_a_line_end_is_not_signed():
    with pytest.raises(NoteError):
        SIGNER.sign("text")
