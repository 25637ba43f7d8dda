"""Forms by which people come in: allauth's own, in the words and limits of the house."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as factor
from allauth.mfa.totp import forms as totp
from django import forms

from config.factors import APP, factors_of
from config.passwords import LONGEST
from config.persons import IdentityRefused, clean_identity, person_of

CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "class": "govuk-input--width-10"}
LONGEST_LOGIN = 150


def bounded(field: Any, label: str, longest: int = LONGEST) -> None:
    """Give a field its Chinese name and a limit that is checked before anything is computed."""
    field.label = label
    field.max_length = longest
    field.validators = [*field.validators, forms.CharField(max_length=longest).validators[0]]
    field.widget.attrs.pop("placeholder", None)


class LoginForm(account.LoginForm):
    """Sign in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bounded(self.fields["login"], "用户名", LONGEST_LOGIN)
        self.fields["login"].widget.attrs |= {
            "autocomplete": "username", "autocapitalize": "none", "spellcheck": "false",
        }  # fmt: skip
        bounded(self.fields["password"], "密码")
        self.fields["password"].help_text = ""


class SignupForm(account.SignupForm):
    """Open an account for an enterprise: name, and the digest of an identity number."""

    display_name = forms.CharField(label="姓名", max_length=100)
    identity = forms.CharField(
        label="身份证号码",
        max_length=24,
        help_text="只保存加盐摘要，用来保证同一自然人不会同时站在两边；号码本身不保存。",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("username", "display_name", "identity", "email", "password1", "password2")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = {
            "username": "用户名",
            "email": "电子邮箱",
            "password1": "密码",
            "password2": "再输一次密码",
        }
        for name, label in named.items():
            if name in self.fields:
                bounded(self.fields[name], label)
        self.fields["username"].help_text = "小写字母开头，可用数字、点、横线和下划线。"

    def clean_identity(self) -> str:
        """Turn the number into its digest at once; the number goes no further."""
        try:
            number = clean_identity(self.cleaned_data["identity"])
        except IdentityRefused as error:
            raise forms.ValidationError(str(error)) from error
        self.cleaned_data["person"] = person_of(number)
        return ""


class ResetPasswordForm(account.ResetPasswordForm):
    """Ask for a link to set a new password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bounded(self.fields["email"], "电子邮箱", 254)


class ResetPasswordKeyForm(account.ResetPasswordKeyForm):
    """Set a new password by a link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bounded(self.fields["password1"], "新密码")
        bounded(self.fields["password2"], "再输一次新密码")


class ChangePasswordForm(account.ChangePasswordForm):
    """Change one's own password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bounded(self.fields["oldpassword"], "当前密码")
        bounded(self.fields["password1"], "新密码")
        bounded(self.fields["password2"], "再输一次新密码")


class ConfirmForm(account.ReauthenticateForm):
    """Confirm that it is still oneself, by password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bounded(self.fields["password"], "密码")


class _Code:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]  # type: ignore[attr-defined]
        bounded(field, "六位验证码", 20)
        field.widget.attrs |= CODE


class _OwnCode(_Code):
    """The code of an account: without an authenticator app only recovery codes are there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not factors_of(self.user, APP).exists():  # type: ignore[attr-defined]
            self.fields["code"].label = "恢复码"  # type: ignore[attr-defined]


class FactorForm(_OwnCode, factor.AuthenticateForm):
    """Show the second factor at sign-in."""


class FactorAgainForm(_OwnCode, factor.ReauthenticateForm):
    """Confirm that it is still oneself, by the second factor."""


class ActivateFactorForm(_Code, totp.ActivateTOTPForm):
    """Take a second factor into use."""
