"""Forms of answers and claims: objections with files, proof of service, papers, decisions."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from billing.claim_rules import Paper
from billing.models import ClaimPaper, ServiceProof, Side, Statement
from billing.statement_files import MOST_FILES
from vouchers.evidence import Upload

_FILES = "PDF、JPG 或 PNG，每个不超过 10 MB。"
_AREA = forms.Textarea(attrs={"rows": 3})


class ManyFilesInput(forms.ClearableFileInput):
    """Choose several files at once."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several files, or none; their content is judged by the act."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Return the files that were chosen."""
        chosen = data if isinstance(data, list) else [data] if data else []
        return [super(ManyFilesField, self).clean(each, initial) for each in chosen]


def uploads_of(chosen: Any) -> list[Upload]:
    """Return files as the acts take them."""
    listed = chosen if isinstance(chosen, list) else [chosen] if chosen else []
    return [Upload(each.name or "", each.read(), each.content_type or "") for each in listed]


class ObjectionForm(forms.Form):
    """Object to one line of a statement."""

    ordinal = forms.ChoiceField(
        label="对哪一行有异议",
        widget=forms.RadioSelect,
        error_messages={"required": "请选择有异议的一行。"},
    )
    reason = forms.CharField(
        label="异议理由",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="写明哪些用量不对、依据是什么。只有这一行的券抵扣会暂扣，其余照常结算。",
    )
    file = ManyFilesField(
        label="证据文件（可不附）",
        required=False,
        allow_empty_file=True,
        help_text=f"{_FILES}最多 {MOST_FILES} 个。双方和数据局都可以看到。",
    )

    is_asked = False

    def __init__(self, *args: Any, statement: Statement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = [line for line in statement.lines.all() if line.reverses_id is None]
        self.fields["ordinal"].choices = [  # type: ignore[attr-defined]
            (str(line.ordinal), f"第 {line.ordinal} 行：{line.model_name}") for line in lines
        ]

    @classmethod
    def asked(cls, query: Mapping[str, str], statement: Statement) -> "ObjectionForm":
        """Return the form with the line and reason that a link, such as a match's, hands over."""
        told = {"ordinal": query.get("line", ""), "reason": query.get("reason", "")[:1000]}
        form = cls(statement=statement, initial=told)
        form.is_asked = bool(told["ordinal"])
        return form


class ServiceForm(forms.Form):
    """How a statement was served otherwise."""

    side = forms.ChoiceField(label="送达给", choices=Side.choices, widget=forms.RadioSelect)
    way = forms.ChoiceField(
        label="送达方式", choices=ServiceProof.Way.choices, widget=forms.RadioSelect
    )
    whom = forms.CharField(label="送达对象", max_length=100, help_text="姓名和职务。")
    served_at = forms.DateTimeField(
        label="送达时间",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="例如 2026-11-10 15:30。答复期限从这一天起算。",
    )
    note = forms.CharField(label="送达经过", max_length=500, widget=_AREA)
    file = forms.FileField(
        label="回执或签收照片",
        required=False,
        allow_empty_file=True,
        help_text=f"{_FILES}当面送达和邮寄必须附。",
    )


class TotalForm(forms.Form):
    """What the provider's own books say."""

    gross = forms.DecimalField(
        label="贵方自算总价（元）",
        min_value=Decimal(0),
        max_digits=15,
        decimal_places=2,
        help_text="例如 22000.00。登记后与系统金额并列显示差额，不改变对账单。",
    )
    card_hours = forms.DecimalField(
        label="贵方自算卡时（可不填）",
        required=False,
        min_value=Decimal(0),
        max_digits=18,
        decimal_places=6,
    )
    note = forms.CharField(label="说明（可不填）", required=False, max_length=300)


class PaperForm(forms.Form):
    """One invoice or bank receipt."""

    kind = forms.ChoiceField(
        label="凭据种类", choices=ClaimPaper.Kind.choices, widget=forms.RadioSelect
    )
    code = forms.CharField(
        label="发票代码", required=False, max_length=12, help_text="数电票没有代码，请留空。"
    )
    number = forms.CharField(label="发票号码或银行流水号", max_length=64)
    on = forms.DateField(
        label="日期",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "请按 2026-11-10 这样的形式填写日期。"},
    )
    amount = forms.DecimalField(
        label="金额（元，含税）", max_digits=15, decimal_places=2, help_text="例如 22000.00。"
    )
    payer = forms.CharField(label="付款方全称", max_length=200)
    payer_uscc = forms.CharField(label="付款方统一社会信用代码", required=False, max_length=18)
    payee = forms.CharField(label="收款方全称", max_length=200)
    payee_uscc = forms.CharField(label="收款方统一社会信用代码", required=False, max_length=18)
    file = forms.FileField(label="凭据文件", allow_empty_file=True, help_text=_FILES)

    def paper(self) -> Paper:
        """Return the paper as the rules see it."""
        said = self.cleaned_data
        return Paper(
            said["kind"], said["code"].strip(), said["number"].strip(), said["on"],
            int(said["amount"] * 100), said["payer"], said["payee"],
            said["payer_uscc"].strip().upper(), said["payee_uscc"].strip().upper(),
        )  # fmt: skip


class ClaimForm(forms.Form):
    """What the bureau does with a claim."""

    step = forms.ChoiceField(
        label="办理", widget=forms.RadioSelect, error_messages={"required": "请选择怎样办理。"}
    )
    reason = forms.CharField(
        label="意见和理由",
        required=False,
        max_length=1000,
        widget=_AREA,
        help_text="全部相符且全额核销时可不填；其他情形至少 10 个字，企业会看到。",
    )

    def __init__(self, *args: Any, steps: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["step"].choices = steps  # type: ignore[attr-defined]
