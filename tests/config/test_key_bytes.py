"""No bytes in the answer of a key raise what the house does not expect of its decoders."""

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from django.core.exceptions import ValidationError
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.utils import websafe_encode
from fido2.webauthn import AuthenticationResponse, RegistrationResponse
from hypothesis import example, given
from hypothesis import strategies as st

from config.security_keys import PARTS, UNREADABLE, read_answer, refuse_useless
from tests.config.security_key import SoftKey
from tests.config.test_key_answers import altered

ASKED = {"challenge": websafe_encode(b"x" * 32)}
ADDING, SHOWING = SoftKey().add(ASKED), SoftKey().show(ASKED)
RSA = rsa.generate_private_key(65537, 2048)
KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "ES256K": ec.generate_private_key(ec.SECP256K1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": RSA,
    "PS256": RSA,
    "MLDSA65": mldsa.MLDSA65PrivateKey.generate(),
}
TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.binary(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(-4, 4), inner),
    max_leaves=8,
)


@given(st.binary(max_size=120), st.sampled_from([each for kind in PARTS.values() for each in kind]))
def test_noise_in_a_part_is_no_answer(noise, part):
    for text, kind in ((ADDING, RegistrationResponse), (SHOWING, AuthenticationResponse)):
        with suppress(ValidationError):
            read_answer(altered(text, **{part: websafe_encode(noise)}), kind)


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_each_kind_that_is_asked_for_is_good(name):
    refuse_useless(CoseKey.for_name(name).from_cryptography_key(KEYS[name].public_key()))


def test_a_key_is_refused_that_is_cut_short_or_of_a_kind_nobody_asked_for():
    good = CoseKey.for_name("ES256").from_cryptography_key(KEYS["ES256"].public_key())
    weak = CoseKey.for_name("RS1").from_cryptography_key(KEYS["RS256"].public_key())
    for bad in (CoseKey.parse(good | {-3: good[-3][:-1]}), weak, CoseKey.parse({3: 7})):
        with pytest.raises(ValidationError):
            refuse_useless(bad)


@given(st.sampled_from([*CoseKey.supported_algorithms(), -65535, 7, "x"]), TEXTS, TEXTS)
@example(-8, b"", 6)
@example(-257, b"\2", b"\2")
def test_a_public_key_of_noise_is_refused_or_at_least_breaks_nothing(algorithm, first, second):
    told = {1: 2, 3: algorithm, -1: first, -2: second, -3: first}
    with suppress(ValidationError):
        refuse_useless(CoseKey.parse(told))


@given(st.binary(max_size=60))
@example(b"\x81" * 60_000)
@example(b"\x9b" + b"\xff" * 8)
@example(b"\xa1\x80\x00")
def test_cbor_of_noise_breaks_nothing(noise):
    with suppress(*UNREADABLE):
        cbor.decode(noise)
