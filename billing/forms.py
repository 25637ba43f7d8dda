"""Forms of the settlement: short, plain, and each says what it will do."""

from typing import Any

from django import forms

from billing.models import Statement
from billing.settling.paying import LONGEST_REFERENCE


class CloseForm(forms.Form):
    """Start the settlement of a month."""

    carry_held = forms.BooleanField(
        label="把挂起和未结束的记录转入下期",
        required=False,
        help_text="不勾选时，有这类记录就不能结算。转入下期的记录会逐类列在报告里，不会丢弃。",
    )


class ApproveForm(forms.Form):
    """Approve exactly what was shown."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    seen = forms.BooleanField(
        label="我已核对上面的清单和合计金额",
        error_messages={"required": "请先核对清单，再勾选这一项。"},
    )


class ReasonForm(forms.Form):
    """Say why."""

    reason = forms.CharField(
        label="退回理由", max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class PaymentForm(forms.Form):
    """What the bank's receipt says."""

    bank_reference = forms.CharField(label="银行流水号", max_length=LONGEST_REFERENCE)
    paid_on = forms.DateField(
        label="付款日期",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "请按 2026-11-10 这样的形式填写日期。"},
    )


class ReturnForm(forms.Form):
    """Why the bank sent the money back."""

    reason = forms.CharField(label="退汇原因", max_length=200)


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

    def __init__(self, *args: Any, statement: Statement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = [line for line in statement.lines.all() if line.reverses_id is None]
        self.fields["ordinal"].choices = [  # type: ignore[attr-defined]
            (str(line.ordinal), f"第 {line.ordinal} 行：{line.model_name}") for line in lines
        ]


class ResolveForm(forms.Form):
    """Decide an objection."""

    decision = forms.ChoiceField(
        label="处理结果",
        widget=forms.RadioSelect,
        choices=[
            ("upheld", "异议成立：冲减该行，券额退回企业的算力券（少计的由服务商补报，计入下期）"),
            ("dismissed", "异议不成立：按原金额结算"),
        ],
        error_messages={"required": "请选择处理结果。"},
    )
    resolution = forms.CharField(
        label="处理意见（双方可见）", max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )


class VerifyForm(forms.Form):
    """A check code as printed on a document."""

    code = forms.CharField(
        label="核验码",
        max_length=200,
        help_text="16 位，印在报告首页右上角，例如 7ZQK-3F2M-9HXW-4T6B。"
        "不分大小写，空格和短横线可以省略。",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "请输入核验码。"},
    )
