"""The forms of the bureau's case pages and of objections: they ask, the acts decide."""

from typing import Any

from django import forms

from ledger.identifiers import new_id
from vouchers.forms import QuietForm, YuanField
from vouchers.models import Application, JointReply, NoticeObjection, Reconsideration
from vouchers.pages_case import clauses_of

SEEN_BY_ALL = "此内容企业可见。"
INSIDE = "仅内部可见。"


def _long(label: str, hint: str = "", *, required: bool = False, rows: int = 4) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=hint,
        required=required,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class FirstReviewForm(QuietForm):
    """First review: recommend support or refusal; a supplement has its own page."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    decision = forms.ChoiceField(
        label="初审意见",
        choices=[("pass", "建议支持"), ("return", "要求补正"), ("reject", "建议不予支持")],
        widget=forms.RadioSelect,
    )
    approved = YuanField(
        label="核定金额（元）", help_text="建议支持时填写；低于申请金额须写明理由。", required=False
    )
    clause = forms.ChoiceField(label="依据条款", help_text="不予支持时必选。", required=False)
    reason = _long("对外理由", SEEN_BY_ALL)
    internal = _long("内部意见", INSIDE)

    def __init__(self, application: Application, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clause: Any = self.fields["clause"]
        told = clauses_of(application.programme.edition)
        clause.choices = [("", "请选择"), *((each, each) for each in told)]


class SecondReviewForm(QuietForm):
    """Second review: agree or send back."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    decision = forms.ChoiceField(
        label="复审意见",
        choices=[("agree", "同意初审意见"), ("return", "退回初审")],
        widget=forms.RadioSelect,
    )
    reason = _long("对外理由", SEEN_BY_ALL)
    internal = _long("内部意见", "仅内部可见；退回时写明原因。")


class RefuseForm(QuietForm):
    """Confirm that a hard condition is unmet."""

    reason = _long("不予受理的理由", SEEN_BY_ALL, required=True)


class JointReplyForm(QuietForm):
    """What a department answered."""

    department = forms.ChoiceField(label="部门")
    outcome = forms.ChoiceField(
        label="答复", choices=JointReply.Outcome.choices, widget=forms.RadioSelect
    )
    document_no = forms.CharField(label="复函文号", help_text="口头答复不作依据。", max_length=80)
    text = _long("答复内容", "有情况时必填，仅内部可见。")

    def __init__(self, departments: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        department: Any = self.fields["department"]
        department.choices = [(each, each) for each in departments]


class ObjectionForm(QuietForm):
    """An objection to one line of a notice, by real name."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)
    item = forms.ChoiceField(label="对哪一条有异议")
    statement = _long("异议事项和理由", "写清楚哪一点不符。", rows=6, required=True)
    evidence = _long("证据说明", "证据是什么、从哪里可以查到。", required=True)
    file = forms.FileField(
        label="证据文件", help_text="PDF、JPG 或 PNG，不超过 10 MB。", required=False,
        allow_empty_file=True,
    )  # fmt: skip
    name = forms.CharField(
        label="真实姓名", required=True, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    body = forms.CharField(label="所在单位", max_length=100, required=False)
    phone = forms.CharField(
        label="联系电话",
        help_text="手机号，或带区号的固定电话。核查时用于与您联系。",
        required=True,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
    mail = forms.CharField(
        label="电子邮箱",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "email"}),
    )
    signature = forms.CharField(
        label="签名",
        help_text="再写一遍您的姓名，表示以上内容属实，愿意接受核实。",
        required=True,
    )

    def __init__(self, items: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        item: Any = self.fields["item"]
        item.choices = [("", "请选择"), *items]


class InvestigateForm(QuietForm):
    """What the look into an objection found."""

    finding = forms.ChoiceField(
        label="核查结论", choices=NoticeObjection.Finding.choices, widget=forms.RadioSelect
    )
    text = _long("核查情况", "查了什么、查到什么。仅内部可见。", rows=6, required=True)


class DecideObjectionForm(QuietForm):
    """The written answer to an objection."""

    clause = forms.ChoiceField(label="依据条款", help_text="异议成立时必选。", required=False)
    reply = _long("给异议人的书面答复", "异议人凭编号可以看到。", rows=6, required=True)

    def __init__(self, application: Application, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        clause: Any = self.fields["clause"]
        told = clauses_of(application.programme.edition)
        clause.choices = [("", "请选择"), *((each, each) for each in told)]


class ReturnForm(QuietForm):
    """Why something is sent back."""

    reason = _long("退回理由", INSIDE, required=True)


class AskReconsiderForm(QuietForm):
    """Why a refusal should be looked at again."""

    statement = _long("复核理由", "写明哪一点、依据什么。只能申请一次。", rows=6, required=True)


class ReconsiderForm(QuietForm):
    """The second look."""

    outcome = forms.ChoiceField(
        label="复核结果", choices=Reconsideration.Outcome.choices, widget=forms.RadioSelect
    )
    reply = _long("复核理由", SEEN_BY_ALL, rows=6, required=True)


class EntitlementForm(QuietForm):
    """A list of enterprises that need not apply."""

    programme = forms.ChoiceField(label="方案")
    document_no = forms.CharField(label="名单文号", max_length=100)
    file = forms.FileField(
        label="名单（CSV）",
        help_text="UTF-8 编码，表头：统一社会信用代码，企业名称，金额（元）。",
        required=False,
        allow_empty_file=True,
    )

    def __init__(self, programmes: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        programme: Any = self.fields["programme"]
        programme.choices = programmes

    def clean_file(self) -> str:
        """Return the text of the list."""
        chosen = self.cleaned_data.get("file")
        if not chosen:
            raise forms.ValidationError("请选择名单文件。")
        try:
            return str(chosen.read().decode("utf-8-sig"))
        except UnicodeDecodeError as wrong:
            raise forms.ValidationError("名单须为 UTF-8 编码，请另存为“CSV UTF-8”。") from wrong
