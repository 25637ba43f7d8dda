"""What a what-if run changes of a programme's rules, prices and rates, as plain values.

Pure. What is not named stays as it was.

Units: basis points, fen, GFLOPS.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

from billing.share_rules import ALL_BP
from ledger.amounts import divide_half_up, yuan_text
from vouchers.rulebook import Edition, Ratio

DOMESTIC = "DOMESTIC"
Part = TypeVar("Part")
STACKING_WORDS = {
    "NONE": "不得叠加",
    "HIGHER_ONLY": "就高不重复",
    "CUMULATIVE_CAP": "可叠加，设累计上限",
}


@dataclass(frozen=True)
class Changes:
    """Everything that may be otherwise; None (or empty) is as it was.

    Args:
        domestic_bp: points added for domestic accelerators.
        price_cap_bp: factor on the median of filed prices; 0 takes the cap away.
        model: key of the accelerator that ``gflops`` and ``price_bp`` speak of; without it
            ``price_bp`` speaks of all.
        gflops: rate of the model.
        price_bp: filed prices become this part of what they were, in every tier of a list.
        tier: the one tier that ``price_bp`` speaks of, from 1; a price without tiers stays then.
    """

    base_bp: int | None = None
    max_bp: int | None = None
    domestic_bp: int | None = None
    enterprise_year_fen: int | None = None
    contract_fen: int | None = None
    price_cap_bp: int | None = None
    stacking: str = ""
    stacking_cap_bp: int | None = None
    model: str = ""
    gflops: int | None = None
    price_bp: int | None = None
    tier: int | None = None

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "Changes":
        """Return changes from plain values, what is unknown left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in plain.items() if name in known})

    def as_plain(self) -> dict[str, Any]:
        """Return what is changed, and nothing else."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}

    @property
    def nothing(self) -> bool:
        """Say whether everything stays as it was."""
        return not set(self.as_plain()) - {"model", "tier"}

    def edition(self, rules: Edition) -> Edition:
        """Return an edition as it would be."""
        settlement = rules.settlement
        if self.price_cap_bp is not None:
            rule = "MEDIAN_TIMES" if self.price_cap_bp else "NONE"
            settlement = replace(
                settlement, price_cap_rule=rule, price_cap_bp=self.price_cap_bp or ALL_BP
            )
        return replace(
            rules,
            ratio=self._ratio(rules.ratio),
            caps=_with(
                rules.caps,
                enterprise_year_fen=self.enterprise_year_fen,
                contract_fen=self.contract_fen,
            ),
            settlement=settlement,
            stacking=_with(rules.stacking, rule=self.stacking or None, cap_bp=self.stacking_cap_bp),
        )

    def _ratio(self, ratio: Ratio) -> Ratio:
        bonuses = tuple(
            _with(each, add_bp=self.domestic_bp if each.code == DOMESTIC else None)
            for each in ratio.bonuses
        )
        return _with(ratio, base_bp=self.base_bp, max_bp=self.max_bp, bonuses=bonuses)

    def price_fen(self, price_fen: int, model: str, tier: int = 0) -> int:
        """Return what a filed price of a model would be, half a fen rounded up.

        Args:
            tier: of its list, from 1; 0 for a price without tiers.
        """
        if self.price_bp is None or (self.model and self.model != model):
            return price_fen
        if self.tier is not None and self.tier != tier:
            return price_fen
        return divide_half_up(price_fen * self.price_bp, ALL_BP)

    def rate(self, gflops: int, model: str) -> int:
        """Return what the rate of a model would be."""
        return self.gflops if self.gflops is not None and self.model == model else gflops

    def words(self) -> list[str]:
        """Return the changes in sentences."""
        which = self.model or "全部型号"
        tier = f"第 {self.tier} 档" if self.tier else ""
        said = (
            (self.base_bp, f"基本比例 {_percent(self.base_bp)}"),
            (self.max_bp, f"最高比例 {_percent(self.max_bp)}"),
            (self.domestic_bp, f"国产加成 {_percent(self.domestic_bp)}"),
            (self.enterprise_year_fen, f"企业年度上限 {_yuan(self.enterprise_year_fen)} 元"),
            (self.contract_fen, f"单个合同上限 {_yuan(self.contract_fen)} 元"),
            (
                self.price_cap_bp,
                f"政策限价为备案中位价的 {_percent(self.price_cap_bp)}"
                if self.price_cap_bp
                else "取消政策限价",
            ),
            (self.stacking or None, f"叠加规则：{STACKING_WORDS.get(self.stacking, '')}"),
            (self.stacking_cap_bp, f"累计支持上限 {_percent(self.stacking_cap_bp)}"),
            (self.gflops, f"{which} 折算系数 {self.gflops or 0:,} GFLOPS"),
            (self.price_bp, f"{which} {tier}备案单价变为原来的 {_percent(self.price_bp)}"),
        )
        return [text for value, text in said if value is not None]


def _with(part: Part, **values: Any) -> Part:
    """Return a part of an edition with what is named; None stays as it was."""
    return replace(part, **{name: each for name, each in values.items() if each is not None})  # type: ignore[type-var]


def _percent(bp: int | None) -> str:
    return f"{(bp or 0) // 100}.{(bp or 0) % 100:02d}%"


def _yuan(fen: int | None) -> str:
    return yuan_text(fen or 0)
