"""Forms of a provider's trade: a price or a price list, what is taken off an order's price."""

import re
from typing import Any

from django import forms

from ledger.amounts import BASIS_POINTS, parse_yuan
from ledger.periods import Month
from providers.forms import DayField, KeyedForm, QuietForm, YuanField
from providers.models import OfferingPrice, OrderDiscount
from providers.pricing import TierRow

_ROW = re.compile(r"(\d{1,10})\s*[-—–~]\s*(\d{0,10})\s+(\S+)")
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,2})?%?")


class PriceForm(QuietForm):
    """File a price, or a price list by the quantity of a month, as the next version."""

    pricing_unit = forms.ChoiceField(
        label="计价单位",
        choices=OfferingPrice.PricingUnit.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "请选择计价单位"},
    )
    price = YuanField(label="单价（元）", required=False, help_text="只有一个单价时填写。")
    tiers = forms.CharField(
        label="阶梯单价",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="按月用量分档时填写，每行一档：起点-终点 单价（元），例如“0-1000 6.00”，"
        "最后一档不写终点，例如“1000- 5.50”。各档首尾相接，每档单价只用于该档内的用量。",
    )
    valid_from = DayField(label="自何日起", error_messages={"required": "请填写日期"})

    def clean_tiers(self) -> list[TierRow]:
        """Return the lines of the list as they were typed; whether they fit is for the rules."""
        rows = []
        for number, line in enumerate(self.cleaned_data["tiers"].split("\n"), start=1):
            if not line.strip():
                continue
            found = _ROW.fullmatch(line.strip())
            try:
                price_fen = parse_yuan(found[3]) if found else None
            except ValueError:
                price_fen = None
            if found is None or price_fen is None:
                raise forms.ValidationError(
                    f"第 {number} 行应写成“起点-终点 单价”，例如“0-1000 6.00”"
                )
            rows.append(TierRow(int(found[1]), int(found[2]) if found[2] else None, price_fen))
        return rows

    def clean(self) -> dict[str, Any]:
        """Ask for exactly one of a price and a price list."""
        typed: dict[str, Any] = super().clean() or {}
        if "tiers" in typed and "price" in typed and bool(typed["tiers"]) == bool(typed["price"]):
            sentence = "单价和阶梯单价请只填一种" if typed["tiers"] else "请填写单价"
            self.add_error("price", sentence)
        return typed


class DiscountForm(KeyedForm):
    """Take something off the price of an order."""

    kind = forms.ChoiceField(
        label="优惠方式",
        choices=OrderDiscount.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "请选择优惠方式"},
    )
    value = forms.CharField(
        label="数值",
        max_length=20,
        help_text="折扣填减去的百分比，例如 7.5；固定单价和赠送金额填元，例如 5.00。",
        error_messages={"required": "请填写数值"},
    )
    from_month = forms.CharField(
        label="从哪个月的用量起",
        max_length=7,
        help_text="例如 2026-10，只能是尚未截止的月份。",
        error_messages={"required": "请填写月份"},
    )
    reason = forms.CharField(
        label="依据",
        max_length=200,
        help_text="合同条款或通知，企业会看到。",
        error_messages={"required": "请填写依据"},
    )

    def clean_from_month(self) -> Month:
        """Return the month."""
        try:
            return Month.parse(self.cleaned_data["from_month"].strip())
        except ValueError as error:
            raise forms.ValidationError("请填写月份，例如 2026-10") from error

    def clean(self) -> dict[str, Any]:
        """Read the value in the unit of its kind: basis points or fen."""
        typed: dict[str, Any] = super().clean() or {}
        if "kind" in typed and "value" in typed:
            value = _value(typed["kind"], typed["value"].strip())
            if value is None:
                self.add_error("value", "请填写数字，最多两位小数")
            typed["value"] = value
        return typed


def _value(kind: str, text: str) -> int | None:
    """Return basis points of a percentage or fen of an amount; None for what is no number."""
    if kind == OrderDiscount.Kind.PERCENT:
        if not _PERCENT.fullmatch(text):
            return None
        # A percentage has two decimals as an amount has: its hundredths are basis points.
        return min(parse_yuan(text.removesuffix("%")), BASIS_POINTS + 1)
    try:
        return parse_yuan(text)
    except ValueError:
        return None
