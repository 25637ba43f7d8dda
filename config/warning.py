"""Tell the owner of an account that somebody tries to come in."""

import hashlib
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail

TRIES = 5
WINDOW_SECONDS = 15 * 60


def warn_owner(owner: Any, address: str) -> None:
    """Count a failed sign-in; at the fifth within a quarter of an hour write to the owner, once."""
    key = "house:failed:" + hashlib.sha256(str(owner.pk).encode()).hexdigest()
    cache.add(key, 0, WINDOW_SECONDS)
    if cache.incr(key) != TRIES or not owner.email or not settings.MAIL.on:
        return
    send_mail(
        "【普陀区算力券】您的账号有多次登录失败",
        f"{owner.display_name}，您好：\n\n"
        f"您的账号 {owner.username} 在 15 分钟内连续 {TRIES} 次输入密码错误，"
        f"最近一次来自 {address}。\n如果不是您本人，请尽快登录并在“我的账号安全”中修改密码；"
        "账号本身没有被锁定。\n",
        None,
        [owner.email],
        fail_silently=True,
    )
