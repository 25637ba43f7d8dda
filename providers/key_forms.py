"""Which keys may sign an upload: each kind with its one algorithm, its spelling and its proof.

A key is registered with the algorithm that its own form names and is never used with another.
Kept are: Ed25519 32 bytes, P-256 and SM2 the uncompressed point of 65 bytes, all in Base64.

Source: reliability paper 2.3 A3 and 4.1 A22 to A25; GB/T 32918, GM/T 0009 for SM2.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPSignatureAlgorithm,
    algorithms,
)

from ledger import sm2
from providers.edwards import KEY_BYTES, is_sound
from providers.signatures import PinnedKey, StrictP256, low_s

ED25519, P256, SM2 = "ed25519", "ecdsa-p256-sha256", "sm2-sm3"
_SIGNATURE_BYTES = 64
_WORD = 32


class KeyRefused(ValueError):  # noqa: N818 - says why a key will not do
    """A public key that may not be registered; carries a code and a Chinese sentence."""

    def __init__(self, code: str, message: str, public: "PublicKey | None" = None) -> None:
        """Keep the code beside the sentence, and the public half of a private key."""
        super().__init__(message)
        self.code = code
        self.public = public


@dataclass(frozen=True)
class PublicKey:
    """A public key as it is registered."""

    algorithm: str
    encoded: str


class Sm2Sm3(HTTPSignatureAlgorithm):  # type: ignore[misc]
    """SM2 with SM3 and the default id, as the signature library calls an algorithm."""

    algorithm_id = SM2

    def __init__(self, public_key: Any = None, private_key: Any = None) -> None:
        """Keep the point of 65 bytes, or the private key."""
        self.public_key, self.private_key = public_key, private_key

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        signature: bytes = self.private_key.sign(message)
        return signature

    def verify(self, signature: bytes, message: bytes) -> None:
        """Verify; an ``Sm2Error`` says that it does not hold."""
        sm2.verify(self.public_key, signature, message)


FORMS: dict[str, type[HTTPSignatureAlgorithm]] = {
    ED25519: algorithms.ED25519,
    P256: StrictP256,
    SM2: Sm2Sm3,
}


def read_public_key(text: str) -> PublicKey:
    """Return a public key as registered: PEM of any of the three kinds, or Base64 of Ed25519.

    Raises:
        KeyRefused: no key, a private key, another algorithm, or a weak key.
    """
    text = text.strip()
    if not text:
        raise KeyRefused("public_key_missing", "正式密钥须登记公钥，请粘贴 PEM 全文。")
    if "PRIVATE" in text.upper():
        raise KeyRefused(
            "private_key",
            "这是私钥。请勿上传私钥；它已不宜再用，请重新生成一对密钥，只粘贴公钥。",
            _public_half(text),
        )
    found = _from_pem(text) if text.startswith("-----") else _from_base64(text)
    if found.algorithm == ED25519 and not is_sound(base64.b64decode(found.encoded)):
        raise KeyRefused("weak_key", "这把公钥不安全（低阶点或写法不唯一），请重新生成。")
    return found


def _from_base64(text: str) -> PublicKey:
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _unreadable() from error
    if len(raw) != KEY_BYTES:
        raise KeyRefused("key_unreadable", "Base64 只用于 32 字节的 Ed25519 公钥，其他请粘贴 PEM。")
    return _kept(ED25519, raw)


def _from_pem(text: str) -> PublicKey:
    try:
        point = sm2.point_in_pem(text)
        if point:
            return _kept(SM2, point)
        key = load_pem_public_key(text.encode())
    except sm2.Sm2Error as error:
        raise KeyRefused("weak_key", "SM2 公钥不在曲线上，请重新生成。") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable() from error
    found = _of_key(key)
    if found is None:
        raise KeyRefused("key_algorithm", "只接受 Ed25519、ECDSA P-256 或 SM2 公钥。")
    return found


def _of_key(key: Any) -> PublicKey | None:
    if isinstance(key, Ed25519PublicKey):
        return _kept(ED25519, key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return _kept(P256, key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    return None


def _kept(algorithm: str, raw: bytes) -> PublicKey:
    return PublicKey(algorithm, base64.b64encode(raw).decode())


def _public_half(text: str) -> PublicKey | None:
    """Return the public half of a private key that was sent by mistake, so it can be barred."""
    try:
        return _kept(SM2, sm2.Sm2PrivateKey.from_pem(text.encode() + b"\n").public)
    except sm2.Sm2Error:
        pass
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    is_ours = isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey)
    return _of_key(key.public_key()) if is_ours else None


def _unreadable() -> KeyRefused:
    return KeyRefused("key_unreadable", "公钥无法识别，请粘贴 PEM 全文或 Base64。")


def pinned(key_id: str, algorithm: str, encoded: str) -> PinnedKey:
    """Return a registered key as the signature library takes it, with its one algorithm."""
    raw = base64.b64decode(encoded)
    public: Any = raw
    if algorithm == ED25519:
        public = Ed25519PublicKey.from_public_bytes(raw)
    elif algorithm == P256:
        public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
    return PinnedKey(key_id, FORMS[algorithm], public)


def holds(algorithm: str, encoded: str, challenge: str, signature: str) -> bool:
    """Say whether a Base64 signature over the challenge was made with the private half.

    A P-256 or SM2 signature may come as ``openssl`` writes it (DER) or as r and s.
    """
    key = pinned("", algorithm, encoded)
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
        if algorithm != ED25519:
            raw = _plain_pair(raw)
        made = low_s(raw) if algorithm == P256 else raw
        key.form(public_key=key.public).verify(signature=made, message=challenge.encode())
    except (BadSignature, HTTPMessageSignaturesException, sm2.Sm2Error, ValueError):
        return False
    return True


def _plain_pair(signature: bytes) -> bytes:
    """Return r and s of a signature in DER; one of 64 bytes is them already."""
    if len(signature) == _SIGNATURE_BYTES:
        return signature
    pair: bytes = algorithms.ECDSA_P256_SHA256.signature_from_der(signature)
    return pair
