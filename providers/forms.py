"""The forms of this room: they ask, the acts decide."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms

from ledger.amounts import parse_yuan, yuan_text
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI
from providers.explaining import record_problems
from providers.models import BatchRow, UsageBatch, UsageRecord
from providers.models.catalogue import registry
from providers.ordering import MOST_DEVICES
from providers.wire import CSV, JSON, NDJSON, PARQUET

TYPES_BY_ENDING = {".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON,
                    ".parquet": PARQUET}  # fmt: skip
LARGEST_FILE = 64 << 20


class QuietForm(forms.Form):
    """A form without the browser's own bubbles: the page tells what is wrong."""

    use_required_attribute = False


class KeyedForm(QuietForm):
    """A form that moves something: a double click does nothing twice."""

    key = forms.UUIDField(widget=forms.HiddenInput, required=False, initial=new_id)

    def clean_key(self) -> Any:
        """Return the key of the form, a new one if it came without."""
        return self.cleaned_data.get("key") or new_id()


class YuanField(forms.CharField):
    """An amount in yuan, read exactly into fen."""

    def clean(self, value: Any) -> Any:
        """Return fen."""
        text = super().clean(value)
        try:
            return parse_yuan(text) if text else None
        except ValueError as error:
            raise forms.ValidationError("请填写金额，最多两位小数，例如 6.00") from error


class DayField(forms.DateField):
    """A day, chosen or typed as 2026-10-03."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)

    def clean(self, value: Any) -> Any:
        """Return the day; one that no calendar of ours reaches is told."""
        day = super().clean(value)
        if day is not None and not 2000 <= day.year <= 2999:
            raise forms.ValidationError("日期应在 2000 年之后")
        return day


class UploadForm(QuietForm):
    """A usage file to be checked before it counts."""

    file = forms.FileField(
        label="用量文件",
        help_text=f"{'、'.join(TYPES_BY_ENDING)}，可用 gzip 压缩（.gz），UTF-8，不超过 64 MB。"
        "先校验，再决定是否入账。",
        error_messages={"required": "请选择用量文件", "empty": "文件是空的"},
        widget=forms.FileInput(attrs={"accept": ",".join([*TYPES_BY_ENDING, ".gz"])}),
    )

    def clean_file(self) -> Any:
        """Refuse endings nobody can read and files too large for a page."""
        file = self.cleaned_data["file"]
        name = file.name.lower()
        self.content_encoding = "gzip" if name.endswith(".gz") else ""
        ending = "." + name.removesuffix(".gz").rpartition(".")[2]
        if ending not in TYPES_BY_ENDING:
            known = "、".join(TYPES_BY_ENDING)
            raise forms.ValidationError(
                f"文件须为 {known}（可再压缩为 .gz），表格请另存为 CSV UTF-8"
            )
        if file.size > LARGEST_FILE:
            raise forms.ValidationError("文件不能超过 64 MB，更大的请用接口或 slq 上传")
        self.content_type = TYPES_BY_ENDING[ending]
        return file


class RecordSearchForm(QuietForm):
    """Find records by id, order, model, state, what they wait for or what was wrong, or day."""

    record_id = forms.CharField(label="记录编号（开头几位也可）", required=False, max_length=128)
    order_no = forms.CharField(label="订单号", required=False, max_length=30)
    device_model = forms.CharField(label="型号", required=False, max_length=128)
    state = forms.ChoiceField(label="结果", required=False, choices=[("", "全部")])
    reason = forms.ChoiceField(label="原因", required=False, choices=[("", "全部")])
    day = DayField(label="开始日期", required=False)

    def __init__(self, *args: Any, states: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["state"]
        choices.choices = [("", "全部"), *states, *BatchRow.Outcome.choices]
        reasons: Any = self.fields["reason"]
        reasons.choices = [
            ("", "全部"),
            ("等待", UsageRecord.HoldReason.choices),
            ("未入账", [(each.entry.code, each.entry.zh) for each in record_problems()]),
        ]


class BatchSearchForm(QuietForm):
    """Find batches by result, what is in them, key, mode, day or digest."""

    status = forms.ChoiceField(
        label="结果", required=False, choices=[("", "全部"), *UsageBatch.Status.choices]
    )
    outcome = forms.ChoiceField(
        label="其中有",
        required=False,
        choices=[
            ("", "不限"),
            ("duplicate", "重复"),
            ("conflict", "冲突"),
            ("rejected", "被拒"),
            ("held", "待定"),
            ("open", "未结束"),
            ("zero", "零用量"),
        ],
    )
    key = forms.ChoiceField(label="密钥", required=False, choices=[("", "全部")])
    mode = forms.ChoiceField(
        label="模式", required=False, choices=[("", "全部"), ("live", "正式"), ("test", "测试")]
    )
    day = DayField(label="接收日期", required=False)
    digest = forms.CharField(label="文件 SHA-256（开头几位也可）", required=False, max_length=64)

    def __init__(self, *args: Any, keys: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["key"]
        choices.choices = [
            ("", "全部"),
            *((each.key_id, each.title or each.key_id) for each in keys),
        ]


class ReasonForm(QuietForm):
    """A reason that the other side will read."""

    reason = forms.CharField(
        label="理由",
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=500,
        error_messages={"required": "请填写理由"},
    )


class RevokeForm(ReasonForm):
    """Revoke a key; say so when others may have had it, and since when."""

    compromised_since = DayField(
        label="自哪一天起可能泄露",
        required=False,
        help_text="怀疑私钥或令牌泄露才填。这一天（上海零点）起用它上报的批次会标出，由主管部门复核。",
    )
    sure = forms.BooleanField(
        label="我明白吊销立即生效、不能恢复",
        error_messages={"required": "请勾选确认"},
    )

    def clean(self) -> Any:
        """Turn the day into the instant at which it begins in Shanghai."""
        typed = super().clean() or {}
        day = typed.get("compromised_since")
        typed["since"] = datetime.combine(day, datetime.min.time(), SHANGHAI) if day else None
        return typed


class ProviderForm(QuietForm):
    """Ask for admission."""

    name = forms.CharField(label="供方名称", max_length=200, error_messages={"required": "请填写"})
    uscc = forms.CharField(
        label="统一社会信用代码",
        help_text="营业执照上的 18 位代码",
        max_length=30,
        error_messages={"required": "请填写统一社会信用代码"},
    )
    contact = forms.CharField(label="联系电话", max_length=100, required=False)
    bank_name = forms.CharField(label="开户银行", max_length=100, required=False)
    bank_account = forms.CharField(
        label="银行账号",
        max_length=40,
        required=False,
        help_text="对公账号，户名须与供方名称一致。加密保存，由主管部门对照凭证核对后才付款",
    )


class KeyForm(QuietForm):
    """Propose an interface key."""

    mode = forms.ChoiceField(
        label="模式",
        choices=[("test", "测试：立即可用，数据不计入"), ("live", "正式：须登记公钥并经确认")],
        widget=forms.RadioSelect,
        initial="test",
    )
    title = forms.CharField(
        label="用途", max_length=100, required=False, help_text="例如：采集机 1"
    )
    public_key = forms.CharField(
        label="Ed25519 公钥（PEM）",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        required=False,
        help_text="正式密钥必填。只粘贴公钥，私钥请留在贵方机器上。",
    )


class ProofForm(QuietForm):
    """Prove that the private key is held."""

    signature = forms.CharField(
        label="对挑战值的签名（Base64）",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        error_messages={"required": "请粘贴签名"},
    )


class CapacityForm(QuietForm):
    """File how many accelerators there are."""

    model = forms.ModelChoiceField(
        label="型号",
        queryset=registry(),
        empty_label="请选择",
        error_messages={"required": "请选择型号"},
    )
    device_count = forms.IntegerField(
        label="数量（张）",
        min_value=1,
        max_value=1_000_000,
        error_messages={"required": "请填写数量", "invalid": "请填写整数，例如 128"},
    )
    valid_from = DayField(label="自何日起", error_messages={"required": "请填写日期"})
    evidence = forms.CharField(label="依据", max_length=200, required=False)


class OfferingForm(QuietForm):
    """Draft an offering with its first price."""

    title = forms.CharField(label="名称", max_length=100, error_messages={"required": "请填写名称"})
    model = forms.ModelChoiceField(
        label="型号",
        queryset=registry(),
        empty_label="请选择",
        error_messages={"required": "请选择型号"},
    )
    description = forms.CharField(
        label="说明", widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=1000
    )


class VoucherField(forms.ModelChoiceField):
    """A voucher, told with what is left on it."""

    available_fen: Mapping[Any, int] = {}

    def label_from_instance(self, voucher: Any) -> str:
        """Return the number and the amount that an order may still take."""
        left = self.available_fen.get(voucher.pk)
        return (
            voucher.voucher_no
            if left is None
            else (f"{voucher.voucher_no}（可用 {yuan_text(left)} 元）")
        )


class OrderForm(KeyedForm):
    """Order accelerators for whole days, with or without a voucher."""

    voucher: Any = VoucherField(
        label="使用的算力券",
        queryset=None,
        required=False,
        empty_label="不用券（全部自付）",
    )
    device_count = forms.IntegerField(
        label="数量（张）",
        min_value=1,
        max_value=MOST_DEVICES,
        initial=8,
        error_messages={"required": "请填写数量", "invalid": "请填写整数，例如 8"},
    )
    starts_on = DayField(label="服务开始日", error_messages={"required": "请填写开始日"})
    ends_on = DayField(
        label="服务结束日", help_text="含当日", error_messages={"required": "请填写结束日"}
    )
    planned_hours = forms.IntegerField(
        label="每张卡计划使用小时数",
        min_value=1,
        required=False,
        help_text="留空表示整个服务期。占用的券额按此计算。",
        error_messages={"invalid": "请填写整数"},
    )
    together = forms.BooleanField(
        label="这张券额不足时，合用本企业同一方案的其他算力券",
        required=False,
        help_text="先到期的先用。每张券占用和核销多少，在订单和对账单上分别列明。",
    )
    price = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        vouchers: Any,
        available_fen: Mapping[Any, int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["voucher"]
        choice.available_fen = available_fen or {}
        choice.queryset = vouchers
        self.initial.setdefault("voucher", vouchers.first())


class AdmitForm(QuietForm):
    """Admit a provider."""

    batch_no = forms.CharField(
        label="入库批次", max_length=30, error_messages={"required": "请填写入库批次"}
    )


class ResolutionForm(QuietForm):
    """Close a conflict."""

    resolution = forms.CharField(
        label="处理意见", max_length=200, error_messages={"required": "请填写处理意见"}
    )
