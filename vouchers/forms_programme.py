"""The forms of an edition's way to publication and after; the acts judge what was typed."""

from typing import Any

from django import forms

from vouchers.forms import QuietForm
from vouchers.models import EditionOpinion


def _long(label: str, hint: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 5})
    return forms.CharField(label=label, help_text=hint, widget=widget)


def _short(label: str, hint: str = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(label=label, help_text=hint, max_length=100, required=required)


class ActForm(QuietForm):
    """A form whose empty fields are told by the act, in its own words."""

    def _clean_fields(self) -> None:
        asked = {name: field.required for name, field in self.fields.items()}
        for field in self.fields.values():
            field.required = False
        super()._clean_fields()  # type: ignore[misc]
        for name, field in self.fields.items():
            field.required = asked[name]


class EditionForm(QuietForm):
    """An edition file to be taken in as a draft."""

    file = forms.FileField(label="方案文件（TOML）", help_text="UTF-8 编码，不超过 200 KB。")

    def text(self) -> str:
        """Return the text of the file.

        Raises:
            UnicodeDecodeError: not UTF-8.
        """
        content: bytes = self.cleaned_data["file"].read()
        return content.decode()


class StepForm(ActForm):
    """A step that needs nothing but the button."""


class OpinionForm(ActForm):
    """What legal or fair-competition review said."""

    kind = forms.ChoiceField(label="审查类别", choices=EditionOpinion.Kind.choices)
    outcome = forms.ChoiceField(
        label="结论",
        choices=EditionOpinion.Outcome.choices,
        widget=forms.RadioSelect,
    )
    document_no = _short("审查意见书文号", "例如：普司审〔2026〕8号。")
    text = _long("审查意见")


class ConsultForm(ActForm):
    """A period for comments and what it is about."""

    days = forms.IntegerField(
        label="征求意见天数",
        help_text="7 到 30 天；截止日遇节假日顺延到下一个工作日。",
        initial=30,
    )
    notice = _long("征求意见说明", "写明背景、联系人和反馈方式，将公开。")

    def clean_days(self) -> int:
        """Return the days; nothing typed is out of range, told by the act."""
        return self.cleaned_data["days"] or 0


class AnswerForm(ActForm):
    """What became of the comments."""

    summary = _long("意见采纳情况", "逐类说明采纳、部分采纳、未采纳及理由，将公开。")


class PublishForm(ActForm):
    """The number of the normative document."""

    document_no = _short("规范性文件文号", "例如：普数据规〔2026〕1号。")


class ReasonForm(ActForm):
    """Why; it will be public."""

    reason = _long("理由", "理由会公开。")


class EvaluateForm(ActForm):
    """The result of the performance evaluation."""

    score = forms.IntegerField(label="绩效评价得分", help_text="0 到 100 分。")
    document_no = _short("绩效评价报告文号")

    def clean_score(self) -> int:
        """Return the score; nothing typed is out of range, told by the act."""
        score = self.cleaned_data["score"]
        return -1 if score is None else score


class CommentForm(ActForm):
    """A comment of anybody, under a real name."""

    name = _short("姓名", "请填写真实姓名，不会公开。")
    organisation = _short("单位", required=False)
    contact = _short("联系方式", "电话或邮箱，只用于核实和答复，不会公开。")
    text = _long("意见内容", "请尽量写明针对哪一条规则，5 到 3000 个字。")


FORMS: dict[str, type[QuietForm]] = {
    "propose": StepForm,
    "opinion": OpinionForm,
    "consult": ConsultForm,
    "return": ReasonForm,
    "answer": AnswerForm,
    "publish": PublishForm,
    "pause": ReasonForm,
    "resume": ReasonForm,
    "close": ReasonForm,
    "settle": ReasonForm,
    "evaluate": EvaluateForm,
    "archive": ReasonForm,
}


def step_form(step: str, typed: Any = None) -> QuietForm:
    """Return the form of a step, its ids unique on a page that shows several."""
    return FORMS[step](typed, auto_id=f"id_{step}_%s")
