"""The steps of a calculation as words that are printed next to their numbers.

Pure.
"""

from dataclasses import dataclass
from fractions import Fraction

from ledger.amounts import yuan_text

#: The limits that can decide a grant, in the order in which the first of the smallest binds.
BINDING_TITLES = {
    "RATIO": "补贴比例",
    "HELD": "订单占用余额",
    "ENTERPRISE_YEAR": "企业年度上限",
    "GROUP_YEAR": "关联企业合并年度上限",
    "PROGRAMME": "政策资金余额",
    "CONTRACT": "单个合同上限",
    "MIN_CONTRACT": "合同起点金额",
    "STACKING": "叠加支持上限",
}


@dataclass(frozen=True)
class Term:
    """One step of the calculation, in words that can be printed next to the number."""

    code: str
    title: str
    amount: str
    how: str
    clause: str = ""

    def as_plain(self) -> dict[str, str]:
        """Return the term as plain text values for storing."""
        return {
            "code": self.code,
            "title": self.title,
            "amount": self.amount,
            "how": self.how,
            "clause": self.clause,
        }


def exact_yuan(amount_fen: Fraction) -> str:
    """Return an exact amount in yuan: two decimals, or up to six and an ellipsis beyond."""
    if amount_fen.denominator == 1:
        return yuan_text(int(amount_fen))
    millionths = amount_fen * 10_000
    whole = millionths.numerator // millionths.denominator
    more = "" if millionths.denominator == 1 else "…"
    digits = f"{whole % 1_000_000:06d}".rstrip("0").ljust(2, "0")
    return f"{whole // 1_000_000:,}.{digits}{more}"


def percent(bp: int) -> str:
    """Return basis points as per cent without needless zeros."""
    return f"{bp // 100}" + (f".{bp % 100:02d}".rstrip("0") if bp % 100 else "") + "%"
