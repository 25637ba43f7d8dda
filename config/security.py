"""What somebody may know and do about their own account: factors, recovery codes, sessions."""

import io
from typing import Any

import segno
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.http import HttpRequest

from config.factors import APP, KEY, factors_of, may_go
from config.passwords import GOOD_FOR
from config.realms import needs_second_factor
from config.sessions import end_sessions

SECRET_KEY = "mfa.totp.secret"  # noqa: S105 - where allauth keeps it in the session


def overview(request: HttpRequest) -> dict[str, Any]:
    """Return what the page of one's own account shows."""
    user: Any = request.user
    factors = list(factors_of(user))
    app = next((each for each in factors if each.type == APP), None)
    codes = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    changed = user.password_changed_at
    return {
        "person": user,
        "has_factor": bool(factors),
        "app": app,
        "app_may_go": app is not None and may_go(app),
        "keys": [
            {
                "pk": each.pk,
                "name": each.wrap().name,
                "added_at": each.created_at,
                "used_at": each.last_used_at,
            }
            for each in factors
            if each.type == KEY
        ],
        "must_have_factor": needs_second_factor(user),
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "sessions": [
            {
                "pk": each.pk,
                "began_at": each.created_at,
                "address": each.ip,
                "browser": browser_of(each.user_agent),
                "here": each.session_key == request.session.session_key,
            }
            for each in UserSession.objects.purge_and_list(user)
        ],
        "changed_at": changed,
        "change_by": changed + GOOD_FOR if changed and settings.ENTRY.graded_passwords else None,
    }


def factor_code(request: HttpRequest) -> bytes:
    """Return the picture of the secret that is being taken into use; empty if there is none."""
    secret = request.session.get(SECRET_KEY)
    if not secret:
        return b""
    address = get_adapter().build_totp_url(request.user, secret)
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", scale=5, border=4, light="white")
    return drawn.getvalue()


def end_own(request: HttpRequest, which: str) -> int:
    """End one session of one's own by its number, or with ``others`` all but this one."""
    here = request.session.session_key or ""
    if which == "others":
        return end_sessions(request.user, but=here)
    rows = UserSession.objects.filter(user=request.user).exclude(session_key=here)
    one = rows.filter(pk=int(which)).first() if which.isascii() and which.isdigit() else None
    if one is None:
        return 0
    one.end()
    return 1


def browser_of(agent: str) -> str:
    """Return a browser's name out of what it says of itself."""
    known = {
        "Edg": "Edge",
        "Firefox": "Firefox",
        "Chrome": "Chrome",
        "Safari": "Safari",
        "MicroMessenger": "微信",
    }
    system = {"Windows": "Windows", "Android": "安卓", "iPhone": "iPhone", "Mac OS": "macOS"}
    name = next((word for key, word in known.items() if key in agent), "其他浏览器")
    under = next((word for key, word in system.items() if key in agent), "")
    return f"{name}（{under}）" if under else name
