"""SM2 signatures with SM3, computed by the system's OpenSSL.

The national signature for the log's second tree. Python's ``cryptography`` has no SM2, the
OpenSSL 3 that every current Linux carries has; this file calls it through ctypes. A signature
is 64 bytes, r and s; a public key is the uncompressed point of 65 bytes; a private key is kept
as PKCS#8 PEM, as OpenSSL itself writes it.

Source: GB/T 32918.2-2016 (signature), GB/T 32918.5-2017 (curve), GM/T 0009-2012 (default id).
"""

import ctypes
import ctypes.util
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from ledger.refusals import Broken

#: Who signs, where no other id was agreed: part of every digest (GM/T 0009).
DEFAULT_ID = b"1234567812345678"
PUBLIC_BYTES = 65
SIGNATURE_BYTES = 64
_WORD = 32
_UNCOMPRESSED = 4

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123

# The fixed DER around a key of this curve: id-ecPublicKey with the OID of SM2.
_CURVE = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_SPKI = bytes.fromhex("3059") + _CURVE + bytes.fromhex("034200")
_PKCS8 = bytes.fromhex("308187020100") + _CURVE + bytes.fromhex("046d306b0201010420")
_POINT = bytes.fromhex("a144034200")
_PEM_HEAD = "-----BEGIN PRIVATE KEY-----\n"
_PEM_TAIL = "-----END PRIVATE KEY-----\n"

_HANDLE = ctypes.c_void_p
_SIZE = ctypes.c_size_t
_CALLS: dict[str, tuple[Any, list[Any]]] = {
    "ERR_clear_error": (None, []),
    "EVP_PKEY_Q_keygen": (_HANDLE, [_HANDLE, _HANDLE, ctypes.c_char_p]),
    "EVP_PKEY_free": (None, [_HANDLE]),
    "EVP_PKEY2PKCS8": (_HANDLE, [_HANDLE]),
    "PKCS8_PRIV_KEY_INFO_free": (None, [_HANDLE]),
    "i2d_PKCS8_PRIV_KEY_INFO": (ctypes.c_int, [_HANDLE, ctypes.POINTER(ctypes.c_void_p)]),
    "d2i_AutoPrivateKey": (_HANDLE, [_HANDLE, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long]),
    "d2i_PUBKEY": (_HANDLE, [_HANDLE, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long]),
    "EVP_PKEY_CTX_new": (_HANDLE, [_HANDLE, _HANDLE]),
    "EVP_PKEY_CTX_free": (None, [_HANDLE]),
    "EVP_PKEY_pairwise_check": (ctypes.c_int, [_HANDLE]),
    "EVP_PKEY_CTX_set1_id": (ctypes.c_int, [_HANDLE, ctypes.c_char_p, ctypes.c_int]),
    "EVP_MD_CTX_new": (_HANDLE, []),
    "EVP_MD_CTX_free": (None, [_HANDLE]),
    "EVP_MD_CTX_set_pkey_ctx": (None, [_HANDLE, _HANDLE]),
    "EVP_sm3": (_HANDLE, []),
    "EVP_DigestSignInit": (ctypes.c_int, [_HANDLE] * 5),
    "EVP_DigestVerifyInit": (ctypes.c_int, [_HANDLE] * 5),
    "EVP_DigestSign": (
        ctypes.c_int,
        [_HANDLE, ctypes.c_char_p, ctypes.POINTER(_SIZE), ctypes.c_char_p, _SIZE],
    ),
    "EVP_DigestVerify": (
        ctypes.c_int,
        [_HANDLE, ctypes.c_char_p, _SIZE, ctypes.c_char_p, _SIZE],
    ),
}


class Sm2Error(ValueError):
    """A key or signature that is not of this curve, or does not hold."""


@dataclass(frozen=True)
class Sm2PrivateKey:
    """A private key with its public point."""

    scalar: bytes = field(repr=False)
    public: bytes

    @classmethod
    def generate(cls) -> "Sm2PrivateKey":
        """Make a key; the random number is OpenSSL's.

        Raises:
            Broken: the system's OpenSSL has no SM2.
        """
        lib = _library()
        key = lib.EVP_PKEY_Q_keygen(None, None, b"SM2")
        if not key:
            raise _fault("the system's OpenSSL cannot make an SM2 key")
        info = lib.EVP_PKEY2PKCS8(key)
        room = ctypes.create_string_buffer(lib.i2d_PKCS8_PRIV_KEY_INFO(info, None))
        lib.i2d_PKCS8_PRIV_KEY_INFO(info, ctypes.byref(_HANDLE(ctypes.addressof(room))))
        lib.PKCS8_PRIV_KEY_INFO_free(info)
        lib.EVP_PKEY_free(key)
        return cls._from_der(room.raw)

    @classmethod
    def from_pem(cls, pem: bytes) -> "Sm2PrivateKey":
        """Read a key as ``to_pem`` or ``openssl genpkey | openssl pkcs8 -topk8`` writes it.

        Raises:
            Sm2Error: not a PKCS#8 SM2 key, or its two halves do not belong together.
        """
        text = pem.decode("ascii", "replace").replace("\r\n", "\n")
        if not text.startswith(_PEM_HEAD) or not text.endswith(_PEM_TAIL):
            raise Sm2Error("not a PKCS#8 private key in PEM form")
        try:
            inner = text[len(_PEM_HEAD) : -len(_PEM_TAIL)].replace("\n", "")
            return cls._from_der(b64decode(inner, validate=True))
        except NotBase64 as error:
            raise Sm2Error("not a PKCS#8 private key in PEM form") from error

    @classmethod
    def _from_der(cls, der: bytes) -> "Sm2PrivateKey":
        scalar = der[len(_PKCS8) : len(_PKCS8) + _WORD]
        public = der[-PUBLIC_BYTES:]
        key = cls(scalar, public)
        if der != key.der() or not 0 < int.from_bytes(scalar) < N - 1:
            raise Sm2Error("not a PKCS#8 key of the SM2 curve with its public point")
        check_point(public)
        with _loaded("d2i_AutoPrivateKey", der) as loaded, _context_of(loaded) as context:
            if _library().EVP_PKEY_pairwise_check(context) != 1:
                _library().ERR_clear_error()
                raise Sm2Error("the public point does not belong to the private key")
        return key

    def der(self) -> bytes:
        """Return the key as PKCS#8 DER."""
        return _PKCS8 + self.scalar + _POINT + self.public

    def to_pem(self) -> bytes:
        """Return the key as PKCS#8 PEM, to be kept where only its owner reads."""
        text = b64encode(self.der()).decode("ascii")
        lines = [text[begin : begin + 64] for begin in range(0, len(text), 64)]
        return (_PEM_HEAD + "".join(f"{each}\n" for each in lines) + _PEM_TAIL).encode("ascii")

    def sign(self, message: bytes, signer_id: bytes = DEFAULT_ID) -> bytes:
        """Sign a message: 64 bytes, r and s.

        Raises:
            Broken: OpenSSL refuses.
        """
        lib = _library()
        with (
            _loaded("d2i_AutoPrivateKey", self.der()) as key,
            _digesting(key, signer_id, "EVP_DigestSignInit") as context,
        ):
            room = ctypes.create_string_buffer(2 * PUBLIC_BYTES)
            length = _SIZE(len(room))
            if lib.EVP_DigestSign(context, room, ctypes.byref(length), message, len(message)) != 1:
                raise _fault("OpenSSL did not sign with the SM2 key")
        r, s = decode_dss_signature(room.raw[: length.value])
        return r.to_bytes(_WORD) + s.to_bytes(_WORD)


def point_in_pem(text: str) -> bytes:
    """Return the point of an SM2 public key in PEM; empty when it is a key of another kind.

    Raises:
        Sm2Error: an SM2 key whose point is not one of the curve.
    """
    lines = text.strip().replace("\r\n", "\n").split("\n")
    if lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[-1] != "-----END PUBLIC KEY-----":
        return b""
    try:
        der = b64decode("".join(lines[1:-1]), validate=True)
    except NotBase64:
        return b""
    if not der.startswith(_SPKI):
        return b""
    check_point(der[len(_SPKI) :])
    return der[len(_SPKI) :]


def public_pem(public: bytes) -> str:
    """Return a public point as OpenSSL writes it: SubjectPublicKeyInfo in PEM."""
    text = b64encode(_SPKI + public).decode("ascii")
    lines = [text[begin : begin + 64] for begin in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def check_point(public: bytes) -> None:
    """Insist that a public key is a point of the curve.

    Raises:
        Sm2Error: another length or form, coordinates too large, or beside the curve.
    """
    x, y = int.from_bytes(public[1 : 1 + _WORD]), int.from_bytes(public[1 + _WORD :])
    if len(public) != PUBLIC_BYTES or public[0] != _UNCOMPRESSED or x >= P or y >= P:
        raise Sm2Error("an SM2 public key is an uncompressed point of 65 bytes")
    if (y * y - (x * x * x + A * x + B)) % P:
        raise Sm2Error("the SM2 public key is not a point of the curve")


def verify(public: bytes, signature: bytes, message: bytes, signer_id: bytes = DEFAULT_ID) -> None:
    """Check a signature of 64 bytes over a message.

    Raises:
        Sm2Error: it does not hold, or key or signature are not well formed.
        Broken: the system's OpenSSL has no SM2.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise Sm2Error("an SM2 signature has 64 bytes")
    r, s = int.from_bytes(signature[:_WORD]), int.from_bytes(signature[_WORD:])
    if not (0 < r < N and 0 < s < N) or (r + s) % N == 0:
        raise Sm2Error("the numbers of the SM2 signature are out of range")
    check_point(public)
    encoded = encode_dss_signature(r, s)
    lib = _library()
    with (
        _loaded("d2i_PUBKEY", _SPKI + public) as key,
        _digesting(key, signer_id, "EVP_DigestVerifyInit") as context,
    ):
        held = lib.EVP_DigestVerify(context, encoded, len(encoded), message, len(message))
    if held != 1:
        lib.ERR_clear_error()
        raise Sm2Error("the SM2 signature does not hold")


@cache
def _library() -> Any:
    name = ctypes.util.find_library("crypto")
    try:
        lib = ctypes.CDLL(name or "libcrypto.so.3")
        for call, (answer, arguments) in _CALLS.items():
            function = getattr(lib, call)
            function.restype, function.argtypes = answer, arguments
    except (OSError, AttributeError) as error:
        raise Broken(
            "no OpenSSL 3 library (libcrypto.so.3) with SM2 is installed on this machine"
        ) from error
    return lib


def _fault(sentence: str) -> Broken:
    # The queue of errors is shared with Python's own ssl module: leave nothing behind in it.
    _library().ERR_clear_error()
    return Broken(sentence)


@contextmanager
def _loaded(call: str, der: bytes) -> Iterator[int]:
    lib = _library()
    key = getattr(lib, call)(None, ctypes.byref(ctypes.c_char_p(der)), len(der))
    if not key:
        raise _fault("the system's OpenSSL does not know SM2 keys")
    try:
        yield key
    finally:
        lib.EVP_PKEY_free(key)


@contextmanager
def _context_of(key: int) -> Iterator[int]:
    lib = _library()
    context = lib.EVP_PKEY_CTX_new(key, None)
    if not context:
        raise _fault("the system's OpenSSL does not know SM2 keys")
    try:
        yield context
    finally:
        lib.EVP_PKEY_CTX_free(context)


@contextmanager
def _digesting(key: int, signer_id: bytes, begin: str) -> Iterator[int]:
    lib = _library()
    context = lib.EVP_MD_CTX_new()
    try:
        with _context_of(key) as settings:
            ready = lib.EVP_PKEY_CTX_set1_id(settings, signer_id, len(signer_id))
            lib.EVP_MD_CTX_set_pkey_ctx(context, settings)
            if ready != 1 or getattr(lib, begin)(context, None, lib.EVP_sm3(), None, key) != 1:
                raise _fault("the system's OpenSSL has no SM2 with SM3")
            yield context
    finally:
        lib.EVP_MD_CTX_free(context)
