"""Forms of accounts: a payee files one, the bureau compares it with the paper in hand."""

from django import forms

_DIGITS = {"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}


def _number(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=60,
        widget=forms.TextInput(attrs=_DIGITS),
        help_text=help_text,
        error_messages={"required": "请填写账号。"},
    )


class AccountForm(forms.Form):
    """File an account."""

    holder = forms.CharField(
        label="户名",
        max_length=200,
        help_text="必须与登记的单位名称一致，不能用个人或其他单位的账户。",
        error_messages={"required": "请填写户名。"},
    )
    bank_name = forms.CharField(
        label="开户银行",
        max_length=100,
        help_text="全称，到支行，例如“中国工商银行上海市普陀支行”。",
        error_messages={"required": "请填写开户银行。"},
    )
    number = _number(
        "对公账号", "8 至 32 位数字，可以带空格。加密保存，提交后任何页面只显示后四位。"
    )


class ConfirmAccountForm(forms.Form):
    """Confirm an account as the second person."""

    number = _number("凭证上的账号", "从手中的凭证逐位输入，与登记的账号一致才能通过。")
    evidence = forms.CharField(
        label="核对的凭证",
        max_length=300,
        help_text="例如“基本存款账户信息，编号 J2900…，2026-11-10 收”。",
        error_messages={"required": "请写明核对了什么凭证。"},
    )


class DeclineAccountForm(forms.Form):
    """Decline an account."""

    reason = forms.CharField(
        label="不予通过的理由",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="登记单位会看到这段文字。",
        error_messages={"required": "请写明不予通过的理由。"},
    )
