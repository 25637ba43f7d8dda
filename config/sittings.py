"""How long somebody sits here, and what they must show before they go on.

Idle and absolute limits, the mandatory second factor, passwords past their age, and the identity
that acts of weight ask for again (reliability 2.2 B3 B10, 4.9 I10 I13).
"""

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import suspend_request
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from config.confirming import confirmed_recently
from config.factors import factors_of
from config.matrix import asks_again
from config.passwords import too_old
from config.realms import Realm, realm_here
from ledger import clock

Answer = Callable[[HttpRequest], HttpResponse]
ENTERED, SEEN, FACTOR = "entered_at", "seen_at", "has_factor"
SEEN_STEP_SECONDS = 60
#: What stays open to somebody who still has to show a second factor or change a password.
ALWAYS_OPEN = ("/account/", "/logout/", "/display/", "/public/", "/static/", "/livez", "/readyz")


class SittingMiddleware:
    """Judge each request of a signed-in person before any page is asked."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """End what has lasted too long; lead to what is missing; else pass on."""
        if not request.user.is_authenticated:
            return self.get_response(request)
        return _ended(request) or _missing(request) or self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Ask who it is once more before an act of weight, and do the act after the answer."""
        match = request.resolver_match
        if request.method != "POST" or not match or match.url_name not in asks_again():
            return None
        if not request.user.is_authenticated or confirmed_recently(request):
            return None
        ways = get_adapter().get_reauthentication_methods(request.user)
        if not ways:
            raise PermissionDenied
        return suspend_request(request, ways[0]["url"])


def _ended(request: HttpRequest) -> HttpResponse | None:
    entry, session = settings.ENTRY, request.session
    now = int(clock.now().timestamp())
    entered, seen = session.get(ENTERED, now), session.get(SEEN, now)
    bureau = realm_here(request) is Realm.BUREAU
    idle = entry.bureau_idle_seconds if bureau else entry.others_idle_seconds
    if now - seen >= idle or (bureau and now - entered >= entry.longest_seconds):
        logout(request)
        messages.warning(request, "您较长时间没有操作，已自动退出。请重新登录；已保存的内容都在。")
        return redirect_to_login(request.get_full_path())
    if ENTERED not in session:
        session[ENTERED] = now
    if SEEN not in session or now - seen >= SEEN_STEP_SECONDS:
        session[SEEN] = now
    return None


def _missing(request: HttpRequest) -> HttpResponse | None:
    if request.path.startswith(ALWAYS_OPEN):
        return None
    if settings.ENTRY.second_factor and not _has_factor(request):
        messages.warning(request, "您的账号必须先启用双重验证，才能办理业务。")
        return redirect("account_factor")
    if settings.ENTRY.graded_passwords and too_old(request.user):
        messages.warning(request, "密码已使用超过 90 天，请先更换密码。")
        return redirect("account_change_password")
    return None


def _has_factor(request: HttpRequest) -> bool:
    """Say whether nothing is missing: not needed, or there; looked up once a session."""
    if realm_here(request) not in (Realm.BUREAU, Realm.PROVIDER) or request.session.get(FACTOR):
        return True
    found = factors_of(request.user).exists()
    if found:
        request.session[FACTOR] = True
    return found
