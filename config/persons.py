"""Who a natural person is: the salted digest of an identity number, never the number itself.

Source: GB 11643 (18 digits, check character by ISO 7064 mod 11-2).
"""

import hashlib
import hmac
import unicodedata
from datetime import date

from django.conf import settings

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
DIGITS = 17
LENGTH = 18


class IdentityRefused(ValueError):  # noqa: N818 - says what is wrong with a number
    """An identity number that cannot be right; the message is Chinese."""


def clean_identity(typed: str) -> str:
    """Return an identity number in its one spelling.

    Raises:
        IdentityRefused: not 18 characters, no such day of birth, or a wrong check character.
    """
    number = unicodedata.normalize("NFKC", typed).replace(" ", "").upper()
    if len(number) != LENGTH or not (number.isascii() and number[:DIGITS].isdigit()):
        raise IdentityRefused("请填写 18 位居民身份证号码。")
    try:
        date.fromisoformat(f"{number[6:10]}-{number[10:12]}-{number[12:14]}")
    except ValueError as error:
        raise IdentityRefused("身份证号码中的出生日期不存在，请核对。") from error
    total = sum(int(each) * weight for each, weight in zip(number, WEIGHTS, strict=False))
    if number[-1] != CHECKS[total % len(CHECKS)]:
        raise IdentityRefused("身份证号码的最后一位校验不符，请核对。")
    return number


def person_of(identity: str) -> str:
    """Return the digest by which separation of duties knows a natural person."""
    salt = settings.PERSON_SALT.encode()
    return hmac.new(salt, f"person:{identity}".encode(), hashlib.sha256).hexdigest()
