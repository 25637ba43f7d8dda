"""Forms of the settlement: short, plain, and each says what it will do."""

from django import forms

from billing.bank_files import LONGEST_REFERENCE
from billing.interest import MOST_BP
from billing.models import Clawback
from providers.forms import YuanField


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


class ResultsForm(forms.Form):
    """The bank's answers as a file."""

    file = forms.FileField(
        label="回单文件",
        help_text="CSV，UTF-8 或 GBK。可以下载已填好编号、户名和金额的模板，只补银行的处理结果。",
    )


class ClawbackForm(forms.Form):
    """Open a case of recovering money."""

    cause = forms.ChoiceField(label="立案原因", choices=Clawback.Cause.choices)
    facts = forms.CharField(
        label="认定的事实",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="收款方会在事实告知书中看到这段文字。",
    )
    amount_fen = YuanField(label="拟追回金额（元）")


class RefundForm(forms.Form):
    """What a provider gave back after it was paid."""

    refund_fen = YuanField(
        label="服务商退款金额（元）",
        help_text="退给企业的全部金额，含企业自付部分。系统按比例算出应退回财政的部分。",
        error_messages={"required": "请填写退款金额。"},
    )
    proof = forms.CharField(
        label="退款凭证",
        max_length=200,
        help_text="例如“红字发票 2431…，银行流水 ICBC-2026…”。收款方会在事实告知书中看到。",
        error_messages={"required": "请写明退款凭证。"},
    )


class DecisionForm(forms.Form):
    """Put a decision forward."""

    amount_fen = YuanField(label="追回本金（元）")
    interest_bp = forms.IntegerField(
        label="年利率（万分之一）",
        min_value=0,
        max_value=MOST_BP,
        initial=0,
        help_text="例如 345 表示 3.45%；不计息填 0。自付款日次日起至决定日，单利，尾数舍去。",
    )
    ground = forms.CharField(
        label="理由和依据", max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )
    bar_until = forms.DateField(
        label="取消企业资格至（不取消请留空）",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="取消资格的同时撤销本单所用的算力券。",
    )


class CashBackForm(forms.Form):
    """Record money that came back."""

    amount_fen = YuanField(label="到账金额（元）")
    bank_reference = forms.CharField(label="银行流水号", max_length=LONGEST_REFERENCE)
    received_on = forms.DateField(label="到账日期", widget=forms.DateInput(attrs={"type": "date"}))


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
