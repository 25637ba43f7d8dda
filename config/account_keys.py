"""Door: the second factor and its security keys: allauth's views, with what the house shows.

allauth builds its forms anew when one is refused, and forgets why; here the refused one is shown.
"""

import json
from typing import Any

from allauth.mfa.base import views as factor
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from config.account import overview, own, public
from config.factors import APP, factors_of, one_at_a_time
from config.key_forms import RemoveKeyForm
from ledger.rights import signed_in


class _AsksAKey:
    """A page that asks for a key: the question lies in its markup, not in a script."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Keep the form that was refused; write the question for the key."""
        told: dict[str, Any] = super().get_context_data(**kwargs) | kwargs  # type: ignore[misc]
        return told | {"key_options": json.dumps(told["js_data"])}


class SignIn(_AsksAKey, factor.AuthenticateView):
    """Show the second factor: a key, a code, or whichever the account has."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say which kinds the account has."""
        told = super().get_context_data(**kwargs)
        has_key = bool(told["js_data"]["request_options"]["publicKey"]["allowCredentials"])
        has_app = factors_of(self.stage.login.user, APP).exists()
        return told | {"has_key": has_key, "has_app": has_app}


class ConfirmByKey(_AsksAKey, webauthn.ReauthenticateWebAuthnView):
    """Confirm by a key that it is still oneself."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show what was wrong, and ask again."""
        return self.render_to_response(self.get_context_data(form=form))


class AddKey(_AsksAKey, webauthn.AddWebAuthnView):
    """Take a key into use."""


class RemoveKey(webauthn.RemoveWebAuthnView):
    """Take a key off, unless it must stay."""

    form_class = RemoveKeyForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Judge at once whether it may go, as the page about the authenticator app does."""
        return {"data": {}} | super().get_form_kwargs() | {"authenticator": self.object}


@signed_in
@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """Let somebody who needs a second factor choose its kind."""
    has_app = factors_of(request.user, APP).exists()
    return render(request, "mfa/choose.html", {"has_app": has_app})


urlpatterns = [
    path("account/", overview, name="mfa_list_webauthn"),
    path("account/factor/", choose, name="account_factor"),
    path("account/factor/sign-in/", public(SignIn.as_view()), name="mfa_authenticate"),
    path("account/factor/confirm/", own(factor.reauthenticate), name="mfa_reauthenticate"),
    path("account/factor/activate/", own(totp.activate_totp), name="mfa_activate_totp"),
    path(
        "account/factor/deactivate/",
        own(one_at_a_time(totp.deactivate_totp)),
        name="mfa_deactivate_totp",
    ),
    path("account/factor/keys/add/", own(AddKey.as_view()), name="mfa_add_webauthn"),
    path(
        "account/factor/keys/confirm/",
        own(ConfirmByKey.as_view()),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "account/factor/keys/<int:pk>/name/",
        own(webauthn.edit_webauthn),
        name="mfa_edit_webauthn",
    ),
    path(
        "account/factor/keys/<int:pk>/remove/",
        own(one_at_a_time(RemoveKey.as_view())),
        name="mfa_remove_webauthn",
    ),
]
