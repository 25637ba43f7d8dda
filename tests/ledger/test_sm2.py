"""SM2 with SM3 against the standard's own example, an independent implementation, and OpenSSL."""

import subprocess
import sys
from pathlib import Path

import gmalg
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.sm2 import DEFAULT_ID, N, P, Sm2Error, Sm2PrivateKey, check_point, verify

ROOT = Path(__file__).resolve().parents[2]
#: GB/T 32918.5-2017, appendix A.2: the example of a signature.
SCALAR = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
MESSAGE = b"message digest"
SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
KEY = Sm2PrivateKey(SCALAR, PUBLIC)


def number(value: int) -> bytes:
    return value.to_bytes(32)


def test_the_example_of_the_standard_holds():
    verify(PUBLIC, SIGNATURE, MESSAGE)
    with pytest.raises(Sm2Error):
        verify(PUBLIC, SIGNATURE, MESSAGE + b".")


@pytest.mark.parametrize("place", range(64))
def test_no_byte_of_a_signature_can_be_changed(place):
    for flip in (0x01, 0x80):
        bent = bytearray(SIGNATURE)
        bent[place] ^= flip
        with pytest.raises(Sm2Error):
            verify(PUBLIC, bytes(bent), MESSAGE)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_what_is_signed_here_holds_and_nothing_else(message):
    signature = KEY.sign(message)
    verify(PUBLIC, signature, message)
    with pytest.raises(Sm2Error):
        verify(PUBLIC, signature, message + b"\x00")
    with pytest.raises(Sm2Error):
        verify(Sm2PrivateKey.generate().public, signature, message)


def test_the_id_of_the_signer_is_part_of_what_is_signed():
    signature = KEY.sign(MESSAGE, b"somebody@else")
    verify(PUBLIC, signature, MESSAGE, b"somebody@else")
    with pytest.raises(Sm2Error):
        verify(PUBLIC, signature, MESSAGE)


@pytest.mark.parametrize("message", [b"", b"x", "普陀区".encode(), bytes(1000)])
def test_an_implementation_in_plain_python_agrees_both_ways(message):
    other = gmalg.SM2(SCALAR, DEFAULT_ID, PUBLIC)
    verify(PUBLIC, b"".join(other.sign(message)), message)
    ours = KEY.sign(message)
    assert other.verify(message, ours[:32], ours[32:])
    assert not other.verify(message + b".", ours[:32], ours[32:])


R, S = SIGNATURE[:32], SIGNATURE[32:]
ILL_FORMED = {
    "empty": b"",
    "too short": SIGNATURE[:-1],
    "too long": SIGNATURE + b"\x00",
    "in DER": encode_dss_signature(int.from_bytes(R), int.from_bytes(S)),
    "r is zero": number(0) + S,
    "s is zero": R + number(0),
    "both are zero": bytes(64),
    "r is the order": number(N) + S,
    "s is the order": R + number(N),
    "r above the order": number(2**256 - 1) + S,
    "s above the order": R + number(2**256 - 1),
    "r and s together are the order": R + number(N - int.from_bytes(R)),
    "r and s exchanged": S + R,
}


@pytest.mark.parametrize("name", ILL_FORMED)
def test_a_signature_out_of_form_is_refused(name):
    with pytest.raises(Sm2Error):
        verify(PUBLIC, ILL_FORMED[name], MESSAGE)


NO_POINTS = {
    "empty": b"",
    "too short": PUBLIC[:-1],
    "too long": PUBLIC + b"\x00",
    "compressed": b"\x03" + PUBLIC[1:33],
    "hybrid": b"\x06" + PUBLIC[1:],
    "infinity": b"\x04" + bytes(64),
    "beside the curve": PUBLIC[:-1] + b"\x14",
    "x not reduced": b"\x04" + number(P + 1) + PUBLIC[33:],
    "y not reduced": PUBLIC[:33] + number(P),
}


@pytest.mark.parametrize("name", NO_POINTS)
def test_what_is_no_point_of_the_curve_is_no_key(name):
    with pytest.raises(Sm2Error):
        check_point(NO_POINTS[name])
    with pytest.raises(Sm2Error):
        verify(NO_POINTS[name], SIGNATURE, MESSAGE)


def test_a_key_is_kept_as_the_pem_that_openssl_writes(tmp_path):
    key = Sm2PrivateKey.generate()
    assert Sm2PrivateKey.from_pem(key.to_pem()) == key
    assert Sm2PrivateKey.from_pem(key.to_pem().replace(b"\n", b"\r\n")) == key
    assert key != Sm2PrivateKey.generate()
    assert key.scalar.hex() not in repr(key)
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    written = openssl("pkcs8", "-topk8", "-nocrypt", "-in", str(tmp_path / "key.pem"))
    assert written == key.to_pem()


PEM = KEY.to_pem()
ED25519_PEM = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
"""


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"\xff",
        PEM[:-1],
        PEM[1:],
        PEM.replace(b"MIGH", b"MIGI"),
        PEM.replace(b"M", b"*"),
        ED25519_PEM,
        Sm2PrivateKey(number(0), PUBLIC).to_pem(),
        Sm2PrivateKey(number(N - 1), PUBLIC).to_pem(),
        Sm2PrivateKey(number(5), PUBLIC).to_pem(),
        Sm2PrivateKey(SCALAR, NO_POINTS["beside the curve"]).to_pem(),
    ],
)
def test_a_file_that_is_no_such_key_is_refused(pem):
    with pytest.raises(Sm2Error):
        Sm2PrivateKey.from_pem(pem)


def openssl(*arguments: str) -> bytes:
    return subprocess.run(
        ["openssl", *arguments], check=True, capture_output=True, timeout=60
    ).stdout


def test_the_openssl_program_checks_our_signature_and_we_check_its(tmp_path):
    text, mark, pem = tmp_path / "text", tmp_path / "signature", tmp_path / "key.pem"
    text.write_bytes(MESSAGE)
    pem.write_bytes(KEY.to_pem())
    ours = KEY.sign(MESSAGE)
    r, s = int.from_bytes(ours[:32]), int.from_bytes(ours[32:])
    mark.write_bytes(encode_dss_signature(r, s))
    how = ["-inkey", str(pem), "-rawin", "-digest", "sm3", "-in", str(text)]
    how += ["-pkeyopt", f"distid:{DEFAULT_ID.decode()}"]
    assert b"Successfully" in openssl("pkeyutl", "-verify", "-sigfile", str(mark), *how)
    theirs = decode_dss_signature(openssl("pkeyutl", "-sign", *how))
    verify(PUBLIC, b"".join(map(number, theirs)), MESSAGE)


def test_an_openssl_without_the_algorithm_is_told_plainly(tmp_path):
    """A real OpenSSL that was configured to load none of its usual algorithms."""
    (tmp_path / "openssl.cnf").write_text(
        "openssl_conf = begin\n[begin]\nproviders = only\n[only]\nnull = on\n[on]\nactivate = 1\n"
    )
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c",
         "from ledger.sm2 import *\n"
         "from ledger.refusals import Broken\n"
         "key = Sm2PrivateKey(bytes(31) + b'\\x05', bytes.fromhex('" + PUBLIC.hex() + "'))\n"
         "for act in (Sm2PrivateKey.generate, lambda: key.sign(b''),\n"
         "            lambda: verify(key.public, bytes.fromhex('" + SIGNATURE.hex() + "'), b'')):\n"
         "    try: act()\n"
         "    except Broken as broken: print(broken)"],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "OPENSSL_CONF": str(tmp_path / "openssl.cnf"),
             "HOME": str(tmp_path)},
    )  # fmt: skip
    assert told.stdout.count("SM2") == 3, told.stderr
