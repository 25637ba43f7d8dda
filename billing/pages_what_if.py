"""What the pages of what-if runs ask and show: the form, sums, who gains and who loses."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms

from billing.indicators import programmes
from billing.models import WhatIf
from billing.terms import BINDING_TITLES
from billing.what_if_rules import STACKING_WORDS, Changes
from ledger.amounts import yuan_text
from ledger.periods import Month
from providers.models import AcceleratorModel
from providers.pricing import MOST_TIERS
from vouchers.forms import YuanField

KEEP = [("", "不变")]
BY = {"programme": "按方案", "provider": "按服务商", "enterprise": "按企业"}
CHANGE = {"gain": "增加", "loss": "减少", "same": "不变"}
COLUMNS = (
    "方案", "服务商", "企业", "统一社会信用代码", "原券抵扣（元）", "测算券抵扣（元）",
    "差额（元）", "原企业自付（元）", "测算企业自付（元）",
)  # fmt: skip


class MonthField(forms.CharField):
    """A month typed as 2026-10."""

    default_error_messages = {"month": "请按 2026-10 的格式填写月份。"}

    def clean(self, value: Any) -> Month:
        """Return the month."""
        text = super().clean(value)
        try:
            return Month.parse(text)
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["month"], code="month") from error


def _percent(label: str, *, most: int = 100, text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=0,
        max_value=most,
        decimal_places=2,
        required=False,
        help_text=text,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )


class WhatIfForm(forms.Form):
    """Months, scheme, and what would be otherwise; what is left empty stays as it was."""

    title = forms.CharField(label="名称", max_length=100, required=False,
                            help_text="便于以后查找；留空时用改变的参数作名称。")  # fmt: skip
    slug = forms.ChoiceField(label="方案", required=False)
    first_month = MonthField(label="起始月份", help_text="例如 2026-07。")
    last_month = MonthField(label="截止月份", help_text="例如 2026-12。")
    base_bp = _percent("基本比例（%）")
    max_bp = _percent("最高比例（%）")
    domestic_bp = _percent("国产加成（百分点）")
    enterprise_year_fen = YuanField(label="企业年度上限（元）", required=False)
    contract_fen = YuanField(label="单个合同上限（元）", required=False)
    price_cap_bp = _percent(
        "政策限价（备案中位价的 %）", most=1000, text="例如 120；填 0 表示取消限价。"
    )
    stacking = forms.ChoiceField(label="叠加规则", required=False,
                                 choices=[*KEEP, *STACKING_WORDS.items()])  # fmt: skip
    stacking_cap_bp = _percent("累计支持上限（合同的 %）")
    model = forms.ChoiceField(
        label="型号",
        required=False,
        help_text="下面两项针对的型号；只改单价时可以不选，表示全部型号。",
    )
    gflops = forms.IntegerField(label="折算系数（GFLOPS）", min_value=1, max_value=100_000_000,
                                required=False)  # fmt: skip
    price_bp = _percent(
        "备案单价变为原来的（%）", most=1000, text="例如 90 表示降价一成；阶梯价目各档一并改变。"
    )
    tier = forms.IntegerField(
        label="只改变第几档",
        min_value=1,
        max_value=MOST_TIERS,
        required=False,
        help_text="只改阶梯价目的一档时填写，例如 2；没有阶梯的单价不变。",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].choices = [("", "全部方案"), *programmes().items()]  # type: ignore[attr-defined]
        models = [(each.key, each.name) for each in AcceleratorModel.objects.all()]
        self.fields["model"].choices = [("", "不指定"), *models]  # type: ignore[attr-defined]

    def changes(self) -> Changes:
        """Return what would be otherwise, in basis points and fen."""
        told = {
            name: int(value * 100) if isinstance(value, Decimal) else value
            for name, value in self.cleaned_data.items()
        }
        return Changes.read(told)


def grouped(rows: Iterable[Mapping[str, Any]], by: str) -> list[dict[str, Any]]:
    """Return the rows added up one way, the largest difference first."""
    found: dict[str, dict[str, Any]] = {}
    titles = programmes() if by == "programme" else {}
    for row in rows:
        key = row[by] if by != "enterprise" else row["enterprise_uscc"]
        sums = found.setdefault(
            key, {"title": titles.get(row[by], row[by]), "before_fen": 0, "after_fen": 0}
        )
        for name in ("before_fen", "after_fen"):
            sums[name] += int(row[name])
    lines = []
    for sums in found.values():
        difference = sums["after_fen"] - sums["before_fen"]
        change = "gain" if difference > 0 else "loss" if difference < 0 else "same"
        lines.append(
            {**sums, "difference_fen": difference, "change": change, "word": CHANGE[change]}
        )
    return sorted(lines, key=lambda each: (-abs(each["difference_fen"]), each["title"]))


def result_context(what_if: WhatIf, by: str, change: str) -> dict[str, Any]:
    """Return what the page of a finished run shows."""
    content = what_if.result.content
    totals = content["totals"]
    before, after = totals["before"], totals["after"]
    lines = grouped(content["rows"], by)
    sums = [
        {
            "title": title,
            "before_fen": int(before[name]),
            "after_fen": int(after[name]),
            "difference_fen": int(after[name]) - int(before[name]),
        }
        for name, title in (
            ("gross_fen", "服务总价"), ("public_fen", "券抵扣"), ("self_fen", "企业自付"),
        )
    ]  # fmt: skip
    return {
        "sums": sums,
        "settled_fen": int(content["settled_public_fen"]),
        "aside_fen": int(before["public_fen"]) - int(content["settled_public_fen"]),
        "months": content["months"],
        "binding": [
            {
                "title": BINDING_TITLES.get(code, code),
                "before": content["binding"]["before"].get(code, 0),
                "after": content["binding"]["after"].get(code, 0),
            }
            for code in sorted({*content["binding"]["before"], *content["binding"]["after"]})
        ],
        "lines": [each for each in lines if change in ("", each["change"])],
        "counts": [
            {"code": code, "title": title, "count": sum(x["change"] == code for x in lines)}
            for code, title in CHANGE.items()
        ],
        "ways": BY,
        "by": by,
        "change": change,
    }


def csv_rows(what_if: WhatIf) -> list[dict[str, Any]]:
    """Return one row for each scheme, provider and enterprise."""
    titles = programmes()

    def money(fen: str | int) -> str:
        return yuan_text(int(fen)).replace(",", "")

    return [
        dict(
            zip(
                COLUMNS,
                (
                    titles.get(row["programme"], row["programme"]),
                    row["provider"],
                    row["enterprise"],
                    row["enterprise_uscc"],
                    money(row["before_fen"]),
                    money(row["after_fen"]),
                    money(int(row["after_fen"]) - int(row["before_fen"])),
                    money(row["self_before_fen"]),
                    money(row["self_after_fen"]),
                ),
                strict=True,
            )
        )
        for row in what_if.result.content["rows"]
    ]
