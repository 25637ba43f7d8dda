"""Time stamp tokens: made by OpenSSL, checked by OpenSSL and by our rule, and tampered with."""

import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from deploy.time_authority import TimeAuthority, openssl
from ledger.tokens import (
    MAX_TOKEN_BYTES,
    NationalToken,
    Stamp,
    Token,
    TokenError,
    brackets,
    digest_of,
    outside,
    read_roots,
    request_for,
    verify_token,
)

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl command here")
NOTE = "shuanli.test/ledger\n7\nroot\n\n— shuanli.test/ledger AAAA\n".encode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = TimeAuthority(tmp_path_factory.mktemp("tsa"))
    made.make()
    return made


@pytest.fixture(scope="module")
def roots(authority):
    return read_roots(authority.root.read_bytes())


@pytest.fixture(scope="module")
def token(authority):
    return authority.answer(request_for(NOTE).body)


def test_a_token_tells_who_stamped_what_and_when(authority, roots):
    request = request_for(NOTE)
    told = verify_token(authority.answer(request.body), NOTE, roots, nonce=request.nonce)
    assert abs(told.at - datetime.now(UTC)) < timedelta(minutes=2)
    assert told.digest == digest_of(NOTE)
    assert told.authority == "CN=测试时间戳机构,O=测试,C=CN"
    assert told.policy == "1.2.3.4.1"


def test_openssl_reads_our_request_and_accepts_the_token(authority, token, tmp_path):
    asked = openssl_text("-query", request_for(NOTE).body, tmp_path)
    assert "Hash Algorithm: sha256" in asked
    assert openssl_verify(authority, token, NOTE, tmp_path) == "Verification: OK"
    with pytest.raises(subprocess.CalledProcessError):
        openssl_verify(authority, token, NOTE + b"x", tmp_path)


def openssl_text(kind: str, content: bytes, folder) -> str:
    (folder / "in").write_bytes(content)
    return openssl("ts", kind, "-in", str(folder / "in"), "-text").decode()


def openssl_verify(authority: TimeAuthority, token: bytes, stamped: bytes, folder) -> str:
    (folder / "token").write_bytes(token)
    (folder / "stamped").write_bytes(stamped)
    words = ("-in", str(folder / "token"), "-data", str(folder / "stamped"))
    return openssl("ts", "-verify", *words, "-CAfile", str(authority.root)).decode().strip()


def test_a_token_over_other_bytes_or_of_another_request_is_refused(token, roots):
    with pytest.raises(TokenError, match="Mismatch between messages"):
        verify_token(token, NOTE + b" ", roots)
    with pytest.raises(TokenError, match="Nonce"):
        verify_token(token, NOTE, roots, nonce=5)


def test_a_token_of_an_authority_we_do_not_trust_is_refused(token, tmp_path):
    other = TimeAuthority(tmp_path / "other", "另一机构")
    other.make()
    with pytest.raises(TokenError):
        verify_token(token, NOTE, read_roots(other.root.read_bytes()))
    with pytest.raises(TokenError):
        verify_token(token, NOTE, [])


def reissue(authority: TimeAuthority, folder, **change) -> TimeAuthority:
    """Make an authority under the same root whose certificate differs in one thing."""
    shutil.copytree(authority.folder, folder)
    made = TimeAuthority(folder)
    settings = folder / "tsa.cnf"
    settings.write_text(settings.read_text().replace(str(authority.folder), str(folder)))
    ca = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    old = x509.load_pem_x509_certificate((folder / "tsa.pem").read_bytes())
    key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    day = timedelta(days=1)
    begin = datetime.now(UTC) - 30 * day
    builder = (
        x509.CertificateBuilder()
        .issuer_name(ca.subject)
        .subject_name(old.subject)
        .public_key(old.public_key())
        .serial_number(9)
        .not_valid_before(begin)
        .not_valid_after(begin + change.get("days", 60) * day)
    )
    for each in old.extensions:
        value = change.get("usage", each.value) if "Extended" in str(each) else each.value
        builder = builder.add_extension(value, each.critical)
    signed = builder.sign(key, hashes.SHA256())
    (folder / "tsa.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    return made


def test_a_certificate_that_had_expired_when_it_stamped_is_refused(authority, roots, tmp_path):
    expired = reissue(authority, tmp_path / "expired", days=10)
    with pytest.raises(TokenError):
        verify_token(expired.answer(request_for(NOTE).body), NOTE, roots)
    sound = reissue(authority, tmp_path / "sound", days=60)
    assert verify_token(sound.answer(request_for(NOTE).body), NOTE, roots).digest


def test_a_refusal_of_the_authority_is_no_token(authority, roots):
    refused = authority.answer(b"0\x03\x02\x01\x01")
    with pytest.raises(TokenError):
        verify_token(refused, NOTE, roots)


def test_every_bit_turned_is_refused_or_says_the_same(token, roots):
    told = verify_token(token, NOTE, roots)
    passed = 0
    for place in range(len(token)):
        bent = bytearray(token)
        bent[place] ^= 1 << place % 8
        try:
            assert verify_token(bytes(bent), NOTE, roots) == told
            passed += 1
        except TokenError:
            continue
    assert passed < 20  # version numbers and the name of the algorithm, which the key decides


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_without_a_fault(raw):
    with pytest.raises(TokenError):
        verify_token(raw, NOTE, [])


def test_a_token_cut_or_with_rubbish_is_refused(token, roots):
    rolls = random.Random(7)
    for _ in range(60):
        end = rolls.randrange(len(token))
        with pytest.raises(TokenError):
            verify_token(token[:end], NOTE, roots)
    with pytest.raises(TokenError):
        verify_token(token + b"x", NOTE, roots)
    with pytest.raises(TokenError, match="too large"):
        verify_token(token + bytes(MAX_TOKEN_BYTES), NOTE, roots)


@pytest.mark.parametrize("pem", [b"", b"rubbish", bytes(300_000)])
def test_a_file_without_certificates_is_refused(pem):
    with pytest.raises(TokenError):
        read_roots(pem)


def test_a_token_signed_with_sm2_needs_a_module_that_knows_it():
    raw = b"opaque" + bytes.fromhex("06082a811ccf55018375")
    with pytest.raises(NationalToken, match="SM2"):
        verify_token(raw, NOTE, [])
    stated = Token(datetime.now(UTC), digest_of(NOTE), "national", "1", "1.2")
    assert verify_token(raw, NOTE, [], national=lambda _raw, _stamped: stated) is stated


T = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAMPS = [Stamp(10, T), Stamp(20, T + HOUR), Stamp(30, T + 2 * HOUR)]


@pytest.mark.parametrize(
    ("index", "at", "sound"),
    [
        (0, T - 100 * HOUR, True),
        (9, T, True),
        (9, T + HOUR, False),
        (10, T + HOUR / 2, True),
        (10, T - HOUR, False),
        (19, T + 2 * HOUR, False),
        (29, T + 2 * HOUR, True),
        (30, T + 99 * HOUR, True),
        (30, T + HOUR, False),
    ],
)
def test_an_entry_lies_between_the_neighbouring_tokens(index, at, sound):
    found = list(outside([(index, at)], STAMPS))
    assert (found == []) is sound


def test_entries_in_order_are_judged_each_by_its_bracket():
    honest = [(each, T + (each - 10) * HOUR / 10) for each in range(40)]
    assert list(outside(honest, STAMPS)) == []
    bent = [*honest[:25], (25, T - 500 * HOUR), *honest[26:]]
    ((index, at, bracket),) = outside(bent, STAMPS)
    assert (index, at) == (25, T - 500 * HOUR)
    assert (bracket.first, bracket.end) == (20, 30)


def test_the_earliest_word_on_a_size_counts_and_no_tree_is_younger_than_a_larger_one():
    told = brackets([Stamp(10, T + 5 * HOUR), Stamp(10, T), Stamp(20, T - HOUR)], HOUR)
    assert [(each.first, each.end) for each in told] == [(0, 10), (10, 20), (20, None)]
    assert told[0].not_after == T
    assert told[0].not_before is None
    assert told[2].not_before == T - 2 * HOUR
    assert told[2].not_after is None
    assert [each.holds(T) for each in brackets([], HOUR)] == [True]
