"""What a new password must not be, beyond Django's own rules (reliability 2.1 P3)."""

import string
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError

from config.tongue import said, speaks_english
from ledger import clock

LONGEST = 128
SHARE_OF_WORDS = 2  # local words may make up less than half of a password
#: What a guesser who knows the district tries first, in pinyin and English.
LOCAL_WORDS = (
    "suanliquan", "suanli", "putuo", "shanghai", "shujuju", "shuju", "voucher", "compute",
    "taopu", "zhenru", "changfeng", "zhongguo", "mima", "password", "woaini", "qwerty", "admin",
)  # fmt: skip
KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
KINDS_NEEDED = 3
GOOD_FOR = timedelta(days=90)


def _told(text: str) -> str:
    """Return a rule in the reader's language: Django puts it into HTML of its own."""
    return said(text) if speaks_english() else text


class Length:
    """Refuse passwords nobody types: they only burn time."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuse more than 128 letters."""
        if len(password) > LONGEST:
            raise ValidationError(f"密码最长 {LONGEST} 个字符。", code="password_too_long")

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _told(f"最长 {LONGEST} 个字符。")


class NoLocalWords:
    """Refuse passwords made of words that everybody here would try."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuse a password of which half or more is such words."""
        rest = password.lower()
        for word in LOCAL_WORDS:
            rest = rest.replace(word, "")
        if len(rest) * SHARE_OF_WORDS <= len(password):
            raise ValidationError(
                "密码主要由地名、业务名称或常用拼音组成，容易被猜中，请更换。",
                code="password_local_words",
            )

    def get_help_text(self) -> str:
        """Tell the rule."""
        return _told("不要用地名、单位和业务名称的拼音或英文。")


class ThreeKinds:
    """Ask for three kinds of letters (GB/T 22239 level 3, where MLPS_PASSWORD_POLICY is on)."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuse fewer than three of: small, capital, digit, other."""
        kinds = sum(any(each in kind for each in password) for kind in KINDS)
        kinds += any(all(each not in kind for kind in KINDS) for each in password)
        if kinds < KINDS_NEEDED:
            raise ValidationError(
                "密码须包含大写字母、小写字母、数字、符号中的至少三类。",
                code="password_too_plain",
            )

    def get_help_text(self) -> str:
        """Tell the rule."""
        return "包含大写字母、小写字母、数字、符号中的至少三类，每 90 天更换一次。"


def too_old(user: Any) -> bool:
    """Say whether a password has to be changed by its age."""
    if not user.has_usable_password():  # the government identity has none here
        return False
    changed = user.password_changed_at
    return changed is None or clock.now() - changed > GOOD_FOR
