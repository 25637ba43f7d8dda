"""Security keys (WebAuthn): read what a browser hands over, and say in words what is wrong.

Whether a key counts is decided by fido2 behind allauth. Here stands what comes before: nothing
oversized, nothing but the parts that are used, each written in one way; and what comes after: a
sentence instead of a code, and no byte that could break a page.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.core.exceptions import ValidationError
from fido2.cose import CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

#: The answers on adding a key and on showing it, with the parts that are used and kept.
PARTS: dict[Any, tuple[str, ...]] = {
    RegistrationResponse: ("clientDataJSON", "attestationObject"),
    AuthenticationResponse: ("clientDataJSON", "authenticatorData", "signature", "userHandle"),
}
#: Several times what the longest honest answer has (a post-quantum key with its attestation).
LONGEST_ANSWER = 64 * 1024
#: What the decoders of JSON, CBOR, COSE and keys raise when handed nonsense.
UNREADABLE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError,
    RecursionError, TypeError, UnsupportedAlgorithm, ValueError, struct.error,
)  # fmt: skip
MISSING = "没有收到安全密钥的回应。请再按一次按钮，按浏览器的提示操作；浏览器须打开 JavaScript。"
BROKEN = "浏览器交来的安全密钥数据无法识别。请再试一次；仍不行请换一个浏览器。"
STALE = "这次验证已经失效：页面打开太久，或者同时开着另一个窗口。请再试一次。"
ELSEWHERE = "安全密钥是在另一个网址下使用的。请核对地址栏，用本服务的正式网址重新打开后再试。"
NOT_YOURS = "这把安全密钥没有登记在您的账号下。请换一把，或者改用其他方式。"
REFUSED = "安全密钥没有通过验证。请再试一次，或者改用其他方式。"
ALREADY = "这把安全密钥已经登记过，不用再添加。"
TOO_MANY_KEYS = "一个账号最多登记 10 把安全密钥。请先移除不再使用的。"
MOST_KEYS = 10
#: The reasons of fido2; one that it words anew is told as REFUSED.
REASONS = {
    "Wrong challenge in response.": STALE,
    "Invalid origin in CollectedClientData.": ELSEWHERE,
    "Wrong RP ID hash in response.": ELSEWHERE,
    "Unknown credential ID.": NOT_YOURS,
}


def read_answer(text: str, kind: Any) -> dict[str, Any]:
    """Return the answer of a key as it is used and kept: known parts only, canonical base64url.

    Args:
        text: what the form carried.
        kind: which answer it must be, one of ``PARTS``.

    Raises:
        ValidationError: it is not the answer of a key.
    """
    if len(text) > LONGEST_ANSWER:
        raise ValidationError(BROKEN)
    try:
        told = json.loads(text)
        number, response = _canonical(told["rawId"]), told["response"]
        kept = {each: _canonical(response[each]) for each in PARTS[kind] if response.get(each)}
        answer = {"id": number, "rawId": number, "type": "public-key", "response": kept}
        kind.from_dict(answer)
    except UNREADABLE as error:
        raise ValidationError(BROKEN) from error
    return answer


def _canonical(text: Any) -> str:
    if not isinstance(text, str):  # of a number the decoder would make as many bytes
        raise TypeError
    return websafe_encode(websafe_decode(text))


def refuse_useless(public: CoseKey) -> None:
    """Refuse a public key that could never let its owner in again.

    The decoders take a key that is cut short or of a kind nobody asked for; only a signature shows.

    Raises:
        ValidationError: it cannot even find that nothing is no signature.
    """
    try:
        if public[3] in CoseKey.supported_algorithms():
            public.verify(b"", b"")
    except InvalidSignature:
        return
    except UNREADABLE as error:
        raise ValidationError(BROKEN) from error
    raise ValidationError(BROKEN)


def in_words(judge: Callable[[], Any]) -> Any:
    """Return what a judgement of allauth returns; say its refusal in words.

    Raises:
        ValidationError: it was refused; or it could not even be read.
    """
    try:
        return judge()
    except ValidationError as refused:
        if refused.code != "incorrect_code":
            raise
        raise ValidationError(_reason(refused)) from refused
    except UNREADABLE as error:
        raise ValidationError(BROKEN) from error


def _reason(refused: ValidationError) -> str:
    """Return why; without a reason of fido2 there was no question waiting for this answer."""
    cause = refused.__context__
    return REASONS.get(str(cause), REFUSED) if cause else STALE
