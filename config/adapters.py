"""How allauth does things in this house: addresses, secrets at rest, words, who may sign up."""

import logging
import re
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest
from django.urls import reverse

from config.confirming import confirmed_recently
from config.factors import APP, factors_of, may_go
from config.realms import Realm, realm_of
from config.sessions import end_sessions
from config.tongue import said, speaks_english
from config.warning import warn_owner
from ledger.boxes import close_text, open_text
from ledger.networks import caller_address

logger = logging.getLogger("config.adapters")
LEGAL_PERSON = "legal_person"
#: What the secrets of second factors are closed for (``ledger.boxes``).
SECOND_FACTOR = "second-factor"
STAGES = {"allauth.account.stages.EmailVerificationStage": "config.stages.AddressStage"}
#: New names are plain ASCII: no width, case or look-alike variant of another can be made.
PLAIN_NAME = re.compile(r"[a-z][a-z0-9._-]{2,39}")
#: Ways to confirm again, the one asked for first in front. A key is asked before a code.
WAYS = {
    "reauthenticate": "改用密码",
    "mfa_reauthenticate:webauthn": "改用安全密钥",
    "mfa_reauthenticate": "改用验证器的六位验证码",
}
FIRST_KEYS = {1: "常用密钥", 2: "备用密钥"}
WRONG = "用户名或密码不正确。"
ELSEWHERE = "您在其他地方的登录已经退出：每个工作账号同时只能有一处登录。"
TOO_MANY = "尝试次数过多。为保护账号，请过几分钟再试；忘记密码请使用“忘记密码”。"


class HouseAccounts(DefaultAccountAdapter):
    """Accounts of the house."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": WRONG,
        "email_password_mismatch": WRONG,
        "too_many_login_attempts": TOO_MANY,
        "incorrect_password": "密码不正确。",
        "enter_current_password": "当前密码不正确。",
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return where a request came from; a proxy is believed only if it is trusted."""
        address = caller_address(
            request.META.get("REMOTE_ADDR", ""),
            request.headers.get("X-Forwarded-For", ""),
            settings.ACCESS.trusted_proxies,
        )
        if address is None:
            raise PermissionDenied
        return str(address)

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Refuse names that could be taken for another's."""
        if not PLAIN_NAME.fullmatch(username):
            raise ValidationError(
                "用户名须以小写字母开头，3 至 40 位，只用小写字母、数字、点、横线和下划线。"
            )
        return super().clean_username(username, shallow=shallow)

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Keep the name and the digest of the person beside what allauth keeps."""
        user = super().save_user(request, user, form, commit=False)
        user.display_name = form.cleaned_data["display_name"]
        user.person_hash = form.cleaned_data["person"]
        if commit:
            user.save()
        return user

    def send_mail(self, template_prefix: str, email: str, context: Any) -> None:
        """Send a mail of the sign-in; a server that does not answer stops nobody."""
        if not settings.MAIL.on:
            return
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException) as error:
            logger.warning("%s was not sent: %s", template_prefix, type(error).__name__)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Tell the owner of an account once somebody failed several times."""
        name = credentials.get("username") or ""
        owner = get_user_model().objects.filter(username__iexact=name).first() if name else None
        if owner is not None:
            warn_owner(owner, self.get_client_ip(request))

    def post_login(self, request: HttpRequest, user: Any, **more: Any) -> Any:
        """End the older sessions of a bureau account; the older browser signs in again."""
        answer = super().post_login(request, user, **more)
        alone = settings.ENTRY.one_bureau_session and realm_of(user) is Realm.BUREAU
        if alone and end_sessions(user, but=request.session.session_key or ""):
            messages.info(request, ELSEWHERE)
        return answer

    def get_login_stages(self) -> list[str]:
        """Let an address be confirmed only where somebody opened the account with one."""
        theirs = super().get_login_stages()
        return [STAGES.get(each, each) for each in theirs]

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """Lead a new account where a sign-in leads."""
        return self.get_login_redirect_url(request)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead somebody who came for a legal person to its binding first."""
        if request.session.get(LEGAL_PERSON):
            return reverse("binding")
        return str(super().get_login_redirect_url(request))

    def set_password(self, user: Any, password: str) -> None:
        """Set a password; every other session of the account ends with the old one."""
        super().set_password(user, password)
        end_sessions(user, but=context.request.session.session_key or "")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask again who it is, unless that was shown just now; a sign-in counts."""
        return not confirmed_recently(context.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Offer the ways that an account has; the first is the one that is asked for."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        words = dict(WAYS)
        if ways and not factors_of(user, APP).exists():
            words["mfa_reauthenticate"] = "改用恢复码"
        order = list(words)
        ways.sort(key=lambda each: order.index(each["id"]))
        return [each | {"description": words[each["id"]]} for each in ways]

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the pages say what happened."""


class HouseFactors(DefaultMFAAdapter):
    """Second factors of the house."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "验证码不正确或已经用过。请等待下一个验证码再试。",
        "cannot_delete_authenticator": (
            "您的账号必须使用双重验证，不能停用最后一种方式。请先添加另一把安全密钥，或者启用验证器。"
        ),
    }

    def get_totp_issuer(self) -> str:
        """Return the name that an authenticator shows."""
        return "普陀区算力券"

    def get_totp_label(self, user: Any) -> str:
        """Return the account's name that an authenticator shows."""
        return str(user.username)

    def encrypt(self, text: str) -> str:
        """Keep secrets of second factors encrypted: a copy of the table opens nothing."""
        return close_text(text, SECOND_FACTOR)

    def decrypt(self, encrypted_text: str) -> str:
        """Open what ``encrypt`` closed, also under an earlier SECRET_KEY."""
        return open_text(encrypted_text, SECOND_FACTOR)

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Forbid taking off the last factor of an account that must have one."""
        return may_go(authenticator)

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002 - theirs
        """Propose a name for a further key."""
        number = factors_of(user, type).count() + 1
        name = FIRST_KEYS.get(number, f"第 {number} 把密钥")
        return said(name) if speaks_english() else name  # in a field nothing else would say it

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Say for whom a key is made: the host of the request, by the name of the service."""
        return super().get_public_key_credential_rp_entity() | {"name": self.get_totp_issuer()}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """Say what a browser shows beside a key."""
        told: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return told | {"name": user.username, "display_name": user.display_name or user.username}
