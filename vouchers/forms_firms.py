"""The forms about enterprises: standing, registers, inquiries, decisions on criteria."""

from typing import Any

from django import forms

from vouchers.forms import QuietForm
from vouchers.models import RegisterImport, StandingRequest

#: What one person may do at once, by state: event -> words.
ALONE = {
    "active": {"watch": "列入关注", "suspend": "暂停资格", "move_out": "登记迁出"},
    "watch": {"clear_watch": "解除关注", "suspend": "暂停资格", "move_out": "登记迁出"},
    "suspended": {"reinstate": "恢复资格", "move_out": "登记迁出"},
    "registered": {"suspend": "暂停资格"},
    "moved_out": {"move_in": "登记迁回"},
    "barred": {"end_bar": "期满恢复"},
}
DAY = forms.DateInput(attrs={"type": "date"})


class DayField(forms.DateField):
    """A day, typed or picked."""

    def __init__(self, **told: Any) -> None:
        super().__init__(
            widget=DAY, error_messages={"invalid": "请填写日期，例如 2026-10-01。"}, **told
        )


class StandingForm(QuietForm):
    """A change one person may make at once."""

    event = forms.ChoiceField(label="办理事项", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="理由和依据", help_text="写明文号或核查情况，仅内部可见。", max_length=300
    )
    left_on = DayField(label="迁出日期", help_text="只在登记迁出时填写。", required=False)

    def __init__(self, state: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["event"]
        choices.choices = list(ALONE.get(state, {}).items())


class ProposeForm(QuietForm):
    """A change that takes a second person."""

    event = forms.ChoiceField(
        label="提请事项", choices=StandingRequest.Event.choices, widget=forms.RadioSelect
    )
    reason = forms.CharField(label="理由和文号", max_length=300)
    until = DayField(label="取消资格至", help_text="只在取消资格时填写。", required=False)
    successor = forms.CharField(
        label="承继企业的统一社会信用代码", help_text="只在合并时填写。", required=False
    )


class RenameForm(QuietForm):
    """A new name with its proof."""

    name = forms.CharField(label="新名称", max_length=200)
    document_no = forms.CharField(label="变更登记文号", max_length=200)
    effective_on = DayField(label="生效日期")


class RegisterForm(QuietForm):
    """A register file to be previewed."""

    register = forms.ChoiceField(label="名录", choices=RegisterImport.Register.choices)
    source = forms.CharField(label="来源单位和文号", max_length=200)
    as_of = DayField(label="截至日期")
    file = forms.FileField(
        label="名录文件（CSV）", help_text="UTF-8 或 GB18030 编码，不超过 5 MB、50000 行。"
    )

    def content(self) -> tuple[str, bytes]:
        """Return name and bytes of the file."""
        chosen: Any = self.cleaned_data["file"]
        return chosen.name or "", chosen.read()


class ReasonForm(QuietForm):
    """Why."""

    reason = forms.CharField(label="理由", max_length=300)


class InquiryForm(QuietForm):
    """What came of an inquiry."""

    upheld = forms.ChoiceField(
        label="核查结论",
        choices=[("yes", "属实"), ("no", "排除")],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label="理由和依据", widget=forms.Textarea, max_length=1000)


class CriterionForm(QuietForm):
    """A person's decision about one criterion."""

    code = forms.CharField(widget=forms.HiddenInput)
    met = forms.ChoiceField(
        label="认定",
        choices=[("yes", "认定符合"), ("no", "认定不符合")],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label="理由", max_length=1000)
    evidence = forms.CharField(
        label="依据材料", help_text="例如：营业执照原件、审计报告编号。", max_length=300
    )
