"""Three kinds of keys, each in one spelling; weak keys and signatures by public vectors."""

import base64
import gzip
import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from http_message_signatures import HTTPMessageSignaturesException

from ledger import sm2
from providers.edwards import is_sound
from providers.key_forms import (
    FORMS,
    KeyRefused,
    PublicKey,
    holds,
    pinned,
    read_public_key,
)
from tests.providers import world

VECTORS = settings.SHARED_DATA_DIR / "vectors" / "signatures"
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="no public vectors beside the tree")
#: The eight points of small order and every other spelling that decodes to one of them.
SMALL = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def vectors(name: str):
    return json.loads(gzip.decompress((VECTORS / name).read_bytes()))


def pem_of(private) -> str:
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("point", SMALL)
def test_no_point_of_small_order_is_a_key_in_any_spelling(point):
    assert not is_sound(bytes.fromhex(point))
    with pytest.raises(KeyRefused) as refused:
        read_public_key(base64.b64encode(bytes.fromhex(point)).decode())
    assert refused.value.code == "weak_key"


def test_honest_keys_are_sound_and_what_is_no_point_is_not():
    for number in range(20):
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest())
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        assert is_sound(raw)
        assert not is_sound(raw[:31])
    assert not is_sound((2).to_bytes(32, "little")), "y = 2 is beside the curve"


@needs_vectors
def test_every_key_of_the_edge_case_vectors_with_a_small_part_is_refused():
    """CCTV ed25519vectors: keys of small or mixed order, and spellings that are not canonical."""
    found = {True: 0, False: 0}
    for case in vectors("cctv_ed25519vectors.json.gz"):
        strange = {"low_order_component_A", "low_order_A", "non_canonical_A"}
        expected = not strange & set(case["flags"] or [])
        assert is_sound(bytes.fromhex(case["key"])) == expected, case["number"]
        found[expected] += 1
    assert min(found.values()) > 10


@needs_vectors
@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("wycheproof_ed25519_test.json.gz", "ed25519"),
        ("wycheproof_ecdsa_secp256r1_sha256_p1363_test.json.gz", "ecdsa-p256-sha256"),
    ],
)
def test_wycheproof_signatures_hold_or_not_in_exactly_one_spelling(name, algorithm):
    half = 0x7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8
    taken = 0
    for group in vectors(name)["testGroups"]:
        public = group["publicKey"]
        raw = bytes.fromhex(public.get("pk") or public["uncompressed"])
        key = pinned("k", algorithm, base64.b64encode(raw).decode())
        for case in group["tests"]:
            signature = bytes.fromhex(case["sig"])
            high = algorithm != "ed25519" and int.from_bytes(signature[32:]) > half
            try:
                key.form(public_key=key.public).verify(
                    signature=signature, message=bytes.fromhex(case["msg"])
                )
                verdict = "valid"
            except (BadSignature, HTTPMessageSignaturesException, ValueError):
                verdict = "invalid"
            wanted = "invalid" if high else case["result"]
            assert verdict == wanted, (case["tcId"], case["comment"])
            taken += verdict == "valid"
    assert taken > 20


def test_each_kind_is_recognised_by_its_own_form_and_proved():
    challenge = "slq-key-proof:v1:x:y:z"
    curve, national = generate_private_key(SECP256R1()), sm2.Sm2PrivateKey.generate()
    ed = Ed25519PrivateKey.generate()
    made = {
        "ed25519": (pem_of(ed), ed.sign(challenge.encode())),
        "ecdsa-p256-sha256": (pem_of(curve), curve.sign(challenge.encode(), ECDSA(SHA256()))),
        "sm2-sm3": (sm2.public_pem(national.public), national.sign(challenge.encode())),
    }
    assert set(made) == set(FORMS)
    for algorithm, (pem, signature) in made.items():
        key = read_public_key(pem)
        assert key.algorithm == algorithm
        proof = base64.b64encode(signature).decode()
        assert holds(algorithm, key.encoded, challenge, proof)
        assert not holds(algorithm, key.encoded, challenge + "x", proof)
        assert not holds(algorithm, key.encoded, challenge, "AAAA")


def test_an_sm2_key_beside_its_curve_and_a_cut_pem_are_refused():
    public = bytearray(sm2.Sm2PrivateKey.generate().public)
    public[-1] ^= 1
    with pytest.raises(KeyRefused) as refused:
        read_public_key(sm2.public_pem(bytes(public)))
    assert refused.value.code == "weak_key"
    cut = sm2.public_pem(bytes(public)).replace("\n", "", 2)
    with pytest.raises(KeyRefused):
        read_public_key(cut)


def test_the_public_half_of_a_private_key_is_told_with_the_refusal():
    private = Ed25519PrivateKey.generate()
    with pytest.raises(KeyRefused) as refused:
        read_public_key(world.private_pem(private).decode())
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert refused.value.public == PublicKey("ed25519", base64.b64encode(raw).decode())
    national = sm2.Sm2PrivateKey.generate()
    with pytest.raises(KeyRefused) as refused:
        read_public_key(national.to_pem().decode())
    assert refused.value.public.algorithm == "sm2-sm3"


def test_the_point_of_a_curve_key_is_kept_whole():
    private = generate_private_key(SECP256R1())
    kept = base64.b64decode(read_public_key(pem_of(private)).encoded)
    again = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), kept)
    assert again == private.public_key()
