"""Forms of the bureau around keys and the registry: they ask, the acts decide."""

from typing import Any

from django import forms

from ledger.periods import SHANGHAI
from providers.forms import DayField, QuietForm, ReasonForm
from providers.models import AcceleratorRate
from providers.models.catalogue import registry
from providers.webhook_rules import EVENTS, MOST_URL


class MomentField(forms.DateTimeField):
    """A moment in Shanghai, chosen or typed as 2026-10-03T08:00."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], **kwargs)

    def clean(self, value: Any) -> Any:
        """Return the moment with Shanghai's offset."""
        found = super().clean(value)
        return found.replace(tzinfo=SHANGHAI) if found else None


class RevokeForm(ReasonForm):
    """Revoke a key, and say since when others may have had it."""

    compromised_since = MomentField(
        label="可能泄露的起始时间（北京时间）",
        required=False,
        help_text="填写后，此后收到的批次都会被标记，逐批核实前所在月份不能结算。没有泄露请留空。",
        error_messages={"invalid": "请写成 2026-10-03 08:00"},
    )


class RateForm(QuietForm):
    """Propose a rate."""

    model = forms.ModelChoiceField(
        label="型号",
        queryset=registry(),
        empty_label="请选择",
        error_messages={"required": "请选择型号"},
    )
    number_format = forms.ChoiceField(
        label="数制",
        choices=AcceleratorRate.NumberFormat.choices,
        required=False,
        initial=AcceleratorRate.NumberFormat.FP16,
        help_text="结算只用 FP16/BF16；其他数制分开登记，用于核对，不能相互换算。",
    )
    gflops = forms.IntegerField(
        label="稠密峰值（GFLOPS，单卡）",
        min_value=1,
        help_text="例如 A100 的 FP16 为 312000。不要填稀疏或通用（着色）单元的数值。",
        error_messages={"required": "请填写峰值", "invalid": "请填写整数"},
    )
    valid_from = DayField(label="自何日起", error_messages={"required": "请填写日期"})
    grade = forms.ChoiceField(label="依据等级", choices=AcceleratorRate.Grade.choices)
    source = forms.CharField(
        label="依据（资料名称、日期）",
        max_length=200,
        error_messages={"required": "请写明依据"},
    )
    page = forms.CharField(label="页码或条目", max_length=50, required=False)
    document_sha256 = forms.RegexField(
        r"^[0-9a-f]{64}$",
        label="资料文件的 SHA-256",
        required=False,
        error_messages={"invalid": "应为 64 位十六进制小写"},
    )

    def clean_number_format(self) -> str:
        """Return the number format, that of settlement when none is said."""
        return self.cleaned_data["number_format"] or AcceleratorRate.NumberFormat.FP16


class ModelForm(QuietForm):
    """Register a kind of accelerator."""

    key = forms.SlugField(
        label="型号代码",
        max_length=60,
        help_text="小写英文、数字、连字符，例如 nvidia-a100",
        error_messages={"required": "请填写型号代码", "invalid": "只用小写英文、数字和连字符"},
    )
    name = forms.CharField(label="名称", max_length=100, error_messages={"required": "请填写名称"})
    vendor = forms.CharField(
        label="厂商", max_length=100, error_messages={"required": "请填写厂商"}
    )
    domestic = forms.BooleanField(label="国产加速卡", required=False)


class AliasForm(QuietForm):
    """Propose another name of a model."""

    alias_of = forms.ModelChoiceField(
        label="型号",
        queryset=registry(),
        empty_label="请选择",
        error_messages={"required": "请选择型号"},
    )
    alias = forms.CharField(
        label="别名",
        max_length=128,
        help_text="供方上报时用的名称，不分大小写。已有含义的别名批准后改指新型号。",
        error_messages={"required": "请填写别名"},
    )


class NetworksForm(QuietForm):
    """Say from where a key may be used."""

    networks = forms.CharField(
        label="来源网段（每行一个，留空为不限）",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    reason = forms.CharField(label="理由", required=False, max_length=200)

    def clean_networks(self) -> list[str]:
        """Return the lines."""
        lines: list[str] = self.cleaned_data["networks"].splitlines()
        return lines


class RotateForm(QuietForm):
    """Propose a key in the place of another."""

    public_key = forms.CharField(
        label="新的公钥（PEM）", widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})
    )


class WebhookForm(QuietForm):
    """Register an address to be told."""

    url = forms.CharField(
        label="通知地址（https）",
        max_length=MOST_URL,
        error_messages={"required": "请填写地址"},
    )
    events = forms.MultipleChoiceField(
        label="通知事件",
        choices=list(EVENTS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "请选择要通知的事件"},
    )
