"""Door: sign in and out, passwords, recovery codes, sessions: allauth's views in the house's frame.

Only what is listed here is reachable; each line states who may come.
"""

from typing import Any

from allauth.account import views as account
from allauth.mfa.recovery_codes import views as recovery
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, register_converter
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config import government, security
from ledger import rights
from ledger.rights import signed_in, stating


class Base36:
    """The number of an account in a link, up to the first dash."""

    regex = "[0-9A-Za-z]+"

    def to_python(self, value: str) -> str:
        """Return it as it stands."""
        return value

    def to_url(self, value: str) -> str:
        """Return it as it stands."""
        return value


register_converter(Base36, "base36")
_plainly = require_http_methods(["GET", "HEAD", "POST"])


def public(view: Any) -> Any:
    """Open a view of allauth to anybody; no other methods than reading and sending."""
    return rights.public(_plainly(view))


def own(view: Any) -> Any:
    """Mark a view of allauth that asks for a sign-in by itself."""
    return stating("signed in", _plainly(view))


@signed_in
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Show how one's own account is protected, and where it is signed in."""
    return render(request, "account/overview.html", security.overview(request))


@signed_in
@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """Sign out one other browser of one's own, or all others."""
    ended = security.end_own(request, request.POST.get("session", ""))
    messages.success(request, f"已退出 {ended} 处登录。" if ended else "那一处登录已经结束。")
    return redirect("account")


@signed_in
@require_GET
def factor_code(request: HttpRequest) -> HttpResponse:
    """Draw the code that an authenticator scans; only while one is being taken into use."""
    drawn = security.factor_code(request)
    return HttpResponse(drawn, content_type="image/svg+xml") if drawn else HttpResponse(status=404)


urlpatterns = [
    path("login/", public(account.login), name="login"),
    path("login/", public(account.login), name="account_login"),
    path("logout/", public(account.logout), name="logout"),
    path("logout/", public(account.logout), name="account_logout"),
    path("account/inactive/", public(account.account_inactive), name="account_inactive"),
    path("account/signup/", public(account.signup), name="account_signup"),
    path(
        "account/email/sent/",
        public(account.email_verification_sent),
        name="account_email_verification_sent",
    ),
    path(
        "account/email/confirm/<str:key>/",
        public(account.confirm_email),
        name="account_confirm_email",
    ),
    path("account/password/reset/", public(account.password_reset), name="account_reset_password"),
    path(
        "account/password/reset/done/",
        public(account.password_reset_done),
        name="account_reset_password_done",
    ),
    path(
        "account/password/reset/key/<base36:uidb36>-<str:key>/",
        public(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "account/password/reset/key/done/",
        public(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("account/password/", own(account.password_change), name="account_change_password"),
    path("account/password/set/", own(account.password_set), name="account_set_password"),
    path("account/confirm/", own(account.reauthenticate), name="account_reauthenticate"),
    path("account/", overview, name="account"),
    path("account/", overview, name="mfa_index"),
    path("account/", overview, name="usersessions_list"),
    path(
        "account/identity/<slug:provider_id>/",
        public(government.login),
        name="openid_connect_login",
    ),
    path(
        "account/identity/<slug:provider_id>/callback/",
        public(government.callback),
        name="openid_connect_callback",
    ),
    path("account/", overview, name="socialaccount_connections"),
    path("account/sessions/end/", end_session, name="account_end_session"),
    path("account/factor/code/", factor_code, name="account_factor_code"),
    path(
        "account/factor/recovery/",
        own(recovery.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "account/factor/recovery/new/",
        own(recovery.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
]
