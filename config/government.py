"""The government identity (OIDC): who came, for which legal person, and whose account that is.

allauth carries the flow (state, PKCE, code for token); here the nonce is added and checked, the
signature of the identity token is always verified, and the claims become an account. Of the
identity number only its digest is kept.
"""

import hashlib
import secrets
from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from config.adapters import LEGAL_PERSON
from config.models import User
from config.persons import IdentityRefused, clean_identity, person_of

NONCE = "government_nonce"
NONCE_BYTES = 16
LONGEST_NAME = 100
KEPT_CLAIMS = ("sub", "name", "org_uscc", "org_name")


class GovernmentIdentity(OpenIDConnectOAuth2Adapter):
    """The flow, with a nonce that ties the identity token to this browser."""

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        """Verify signature, issuer, audience and nonce of an identity token."""
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        wanted = self.request.session.pop(NONCE, "")
        if not wanted or not secrets.compare_digest(str(claims.get("nonce", "")), wanted):
            raise OAuth2Error("the identity token is not the answer to this sign-in")
        return claims

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Turn the claims into a sign-in; of the identity number only the digest goes on.

        Nobody comes in whose answer carries no identity token.
        """
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("no identity token")
        claims = self._decode_id_token(app, kwargs["response"]["id_token"])
        told = {name: str(claims[name]) for name in KEPT_CLAIMS if claims.get(name)}
        told["person"] = _person(claims)
        return self.get_provider().sociallogin_from_response(request, {"id_token": told})


def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Lead to the government's page, with a fresh nonce."""
    if request.method == "POST":
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        request.session[NONCE] = nonce
        asked = request.GET.copy()
        asked["auth_params"] = f"nonce={nonce}"  # whatever a link brought along is replaced
        asked.pop("scope", None)
        request.GET = asked  # type: ignore[assignment]
    return _view(OAuth2LoginView, request, provider_id)


def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take the answer of the government's page."""
    return _view(OAuth2CallbackView, request, provider_id)


def _view(kind: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    adapter = GovernmentIdentity(request, provider_id)
    try:
        adapter.get_provider()
    except Exception as error:
        raise Http404 from error
    answer: HttpResponse = kind.adapter_view(adapter)(request)
    return answer


class GovernmentAccounts(DefaultSocialAccountAdapter):
    """Which account a government identity is."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """A known identity opens its account by itself."""
        return True

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Ask for nothing more: the government told who it is."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Remember for which legal person somebody came; join the account they have already."""
        claims = _claims(sociallogin)
        if claims.get("org_uscc"):
            request.session[LEGAL_PERSON] = {
                "uscc": str(claims["org_uscc"])[:18],
                "name": str(claims.get("org_name", ""))[:200],
            }
        if sociallogin.is_existing:
            return
        known = User.objects.filter(person_hash=claims["person"], is_active=True)
        if known.filter(groups__isnull=False).exists():
            raise PermissionDenied  # officers sign in as officers, with their second factor
        if known.count() == 1:
            sociallogin.connect(request, known.get())

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: Any) -> Any:
        """Fill a new account from the claims."""
        user, claims = sociallogin.user, _claims(sociallogin)
        number = hashlib.sha256(sociallogin.account.uid.encode()).hexdigest()[:16]
        user.username = f"gov-{number}"
        user.display_name = str(claims.get("name", ""))[:LONGEST_NAME]
        user.person_hash = claims["person"]
        user.email = ""
        return user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """Keep the account; it has no password."""
        user = sociallogin.user
        user.set_unusable_password()
        sociallogin.save(request)
        return user


def _claims(sociallogin: Any) -> dict[str, Any]:
    claims: dict[str, Any] = sociallogin.account.extra_data["id_token"]
    return claims


def _person(claims: dict[str, Any]) -> str:
    """Return the natural person: by identity number where it is told, else by the subject."""
    number = str(claims.get("id_number", ""))
    try:
        return person_of(clean_identity(number))
    except IdentityRefused:
        return person_of(f"{claims.get('iss', '')}|{claims['sub']}")
