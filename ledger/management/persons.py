"""Who stands at the terminal: a person signs in with name and password before an act."""

import getpass
import sys
from typing import Any

from django.contrib.auth import authenticate
from django.core.management.base import CommandError

from ledger.actors import Actor

ROLE = "key_officer"


def signed_in(username: str, right: str) -> Actor:
    """Return the person of an account who knows its password and holds a right.

    The password is asked for at the terminal, or read as one line where there is none; it is
    never an argument, which others on the machine could read.

    Raises:
        CommandError: wrong password, or the right is missing.
    """
    if sys.stdin.isatty():
        password = getpass.getpass(f"{username} 的密码：")
    else:
        password = sys.stdin.readline().rstrip("\n")
    user: Any = authenticate(username=username, password=password)
    if user is None:
        raise CommandError("账号或密码不正确。")
    if not user.has_perm(right):
        raise CommandError("这个账号没有更换日志密钥的权限。")
    return Actor(
        kind="user",
        id=str(user.pk),
        name=user.display_name,
        role=ROLE,
        person=user.person_hash,
    )
