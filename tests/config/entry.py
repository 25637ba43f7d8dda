"""People who come in, for the tests of the door."""

import time
from typing import Any

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import Group

from config.models import User
from tests.roles import give_group

PASSWORD = "right-horse-battery-9"
CODE = "/account/factor/sign-in/"
PERIOD = 30


def someone(name: str, *, email: str = "", **more: Any) -> User:
    """Return an account that can sign in."""
    made = {"display_name": f"{name}某", "person_hash": f"person-{name}", "email": email} | more
    return User.objects.create_user(name, password=PASSWORD, **made)


def officer(name: str, *roles: str, **more: Any) -> User:
    """Return an account of the bureau with its roles."""
    user = someone(name, email=f"{name}@bureau.example", **more)
    give_group(user, *Group.objects.filter(name__in=roles))
    return user


def sign_in(client: Any, name: str, password: str, *, next: str = "", **headers: Any) -> Any:  # noqa: A002
    """Post the form of the sign-in page."""
    told = {"login": name, "password": password} | ({"next": next} if next else {})
    return client.post("/login/", told, **headers)


def factor_of(user: User) -> tuple[str, list[str]]:
    """Give an account a second factor; return its secret and its recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret, RecoveryCodes.activate(user).get_unused_codes()


def step(secret: str, shift: int = 0) -> str:
    """Return the code of now, or of some steps away."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + shift))
