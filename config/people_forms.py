"""Forms on the pages about people."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms

from config.roles import ROLE_TITLES
from ledger.periods import SHANGHAI

REASON_LONGEST = 200


class InviteForm(forms.Form):
    """Whom to ask in."""

    name = forms.CharField(label="姓名", max_length=100)
    email = forms.EmailField(
        label="电子邮箱", required=False, help_text="填写后我们把链接也发到这个邮箱。"
    )
    role = forms.ChoiceField(label="角色")

    def __init__(self, *args: Any, roles: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["role"]
        choices.choices = [("", "请选择"), *roles.items()]


class InviteColleagueForm(InviteForm):
    """Whom an enterprise asks in."""

    may_submit = forms.BooleanField(label="经办人可以代表企业提交和撤回申请", required=False)


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(label="依据或理由", max_length=REASON_LONGEST)


class ProposeForm(ReasonForm):
    """A role for an account."""

    role = forms.ChoiceField(label="角色", choices=[("", "请选择"), *ROLE_TITLES.items()])
    field_order = ("role", "reason")


class DelegateForm(ReasonForm):
    """Which right, to whom, until when."""

    right = forms.ChoiceField(label="权限")
    taker = forms.ChoiceField(label="受托人")
    last_day = forms.DateField(
        label="最后一天",
        help_text="当天 24:00 自动结束，最长 31 天。例如 2026-12-05",
        widget=forms.DateInput(attrs={"class": "govuk-input--width-10"}),
    )
    field_order = ("right", "taker", "last_day", "reason")

    def __init__(self, *args: Any, rights: Any, colleagues: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("right", rights), ("taker", colleagues)):
            field: Any = self.fields[name]
            field.choices = [("", "请选择"), *choices]

    def until(self) -> datetime:
        """Return the moment at which the last day is over."""
        day: date = self.cleaned_data["last_day"]
        return datetime.combine(day + timedelta(days=1), time(), tzinfo=SHANGHAI)


class ConflictForm(forms.Form):
    """A tie to an enterprise."""

    enterprise = forms.CharField(
        label="企业全称或统一社会信用代码", max_length=200, help_text="须与登记的完全一致。"
    )
    relation = forms.CharField(label="与企业的关系", max_length=REASON_LONGEST)


class AppealForm(forms.Form):
    """Why an enterprise is one's own."""

    statement = forms.CharField(
        label="您与企业的关系和依据",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
