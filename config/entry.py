"""Settings around how people come in: second factor, sessions, passwords, government identity."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config.environment import EnvironmentReader

SIGN_IN_APPS = (
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
)
WORKING_DAY_SECONDS = 8 * 3600
MINUTE = 60


@dataclass(frozen=True)
class Entry:
    """How people come in and how long they stay.

    Args:
        second_factor: bureau and provider accounts need a second factor before anything else.
        confirm_again_seconds: acts of weight need a sign-in or a confirmed identity not older
            than this; 0 asks for nothing (the demonstration).
        one_bureau_session: a new sign-in of a bureau account ends its older sessions.
        bureau_idle_seconds, others_idle_seconds: a session unused for this long is over.
        longest_seconds: no session of the bureau lasts longer.
        graded_passwords: passwords after GB/T 22239 level 3 (three kinds of letters, 90 days).
        issuer, client_id, client_secret, issuer_title: the government identity (OIDC), if any.
    """

    second_factor: bool
    confirm_again_seconds: int
    one_bureau_session: bool
    bureau_idle_seconds: int
    others_idle_seconds: int
    longest_seconds: int
    graded_passwords: bool
    issuer: str
    client_id: str
    client_secret: str
    issuer_title: str

    def origins(self) -> list[str]:
        """Return where a form of the house may lead beside the house itself."""
        parts = urlsplit(self.issuer)
        return [f"{parts.scheme}://{parts.netloc}"] if self.issuer else []

    def identity_providers(self) -> dict[str, Any]:
        """Return what allauth is told of the government identity."""
        app = {
            "provider_id": "government",
            "name": self.issuer_title,
            "client_id": self.client_id,
            "secret": self.client_secret,
            "settings": {"server_url": self.issuer, "token_auth_method": "client_secret_post"},
        }
        return {
            "openid_connect": {"APPS": [app] if self.issuer else [], "OAUTH_PKCE_ENABLED": True}
        }


def read_entry(env: EnvironmentReader, *, demo: bool) -> Entry:
    """Read the variables; faults are remembered by the reader."""
    issuer, client_id = env.together("OIDC_ISSUER", "OIDC_CLIENT_ID")
    env.refuse(
        bool(issuer) and not demo and not issuer.startswith("https://"),
        "OIDC_ISSUER must be an https:// address outside the demonstration",
    )
    return Entry(
        second_factor=env.flag("SECOND_FACTOR", default=not demo),
        confirm_again_seconds=env.number("CONFIRM_AGAIN_SECONDS", default=0 if demo else 300),
        one_bureau_session=env.flag("ONE_BUREAU_SESSION", default=not demo),
        bureau_idle_seconds=MINUTE * env.number("BUREAU_IDLE_MINUTES", default=15, at_least=1),
        others_idle_seconds=MINUTE * env.number("OTHERS_IDLE_MINUTES", default=60, at_least=1),
        longest_seconds=WORKING_DAY_SECONDS,
        graded_passwords=env.flag("MLPS_PASSWORD_POLICY", default=False),
        issuer=issuer,
        client_id=client_id,
        client_secret=env.text("OIDC_CLIENT_SECRET", ""),
        issuer_title=env.text("OIDC_TITLE", "一网通办法人登录"),
    )


_PASSWORD = "django.contrib.auth.password_validation."  # noqa: S105 - a module path


def password_rules(*, graded: bool) -> list[dict[str, Any]]:
    """Return the validators of new passwords."""
    rules: list[dict[str, Any]] = [
        {"NAME": _PASSWORD + "UserAttributeSimilarityValidator"},
        {"NAME": _PASSWORD + "MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
        {"NAME": _PASSWORD + "CommonPasswordValidator"},
        {"NAME": _PASSWORD + "NumericPasswordValidator"},
        {"NAME": "config.passwords.NoLocalWords"},
        {"NAME": "config.passwords.Length"},
    ]
    return [*rules, {"NAME": "config.passwords.ThreeKinds"}] if graded else rules


def _factor_settings() -> dict[str, Any]:
    """Return the settings of second factors; a key alone opens nothing without the password."""
    codes, keys = "config.entry_forms.", "config.key_forms."
    return {
        "MFA_ADAPTER": "config.adapters.HouseFactors",
        "MFA_FORMS": {
            "authenticate": codes + "FactorForm",
            "reauthenticate": codes + "FactorAgainForm",
            "activate_totp": codes + "ActivateFactorForm",
            "authenticate_webauthn": keys + "ShowKeyForm",
            "reauthenticate_webauthn": keys + "ShowKeyAgainForm",
            "add_webauthn": keys + "AddKeyForm",
            "edit_webauthn": keys + "RenameKeyForm",
        },
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": False,
        "MFA_PASSKEY_SIGNUP_ENABLED": False,
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,  # accounts of the bureau come by invitation
    }


def sign_in_settings(entry: Entry, *, confirm: bool, encrypted: bool) -> dict[str, Any]:
    """Return the settings of allauth, and of the cache in which tries are counted.

    Args:
        confirm: an address given at sign-up must be confirmed by mail before the first sign-in.
        encrypted: people come by https.
    """
    forms = "config.entry_forms."
    account = {
        "login": "LoginForm",
        "signup": "SignupForm",
        "reset_password": "ResetPasswordForm",
        "reset_password_from_key": "ResetPasswordKeyForm",
        "change_password": "ChangePasswordForm",
        "reauthenticate": "ConfirmForm",
    }
    return {
        "LOGIN_URL": "login",
        "LOGIN_REDIRECT_URL": "entrance",
        "LOGOUT_REDIRECT_URL": "home",
        "AUTH_PASSWORD_VALIDATORS": password_rules(graded=entry.graded_passwords),
        "AUTHENTICATION_BACKENDS": [
            "allauth.account.auth_backends.AuthenticationBackend",
            "config.standing_in.StandingIn",
        ],
        "ACCOUNT_ADAPTER": "config.adapters.HouseAccounts",
        "ACCOUNT_LOGIN_METHODS": {"username", "email"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "email*", "password1*", "password2*"],
        "ACCOUNT_EMAIL_VERIFICATION": "mandatory" if confirm else "optional",
        "ACCOUNT_EMAIL_NOTIFICATIONS": True,
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": "【普陀区算力券】",
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if encrypted else "http",
        "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE": False,  # the other sessions end, this one stays
        "ACCOUNT_REAUTHENTICATION_METHODS": ["password", "mfa"],  # a code by mail has no page here
        "ACCOUNT_SESSION_REMEMBER": False,
        "ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS": False,  # one may come in as somebody else
        "ACCOUNT_FORMS": {name: forms + each for name, each in account.items()},
        # Many come from one address (an office, a carrier): only failures count against it.
        "ACCOUNT_RATE_LIMITS": {
            "login": None,
            "login_failed": "60/m/ip,5/300s/key",
            "signup": "60/m/ip",
        },
        **_factor_settings(),
        "SOCIALACCOUNT_ADAPTER": "config.government.GovernmentAccounts",
        "SOCIALACCOUNT_EMAIL_VERIFICATION": "none",  # the government vouches, not a mail
        "SOCIALACCOUNT_EMAIL_REQUIRED": False,
        "SOCIALACCOUNT_PROVIDERS": entry.identity_providers(),
        "USERSESSIONS_TRACK_ACTIVITY": False,
        # All processes of the house count tries together.
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "config_cache",
            }
        },
    }
