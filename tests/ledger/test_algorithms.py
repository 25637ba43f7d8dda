"""Every kind of signature under a note: its message byte for byte, and that nothing bends."""

import base64
import gzip
import hashlib
import json
import subprocess
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from ledger import sm2
from ledger.notes import DASH, note_of, signature_line, speaks_for_a_tree
from ledger.refusals import Broken
from ledger.signing import (
    Algorithm,
    NoteError,
    Signer,
    TreeHead,
    VerificationKey,
    open_all,
    open_note,
    split_note,
)
from ledger.sm2 import Sm2PrivateKey

CCTV = settings.SHARED_DATA_DIR / "vectors" / "signatures" / "cctv_ed25519vectors.json.gz"
AT = datetime(2026, 10, 1, 1, 2, 3, 999999, tzinfo=UTC)
SECOND = 1790816523
ORIGIN = "here/log"
HEAD = TreeHead(ORIGIN, 7, bytes(range(32)))
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MLDSA = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
SIGNERS = {
    "ed25519": Signer(ORIGIN, ED25519),
    "cosignature": Signer("witness/w1", ED25519, Algorithm.COSIGN_ED25519),
    "ml-dsa": Signer(ORIGIN, MLDSA),
    "sm2": Signer(ORIGIN, Sm2PrivateKey.generate()),
}
#: The example of C2SP tlog-cosignature: a log's line and a witness's cosignature.
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiI"
    "Doe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def blob(note: str) -> bytes:
    return split_note(note)[1][0][1]


def public_of(private) -> bytes:
    return private.public_key().public_bytes_raw()


@pytest.mark.parametrize("name", SIGNERS)
def test_a_note_opens_under_its_key_and_its_key_reads_back(name):
    signer = SIGNERS[name]
    note = signer.sign(HEAD.text, AT)
    assert open_note(note, signer.verification, alone=True) == HEAD.text
    assert VerificationKey.parse(signer.verification.text) == signer.verification
    timed = name in ("cosignature", "ml-dsa")
    assert signer.verification.cosigned_second(blob(note)[4:]) == (SECOND if timed else 0)


@pytest.mark.parametrize("name", SIGNERS)
def test_no_byte_of_a_signature_line_can_be_changed(name):
    signer = SIGNERS[name]
    raw = blob(signer.sign(HEAD.text, AT))
    for place in range(len(raw)):
        bent = bytearray(raw)
        bent[place] ^= 1 << (place % 8)
        note = note_of(HEAD.text, [signature_line(signer.name, bytes(bent))])
        with pytest.raises(NoteError):
            open_note(note, signer.verification)
    for other in (raw[:-1], raw + b"\x00", raw[:4]):
        with pytest.raises(NoteError):
            open_note(note_of(HEAD.text, [f"{DASH}{signer.name} {base64.b64encode(other).decode()}"
                                          "\n"]), signer.verification)  # fmt: skip


@pytest.mark.parametrize("name", SIGNERS)
def test_no_character_of_the_text_or_the_name_can_be_changed(name):
    signer = SIGNERS[name]
    note = signer.sign(HEAD.text, AT)
    head = len(HEAD.text) + 1 + len(DASH) + len(signer.name)
    for place in range(head):
        for fresh in "x9\n":
            bent = note[:place] + fresh + note[place + 1 :]
            if bent != note:
                with pytest.raises(NoteError):
                    open_note(bent, signer.verification)


def test_the_line_of_an_ed25519_cosignature_is_that_of_the_specification():
    raw = blob(SIGNERS["cosignature"].sign(HEAD.text, AT))
    message = f"cosignature/v1\ntime {SECOND}\n{HEAD.text}".encode()
    named = b"witness/w1\n\x04" + public_of(ED25519)
    assert raw[:4] == hashlib.sha256(named).digest()[:4]
    assert raw[4:12] == SECOND.to_bytes(8)
    assert raw[12:] == ED25519.sign(message)


def test_the_line_of_an_mldsa_cosignature_is_that_of_the_specification():
    raw = blob(SIGNERS["ml-dsa"].sign(HEAD.text, AT))
    message = (
        b"subtree/v1\n\0"
        + b"\x08here/log"
        + SECOND.to_bytes(8)
        + b"\x08here/log"
        + (0).to_bytes(8)
        + (7).to_bytes(8)
        + HEAD.root
    )
    named = b"here/log\n\x06" + public_of(MLDSA)
    assert raw[:4] == hashlib.sha256(named).digest()[:4]
    assert (raw[4:12], len(raw)) == (SECOND.to_bytes(8), 4 + 8 + 2420)
    MLDSA44PublicKey.from_public_bytes(public_of(MLDSA)).verify(raw[12:], message)


def test_the_line_of_an_sm2_signature_stands_under_the_byte_left_free():
    signer = SIGNERS["sm2"]
    raw = blob(signer.sign(HEAD.text))
    kind = b"\xffgm/sm2-sm3/v1"
    assert raw[:4] == hashlib.sha256(b"here/log\n" + kind + signer.private.public).digest()[:4]
    assert base64.b64decode(signer.verification.text.split("+", 2)[2]).startswith(kind + b"\x04")
    sm2.verify(signer.private.public, raw[4:], HEAD.text.encode())


def test_the_published_example_is_read_with_its_time():
    text, lines = split_note(PUBLISHED)
    assert TreeHead.parse(text).size == 20852163
    witness = VerificationKey("witness.example.com/w1", bytes(32), Algorithm.COSIGN_ED25519)
    assert witness.cosigned_second(lines[1][1][4:]) == 1679315147


def test_a_key_of_one_kind_is_no_key_of_another():
    plain, timed = SIGNERS["ed25519"].verification, SIGNERS["cosignature"].verification
    assert plain.public == timed.public
    note = SIGNERS["ed25519"].sign(HEAD.text)
    as_timed = VerificationKey(plain.name, plain.public, Algorithm.COSIGN_ED25519)
    with pytest.raises(NoteError, match="exactly one"):
        open_note(note, as_timed)


@pytest.mark.parametrize(
    "text", ["any text\n", "a\n7\n", HEAD.text + "extension\n", f"{'o' * 256}\n7\n{'A' * 43}=\n"]
)
def test_an_mldsa_key_signs_nothing_but_checkpoints(text):
    with pytest.raises(NoteError):
        SIGNERS["ml-dsa"].sign(text, AT)


def test_a_cosignature_needs_its_moment():
    for name in ("cosignature", "ml-dsa"):
        for at in (None, datetime(2026, 10, 1)):  # noqa: DTZ001 - a moment without its zone
            with pytest.raises(Broken, match="when it was made"):
                SIGNERS[name].sign(HEAD.text, at)


def test_a_time_beyond_all_times_is_refused():
    key = SIGNERS["cosignature"].verification
    with pytest.raises(NoteError, match="no possible time"):
        key.check(HEAD.text, (2**63).to_bytes(8) + bytes(64))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x01", b"\x01" + bytes(31), b"\x01" + bytes(33), b"\x02" + bytes(32),
        b"\x04" + bytes(31), b"\x05" + bytes(32), b"\x06" + bytes(1311), b"\x06" + bytes(1313),
        b"\xff" + bytes(65), b"\xffgm/sm2-sm3/v2\x04" + bytes(64),
        b"\xffgm/sm2-sm3/v1" + bytes(65), b"\xffgm/sm2-sm3/v1\x04" + bytes(64),
        b"\xffgm/sm2-sm3/v1\x04" + bytes(63),
    ],
)  # fmt: skip
def test_a_key_of_another_kind_length_or_curve_is_refused(raw):
    key_id = hashlib.sha256(b"here/log\n" + raw).hexdigest()[:8]
    with pytest.raises(NoteError):
        VerificationKey.parse(f"here/log+{key_id}+{base64.b64encode(raw).decode()}")


def lines(*names: str) -> list[str]:
    return [SIGNERS[each].line(HEAD.text, AT) for each in names]


def keys(*names: str) -> list[VerificationKey]:
    return [SIGNERS[each].verification for each in names]


def test_all_lines_are_asked_for_and_strictly_no_others():
    note = note_of(HEAD.text, lines("ed25519", "ml-dsa", "sm2", "cosignature"))
    assert open_all(note, keys("ml-dsa", "ed25519")) == HEAD.text
    assert open_all(note, keys("sm2", "ed25519", "cosignature", "ml-dsa"), strict=True) == HEAD.text
    with pytest.raises(NoteError):
        open_all(note, keys("ml-dsa", "ed25519"), strict=True)
    with pytest.raises(NoteError):
        open_all(note, [])
    with pytest.raises(NoteError):
        open_all(note_of(HEAD.text, lines("ed25519")), keys("ml-dsa", "ed25519"))
    twice = note_of(HEAD.text, lines("ed25519", "ed25519"))
    with pytest.raises(NoteError):
        open_all(twice, keys("ed25519", "ml-dsa"), strict=True)


def test_sixteen_signatures_of_the_largest_kind_fit_into_a_note():
    others = [
        Signer(f"witness/{each}", MLDSA44PrivateKey.generate()).line(HEAD.text, AT)
        for each in range(16)
    ]
    note = note_of(HEAD.text, [*lines("ed25519"), *others])
    assert open_note(note, SIGNERS["ed25519"].verification) == HEAD.text


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        (HEAD.text, True),
        (HEAD.text + "extension\n", True),
        ("here/log\n7\nx\n", True),
        ("here/log\n007\n", True),
        ("here/log\n７\n", True),
        ("cosignature/v1\nx\n", True),
        ("here/log/receipt\n{}\n", False),
        ("here/log\n-7\n", False),
        ("", False),
        ("7\n", False),
    ],
)
def test_a_text_that_could_pass_for_a_tree_is_known(text, speaks):
    assert speaks_for_a_tree(text) is speaks


def test_the_openssl_program_agrees_about_ed25519(tmp_path):
    raw = blob(SIGNERS["ed25519"].sign(HEAD.text))
    pem = ED25519.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, content in (("key", pem), ("text", HEAD.text.encode()), ("mark", raw[4:])):
        (tmp_path / name).write_bytes(content)
    how = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", str(tmp_path / "key")]
    how += ["-in", str(tmp_path / "text"), "-sigfile", str(tmp_path / "mark")]
    assert subprocess.run(how, capture_output=True, timeout=60, check=False).returncode == 0
    (tmp_path / "text").write_bytes(HEAD.text.encode().replace(b"7", b"8"))
    assert subprocess.run(how, capture_output=True, timeout=60, check=False).returncode != 0


def test_the_edges_of_ed25519_are_where_we_say_they_are():
    """The check is the one without cofactor, on canonical R; odd public keys are taken.

    Keys of low order or in another spelling verify where the equation holds: whoever trusts such
    a key trusts everybody, which is why a log's key comes from a trusted place.
    """
    if not CCTV.exists():
        pytest.skip("the shared vectors are not beside this checkout (SHARED_DATA_DIR)")
    cases = json.loads(gzip.decompress(CCTV.read_bytes()))
    for case in cases:
        key = VerificationKey("k", bytes.fromhex(case["key"]))
        refused = {"low_order_residue", "non_canonical_R"} & set(case["flags"] or [])
        try:
            key.check(case["msg"], bytes.fromhex(case["sig"]))
        except NoteError:
            assert refused, case
        else:
            assert not refused, case
    assert len(cases) > 900


def test_the_public_halves_are_those_of_the_library():
    assert SIGNERS["ed25519"].verification.public == public_of(ED25519)
    Ed25519PublicKey.from_public_bytes(SIGNERS["cosignature"].verification.public)
    assert SIGNERS["ml-dsa"].verification.algorithm is Algorithm.COSIGN_MLDSA44
    assert SIGNERS["sm2"].verification.algorithm is Algorithm.SM2_SM3
