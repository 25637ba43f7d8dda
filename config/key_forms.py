"""Forms about security keys: allauth's own, with answers read strictly and told in words."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn
from allauth.mfa.webauthn.internal.auth import parse_registration_response
from django import forms
from django.core.exceptions import ValidationError
from fido2.utils import websafe_encode
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from config.entry_forms import bounded
from config.factors import KEY, factors_of
from config.security_keys import (
    ALREADY,
    MISSING,
    MOST_KEYS,
    TOO_MANY_KEYS,
    in_words,
    read_answer,
    refuse_useless,
)

LONGEST_NAME = 40


class AnswerField(forms.Field):
    """What a key answered, put in by the script of the page."""

    widget = forms.HiddenInput

    def __init__(self, kind: Any) -> None:
        super().__init__(error_messages={"required": MISSING})
        self.kind = kind

    def to_python(self, value: Any) -> Any:
        """Read the answer."""
        return read_answer(value, self.kind) if value else None

    def prepare_value(self, value: Any) -> str:  # noqa: ARG002 - signature of Django
        """Never show an answer again: each is good for one try."""
        return ""


class _Answered:
    """A form whose hidden field has nowhere to show what is wrong with it."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Show faults of the answer above the form."""
        super().add_error(None if field == "credential" else field, error)  # type: ignore[misc]


def _name(form: Any) -> None:
    bounded(form.fields["name"], "名称", LONGEST_NAME)
    form.fields["name"].help_text = "自己认得出就行，例如“办公室抽屉里的密钥”。"
    form.fields["name"].widget.attrs |= {"maxlength": LONGEST_NAME, "autocomplete": "off"}


class AddKeyForm(_Answered, webauthn.AddWebAuthnForm):
    """Take a security key into use."""

    credential = AnswerField(RegistrationResponse)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self)

    def clean(self) -> dict[str, Any]:
        """Judge the key, then look whether it is known or one too many."""
        told: dict[str, Any] = in_words(super().clean)
        if answer := told.get("credential"):
            self._keep_under_its_number(answer)
            if factors_of(self.user, KEY).count() >= MOST_KEYS:
                raise ValidationError(TOO_MANY_KEYS)
        return told

    def _keep_under_its_number(self, answer: dict[str, Any]) -> None:
        """Name the key by the number it gave itself, and refuse a number that somebody has."""
        made = parse_registration_response(answer).response.attestation_object.auth_data
        refuse_useless(made.credential_data.public_key)
        number = websafe_encode(made.credential_data.credential_id)
        if Authenticator.objects.filter(type=KEY, data__credential__rawId=number).exists():
            raise ValidationError(ALREADY)
        answer |= {"id": number, "rawId": number}


class _Shown(_Answered):
    def clean_credential(self) -> Any:
        """Judge the answer of a key of this account."""
        return in_words(super().clean_credential)  # type: ignore[misc]


class ShowKeyForm(_Shown, webauthn.AuthenticateWebAuthnForm):
    """Show a security key at sign-in."""

    credential = AnswerField(AuthenticationResponse)


class ShowKeyAgainForm(_Shown, webauthn.ReauthenticateWebAuthnForm):
    """Confirm that it is still oneself, by a security key."""

    credential = AnswerField(AuthenticationResponse)


class RenameKeyForm(webauthn.EditWebAuthnForm):
    """Give a security key another name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self)


class RemoveKeyForm(forms.Form):
    """Take a security key off; asks nothing, but says when it must stay."""

    def __init__(self, *args: Any, authenticator: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.authenticator = authenticator

    def clean(self) -> dict[str, Any]:
        """Refuse to take off the last factor of somebody who must have one, as for TOTP."""
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.authenticator):
            raise adapter.validation_error("cannot_delete_authenticator")
        return super().clean() or {}
