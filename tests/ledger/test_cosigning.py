"""Cosignatures byte for byte, and that nothing in them can be changed."""

import base64
import hashlib
import struct

import pytest

from ledger.cosigning import signature_of, witness_key
from ledger.signing import (
    Algorithm,
    NoteError,
    TreeHead,
    VerificationKey,
    head_of,
    second_of,
    signed_message,
    split_note,
)
from tests.ledger.small_log import AUDIT, FINANCE, SECONDS, SmallLog

LOG = SmallLog()
TEXT = LOG.head(5).text
ED25519, MLDSA44 = AUDIT.keys
ED, ML = Algorithm.COSIGN_ED25519, Algorithm.COSIGN_MLDSA44
#: The example of the standard: a checkpoint, and the message its witness signs.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
EXAMPLE_MESSAGE = "cosignature/v1\ntime 1679315147\n" + EXAMPLE


def signatures(text: str = TEXT) -> dict[VerificationKey, bytes]:
    _, lines = split_note(text + "\n" + AUDIT.lines(text, SECONDS))
    return {key: signature_of(lines, key) for key in AUDIT.keys}


def test_the_ed25519_message_is_the_one_of_the_standard():
    made = signed_message("witness.example.com/w1", ED, EXAMPLE, 1679315147)
    assert made == EXAMPLE_MESSAGE.encode()


def test_the_mldsa_message_is_the_structure_of_the_standard():
    made = signed_message("witness.example.com/w1", ML, EXAMPLE, 1679315147)
    name, origin = b"witness.example.com/w1", b"example.com/behind-the-sofa"
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert made == (
        b"subtree/v1\n\0"
        + bytes([len(name)]) + name
        + struct.pack(">Q", 1679315147)
        + bytes([len(origin)]) + origin
        + struct.pack(">QQ", 0, 20852163)
        + root
    )  # fmt: skip
    assert len(b"subtree/v1\n\0") == 12


@pytest.mark.parametrize("key", AUDIT.keys, ids=["ed25519", "mldsa44"])
def test_a_key_is_named_by_its_type(key):
    raw = key.name.encode() + b"\n" + key.algorithm.prefix + key.public
    assert key.key_id == hashlib.sha256(raw).digest()[:4]
    assert witness_key(key.text) == VerificationKey.parse(key.text) == key
    assert key.algorithm.prefix == (b"\x04" if key == ED25519 else b"\x06")


@pytest.mark.parametrize("key", AUDIT.keys, ids=["ed25519", "mldsa44"])
def test_a_cosignature_holds_for_its_text_time_and_key_alone(key):
    signature = signatures()[key]
    key.check(TEXT, signature)
    assert second_of(signature) == key.cosigned_second(signature) == SECONDS
    assert len(signature) == 8 + (64 if key.algorithm is ED else 2420)
    for place in (0, 7, 8, len(signature) - 1):
        bent = bytearray(signature)
        bent[place] ^= 1
        with pytest.raises(NoteError):
            key.check(TEXT, bytes(bent))
    with pytest.raises(NoteError, match="does not hold"):
        key.check(LOG.head(6).text, signature)
    other = next(each for each in FINANCE.keys if each.algorithm is key.algorithm)
    with pytest.raises(NoteError, match="does not hold"):
        other.check(TEXT, signature)


def test_only_the_mldsa_form_binds_the_name_of_the_witness():
    for key, signature in signatures().items():
        renamed = VerificationKey("someone.else/w", key.public, key.algorithm)
        if key.algorithm is ED:
            renamed.check(TEXT, signature)
        else:
            with pytest.raises(NoteError):
                renamed.check(TEXT, signature)


def test_extension_lines_are_signed_by_the_ed25519_form():
    text = TEXT + "extension\n"
    made = signatures(text)
    for key, signature in made.items():
        key.check(text, signature)
    with pytest.raises(NoteError):
        ED25519.check(TEXT, made[ED25519])
    MLDSA44.check(TEXT, made[MLDSA44])
    assert head_of(text) == head_of(TEXT) == LOG.head(5)


@pytest.mark.parametrize(
    "text", ["", "a\n", TEXT[:-1], TEXT + "\n", "\n" + TEXT, TEXT + "x\n\ny\n"]
)
def test_what_is_no_checkpoint_is_not_cosigned(text):
    with pytest.raises(NoteError):
        AUDIT.lines(text, SECONDS)


@pytest.mark.parametrize("timestamp", [-1, 2**63])
def test_a_time_that_cannot_be_is_not_signed(timestamp):
    with pytest.raises(NoteError, match="time"):
        AUDIT.lines(TEXT, timestamp)
    with pytest.raises(NoteError, match="time"):
        second_of(struct.pack(">q", -1) + bytes(64))


def test_a_name_longer_than_the_structure_holds_is_refused():
    with pytest.raises(NoteError, match="1 to 255 bytes"):
        signed_message("w" * 256, ML, TEXT, SECONDS)
    long_origin = TreeHead("o" * 256, 1, bytes(32)).text
    with pytest.raises(NoteError, match="1 to 255 bytes"):
        signed_message("w", ML, long_origin, SECONDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "audit",
        "audit+00000000+",
        ED25519.text.replace("audit", "audio"),
        ED25519.text[:-1],
        ED25519.text + "=",
        "a b" + ED25519.text,
        LOG.key.text,
        MLDSA44.text[:-4],
    ],
)
def test_a_damaged_key_of_a_witness_is_refused(text):
    with pytest.raises(NoteError):
        witness_key(text)
