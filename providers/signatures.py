"""Check who signed an upload (RFC 9421) and whether a key may be used for it at all.

Pure: the library verifies, this file decides what must be covered, which parameters must stand
there, and how old a signature may be. That a nonce is new is a question for the database.

Source: metering specification, section 2 (fixed names); reliability paper 2.3 and 4.1.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
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
MOST_SKEW = timedelta(seconds=300)
_SHORTEST_NONCE, _LONGEST_NONCE = 8, 128
_RAW_KEY_BYTES = 32
_PRIME = 2**255 - 19
_SIGN_BIT = 1 << 255
# y-coordinates of the points of small order (RFC 7748 / 8032 arithmetic); a key on one of them
# would accept signatures that nobody made. Also their non-canonical spellings y + p.
_SMALL_ORDER_Y = frozenset(
    each % _SIGN_BIT
    for each in (
        0,
        1,
        _PRIME - 1,
        _PRIME,
        _PRIME + 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        _PRIME - 2707385501144840649318225287225658788936804267575313519463743609750303402022,
    )
)


class KeyRefused(ValueError):  # noqa: N818 - says why a key will not do
    """A public key that may not be registered; carries a code and a Chinese sentence."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.code = code


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


def read_public_key(text: str) -> str:
    """Return a registered form (Base64 of 32 bytes) of an Ed25519 public key in PEM or Base64.

    Raises:
        KeyRefused: no key, a private key, another algorithm, or a weak key.
    """
    text = text.strip()
    if not text:
        raise KeyRefused("public_key_missing", "正式密钥须登记 Ed25519 公钥，请粘贴 PEM。")
    if "PRIVATE" in text.upper():
        raise KeyRefused(
            "private_key",
            "这是私钥。请勿上传私钥；它已不宜再用，请重新生成一对密钥，只粘贴公钥。",
        )
    raw = _raw_key(text)
    point = int.from_bytes(raw, "little") % _SIGN_BIT
    if point in _SMALL_ORDER_Y or point >= _PRIME:
        raise KeyRefused("weak_key", "这把公钥不安全（低阶点），请重新生成。")
    return base64.b64encode(raw).decode()


def _raw_key(text: str) -> bytes:
    key: Any = None
    raw = b""
    try:
        if text.startswith("-----"):
            key = load_pem_public_key(text.encode())
        else:
            raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise KeyRefused("key_unreadable", "公钥无法识别，请粘贴 PEM 全文或 Base64。") from error
    if key is not None and not isinstance(key, Ed25519PublicKey):
        raise KeyRefused("key_algorithm", "只接受 Ed25519 公钥。")
    if key is not None:
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if len(raw) != _RAW_KEY_BYTES:
        raise KeyRefused("key_unreadable", "公钥应为 32 字节的 Ed25519 公钥。")
    return raw


def holds(public_key: str, challenge: str, signature: str) -> bool:
    """Say whether a Base64 signature over the challenge was made with the private half."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(base64.b64decode(signature.strip(), validate=True), challenge.encode())
    except (BadSignature, ValueError, binascii.Error):
        return False
    return True


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


def check_signature(
    request: SignedRequest, body: bytes | Hashes, *, key_id: str, public_key: str, now: datetime
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
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(key_id, key))
    try:
        results = verifier.verify(request, expect_tag=TAG, max_age=MOST_SKEW)
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise SignatureRefused(_code_for(str(error)), str(error)) from error
    if len(results) != 1:
        raise SignatureRefused("signature_malformed", "exactly one signature is needed")
    result = results[0]
    covered = {each.partition(";")[0].strip('"') for each in result.covered_components}
    if not set(COMPONENTS) <= covered:
        raise SignatureRefused("signature_coverage", f"covered: {sorted(covered)}")
    try:
        hashes: Any = _hashes_of(body)  # what our digest class takes for a body
        verifier.verify_body(request, results, hashes)
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise SignatureRefused("signature_digest", str(error)) from error
    return _check_parameters(result.parameters, key_id, now)


def _hashes_of(body: bytes | Hashes) -> Hashes:
    if not isinstance(body, bytes):
        return body
    return {"sha-256": hashlib.sha256(body), "sha-512": hashlib.sha512(body)}


def _check_parameters(parameters: Mapping[str, Any], key_id: str, now: datetime) -> Signed:
    """Judge age and nonce of a verified signature."""
    created = datetime.fromtimestamp(int(parameters["created"]), tz=UTC)
    if abs(now - created) > MOST_SKEW:
        raise SignatureRefused("signature_time", f"created {created}")
    nonce = parameters.get("nonce", "")
    if not (
        _SHORTEST_NONCE <= len(nonce) <= _LONGEST_NONCE and nonce.isascii() and nonce.isprintable()
    ):
        raise SignatureRefused("signature_nonce")
    return Signed(key_id, nonce, created)


_SAID: tuple[tuple[str, str], ...] = (
    ("older than", "signature_time"),
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
    private_key: Ed25519PrivateKey,
    nonce: str,
    created: datetime,
    signer: Callable[..., Any] = HTTPMessageSigner,
) -> None:
    """Sign a request in place as the interface wants it: the provider's side."""
    maker = signer(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(key_id, private_key))
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
