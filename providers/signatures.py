"""Check who signed an upload (RFC 9421) and whether a key may be used for it at all.

Pure: the library verifies, this file decides what must be covered, which parameters must stand
there, and how old a signature may be. That a nonce is new is a question for the database.

Source: metering specification, section 2 (fixed names); reliability paper 2.3 and 4.1.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.digests import ContentDigest
from http_message_signatures.exceptions import HTTPMessageSignaturesException

#: Hash objects of a body, by the names of RFC 9530.
Hashes = Mapping[str, Any]

TAG = "metering"
COMPONENTS = ("@method", "@target-uri", "content-type", "content-digest", "idempotency-key")
_NEEDED = frozenset(f'"{each}"' for each in COMPONENTS)
MOST_SKEW = timedelta(seconds=300)
_SHORTEST_NONCE, _LONGEST_NONCE = 8, 128
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HALF_BYTES = 32


class SignatureRefused(ValueError):  # noqa: N818 - says why a request is not authentic
    """A request that is not signed as it must be; carries a catalogue code."""

    def __init__(self, code: str, why: str = "") -> None:
        """Keep the code; ``why`` is for our own log only."""
        super().__init__(why or code)
        self.code = code


@dataclass(frozen=True)
class SignedRequest:
    """A request as the signature library reads it, with the public address of this house."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Signed:
    """What a valid signature says."""

    key_id: str
    nonce: str
    created: datetime
    components: Mapping[str, str] = field(default_factory=dict)


class StrictP256(algorithms.ECDSA_P256_SHA256):  # type: ignore[misc]
    """ECDSA P-256 with one spelling of each signature: of s and its negative only the smaller.

    Both verify, so whoever saw one signature could make a second one for the same request.
    """

    def sign(self, message: bytes) -> bytes:
        """Sign, in the one spelling."""
        return low_s(super().sign(message))

    def verify(self, signature: bytes, message: bytes) -> None:
        """Verify, in the one spelling."""
        if signature != low_s(signature):
            raise InvalidSignature("malleable: of s and n - s send the smaller")
        super().verify(signature, message)


def low_s(signature: bytes) -> bytes:
    """Return a P-256 signature (r and s, 64 bytes) with the smaller of s and n - s."""
    s = int.from_bytes(signature[_HALF_BYTES:])
    if len(signature) != 2 * _HALF_BYTES or not _P256_ORDER // 2 < s < _P256_ORDER:
        return signature
    return signature[:_HALF_BYTES] + (_P256_ORDER - s).to_bytes(_HALF_BYTES)


@dataclass(frozen=True)
class PinnedKey:
    """A public key and the one algorithm that it may be used with."""

    key_id: str
    form: type[HTTPSignatureAlgorithm]
    public: Any


class _Keys(HTTPSignatureKeyResolver):  # type: ignore[misc]
    """Hands the library the one key that may have signed."""

    def __init__(self, key_id: str, key: Any) -> None:
        self.key_id, self.key = key_id, key

    def resolve_public_key(self, key_id: str) -> Any:
        if key_id != self.key_id:
            raise InvalidSignature("the signature names another key")
        return self.key

    def resolve_private_key(self, key_id: str) -> Any:  # noqa: ARG002 - the library's form
        return self.key


def _made_before(algorithm: str) -> Callable[..., Any]:
    """Return what stands where the library hashes a body: the hash is already made."""

    def hashed(hashes: Hashes | None = None) -> Any:
        return hashes[algorithm] if hashes else hashlib.new(algorithm.replace("-", ""))

    return hashed


class _ReceivedDigest(ContentDigest):  # type: ignore[misc]
    """Compares with hashes made while the body came in: a large one is never held whole."""

    _hashers = {name: _made_before(name) for name in ("sha-256", "sha-512")}

    @staticmethod
    def _check_body(body: Any) -> None:
        """Take hashes for a body."""


class _Verifier(HTTPMessageVerifier):  # type: ignore[misc]
    """Our own skew decides, below; the library still insists on ``created``."""

    max_clock_skew = MOST_SKEW
    content_digest_class = _ReceivedDigest


class _LaterVerifier(HTTPMessageVerifier):  # type: ignore[misc]
    """Verifies evidence: whether the signature was fresh was judged when it came."""

    content_digest_class = _ReceivedDigest

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        del max_age
        if "created" not in sig_input.params:
            raise InvalidSignature("no created parameter")


def check_signature(
    request: SignedRequest, body: bytes | Hashes, *, key: PinnedKey, now: datetime
) -> Signed:
    """Verify the one signature of a request; everything that must be covered, is.

    Args:
        body: the body, or its hashes as they were made while it came in.

    Raises:
        SignatureRefused: missing, malformed, too old, too little covered, or wrong.
    """
    names = {name.lower() for name in request.headers}
    if "signature" not in names or "signature-input" not in names:
        raise SignatureRefused("signature_missing")
    if "content-digest" not in names:
        raise SignatureRefused("signature_coverage", "no content-digest")
    return _check_parameters(_verified(_Verifier, request, body, key), key.key_id, now)


def check_again(
    components: Mapping[str, str],
    signature_input: str,
    signature: str,
    *,
    key: PinnedKey,
    body: bytes | Hashes | None = None,
) -> Signed:
    """Verify kept evidence once more: who signed what, whenever that was.

    The request is made again of what was covered. Age is no question any more.

    Args:
        components: component -> value, as they were covered.
        body: the bytes or their hashes, if they are still kept; else only their digest stands in
            the evidence.

    Raises:
        SignatureRefused: it does not hold.
    """
    headers = {
        name.strip('"'): value
        for name, value in components.items()
        if not name.strip('"').startswith("@")
    }
    headers |= {"signature-input": signature_input, "signature": signature}
    request = SignedRequest(
        components.get('"@method"', ""), components.get('"@target-uri"', ""), headers
    )
    result = _verified(_LaterVerifier, request, body, key)
    if dict(result.covered_components) != dict(components):
        raise SignatureRefused("signature_coverage", "the kept components are not those signed")
    return _told(result, key.key_id)


def _verified(
    verifying: type[HTTPMessageVerifier],
    request: SignedRequest,
    body: bytes | Hashes | None,
    key: PinnedKey,
) -> Any:
    """Have the library verify signature, coverage and digest."""
    verifier = verifying(signature_algorithm=key.form, key_resolver=_Keys(key.key_id, key.public))
    try:
        results = verifier.verify(request, expect_tag=TAG, max_age=MOST_SKEW)
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise SignatureRefused(_code_for(str(error)), str(error)) from error
    if len(results) != 1:
        raise SignatureRefused("signature_malformed", "exactly one signature is needed")
    covered = {each for each in results[0].covered_components if each != '"@signature-params"'}
    # Whole components only: a parameter could narrow what is covered, and could not be kept.
    if any(";" in each for each in covered) or not covered >= _NEEDED:
        raise SignatureRefused("signature_coverage", f"covered: {sorted(covered)}")
    if body is not None:
        try:
            hashes: Any = _hashes_of(body)  # what our digest class takes for a body
            verifier.verify_body(request, results, hashes)
        except (HTTPMessageSignaturesException, ValueError) as error:
            raise SignatureRefused("signature_digest", str(error)) from error
    return results[0]


def _hashes_of(body: bytes | Hashes) -> Hashes:
    if not isinstance(body, bytes):
        return body
    return {"sha-256": hashlib.sha256(body), "sha-512": hashlib.sha512(body)}


def _check_parameters(result: Any, key_id: str, now: datetime) -> Signed:
    """Judge age and nonce of a verified signature."""
    said = _told(result, key_id)
    if abs(now - said.created) > MOST_SKEW:
        raise SignatureRefused("signature_time", f"created {said.created}")
    nonce = said.nonce
    if not (
        _SHORTEST_NONCE <= len(nonce) <= _LONGEST_NONCE and nonce.isascii() and nonce.isprintable()
    ):
        raise SignatureRefused("signature_nonce")
    return said


def _told(result: Any, key_id: str) -> Signed:
    parameters = result.parameters
    created = datetime.fromtimestamp(int(parameters["created"]), tz=UTC)
    components = dict(result.covered_components)
    return Signed(key_id, str(parameters.get("nonce", "")), created, components)


_SAID: tuple[tuple[str, str], ...] = (
    ("older than", "signature_time"),
    ("allowable age", "signature_time"),
    ("created", "signature_time"),
    ("expire", "signature_time"),
    ("algorithm", "signature_algorithm"),
    ("not covered", "signature_coverage"),
    ("digest", "signature_digest"),
    ("alformed", "signature_malformed"),
    ("label", "signature_malformed"),
    ("multiple", "signature_malformed"),
)


def _code_for(message: str) -> str:
    """Name what the library complains about in the catalogue's words."""
    lowered = message.lower()
    return next((code for words, code in _SAID if words in lowered), "signature_invalid")


def sign_request(
    request: Any,
    body: bytes,
    *,
    key_id: str,
    private_key: Ed25519PrivateKey | EllipticCurvePrivateKey | Any,
    nonce: str,
    created: datetime,
    form: type[HTTPSignatureAlgorithm] | None = None,
    signer: Callable[..., Any] = HTTPMessageSigner,
) -> None:
    """Sign a request in place as the interface wants it: the provider's side.

    Args:
        form: the algorithm, where it does not follow from the kind of key (Ed25519, P-256).
    """
    if form is None:
        is_p256 = isinstance(private_key, EllipticCurvePrivateKey)
        form = StrictP256 if is_p256 else algorithms.ED25519
    maker = signer(signature_algorithm=form, key_resolver=_Keys(key_id, private_key))
    maker.sign(
        request,
        key_id=key_id,
        created=created,
        nonce=nonce,
        label="sig1",
        tag=TAG,
        include_alg=True,
        covered_component_ids=COMPONENTS,
        body=body,
    )
