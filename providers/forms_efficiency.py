"""Forms: what a provider files about its site for a month; what the grid gives off in a year."""

from decimal import Decimal
from typing import Any

from django import forms

from ledger.periods import Month
from providers.efficiency import BOUNDS, GREEN_BP, GRID_MG, LATENCY_US, PUE_MILLI
from providers.forms import QuietForm
from vouchers.evidence import Upload

#: Field of the form -> (name of the value, how many of its units are one as typed).
SCALES = {"pue": ("pue_milli", 1_000), "green": ("green_bp", 100), "latency": ("latency_us", 1_000)}


def _number(label: str, help_text: str, scale: int, bounds: tuple[int, int]) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        required=False,
        min_value=Decimal(bounds[0]) / scale,
        max_value=Decimal(bounds[1]) / scale,
        decimal_places=len(str(scale)) - 1,
        max_digits=8,
        error_messages={"invalid": "请填写数字。"},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class EfficiencyForm(QuietForm):
    """PUE, green power, latency, and the paper that carries them."""

    month = forms.CharField(
        label="月份",
        help_text="已经结束的月份，例如 2026-10。",
        max_length=7,
        error_messages={"required": "请填写月份。"},
    )
    pue = _number(
        "PUE", "当月数据中心总电量 ÷ 信息设备电量（GB/T 32910.3），1.000 至 3.000，例如 1.250。",
        1_000, PUE_MILLI,
    )  # fmt: skip
    green = _number(
        "绿电占比（%）",
        "绿电交易和绿证对应的电量 ÷ 当月总电量，不含电网中已有的绿电，例如 25.50。",
        100, GREEN_BP,
    )  # fmt: skip
    latency = _number(
        "网络时延（毫秒）", "到市级调度节点的往返时延，当月中位数，例如 1.850。",
        1_000, LATENCY_US,
    )  # fmt: skip
    note = forms.CharField(
        label="口径说明（选填）",
        required=False,
        max_length=200,
        help_text="计量边界、检测机构、绿证编号等。",
    )
    file = forms.FileField(
        label="佐证文件",
        allow_empty_file=True,
        help_text="能源审计或检测报告、绿电结算单或绿证、测速记录，PDF、JPG 或 PNG，不超过 10 MB。",
        error_messages={"required": "请上传佐证文件。"},
    )

    def clean_month(self) -> Month:
        """Return the month."""
        try:
            return Month.parse(self.cleaned_data["month"].strip())
        except ValueError as error:
            raise forms.ValidationError("请填写月份，例如 2026-10。") from error

    def said(self) -> dict[str, int | None]:
        """Return what was typed in the units of ``efficiency.BOUNDS``."""
        typed = self.cleaned_data
        said: dict[str, int | None] = dict.fromkeys(BOUNDS)
        for field, (name, scale) in SCALES.items():
            if typed[field] is not None:
                said[name] = int(typed[field] * scale)
        return said

    def upload(self) -> Upload:
        """Return the paper as the act takes it."""
        file: Any = self.cleaned_data["file"]
        return Upload(file.name or "", file.read(), file.content_type or "")


class GridFactorForm(QuietForm):
    """The published emission factor of a year."""

    year = forms.IntegerField(
        label="年度",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "请填写年度。", "invalid": "请填写年度，例如 2025。"},
    )
    factor = _number(
        "排放因子（kgCO₂e/kWh）", "按公布的数值填写，例如 0.5366。", 1_000_000, GRID_MG
    )
    source = forms.CharField(
        label="公布文件",
        max_length=200,
        help_text="主管部门公布该值的文件名称和文号。",
        error_messages={"required": "请填写公布文件的名称和文号。"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["factor"].required = True
        self.fields["factor"].error_messages["required"] = "请填写排放因子。"

    def mg_per_kwh(self) -> int:
        """Return the factor in milligrams."""
        return int(self.cleaned_data["factor"] * 1_000_000)
