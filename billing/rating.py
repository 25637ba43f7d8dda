"""What used compute costs, and how much of it the public purse pays, as exact arithmetic.

Pure: the same usage, price and rule always give the same fen, so any month can be computed again
years later. There are two roundings and no third: gross fen half up once per line, and the public
share cut downwards once per statement. Everything between is an exact fraction.

Source: domain.md 2.10 (formula), ledger.md 1.5 (one rounding place).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from ledger.amounts import divide_half_up, split_by_largest_remainder, yuan_text
from ledger.refusals import Refused

RATING_VERSION = "rating/1"
MILLI_SECONDS_PER_HOUR = 3_600_000
GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR = 1_000 * 3_600_000_000
ALL_BP = 10_000


class PricingUnit(StrEnum):
    """What a filed price is the price of."""

    PFLOPS_HOUR = "PFLOPS_HOUR"
    CARD_HOUR = "CARD_HOUR"


class SettlementMode(StrEnum):
    """How a programme pays: at once, or after the enterprise has paid."""

    INSTANT = "INSTANT"
    CLAIM_AFTER = "CLAIM_AFTER"


class Stacking(StrEnum):
    """What a programme says about other public money for the same contract."""

    NONE = "NONE"
    HIGHER_ONLY = "HIGHER_ONLY"
    CUMULATIVE_CAP = "CUMULATIVE_CAP"


def gross_fen(device_milli_seconds: int, *, gflops: int, price_fen: int, unit: PricingUnit) -> int:
    """Return what a quantity of device time costs at a filed price, half a fen rounded up.

    Units: milli-seconds of one device, GFLOPS of the rate, fen per unit; result in fen.
    """
    if device_milli_seconds < 0 or gflops < 0 or price_fen < 0:
        raise ValueError("quantities and prices are not negative")
    if unit is PricingUnit.CARD_HOUR:
        return divide_half_up(device_milli_seconds * price_fen, MILLI_SECONDS_PER_HOUR)
    product = device_milli_seconds * gflops * price_fen
    return divide_half_up(product, GFLOPS_MILLI_SECONDS_PER_PFLOPS_HOUR)


@dataclass(frozen=True, kw_only=True)
class Bonus:
    """Percentage points on top of the base ratio, when a line deserves them."""

    code: str
    title: str
    bp: int
    clause: str = ""


@dataclass(frozen=True, kw_only=True)
class ShareRule:
    """What a programme edition says about the public share.

    Units: basis points; ``truncate_fen`` is the unit the grant is cut down to (1 fen, 100 = yuan).
    """

    mode: SettlementMode
    base_bp: int
    max_bp: int
    bonuses: tuple[Bonus, ...] = ()
    highest_bonus_only: bool = False
    stacking: Stacking = Stacking.CUMULATIVE_CAP
    cumulative_cap_bp: int = ALL_BP
    truncate_fen: int = 1
    clauses: Mapping[str, str] = field(default_factory=dict)

    def ratio_bp(self, bonus_codes: frozenset[str]) -> int:
        """Return the ratio for a line: base and bonuses, at most the maximum."""
        earned = sum(bonus.bp for bonus in self.earned(bonus_codes))
        return min(self.base_bp + earned, self.max_bp)

    def earned(self, bonus_codes: frozenset[str]) -> list[Bonus]:
        """Return the bonuses that count: all that apply, or the highest of them."""
        applying = [bonus for bonus in self.bonuses if bonus.code in bonus_codes]
        if self.highest_bonus_only:
            return sorted(applying, key=lambda bonus: (-bonus.bp, bonus.code))[:1]
        return applying


@dataclass(frozen=True, kw_only=True)
class ShareLine:
    """One priced line of a statement as the share formula sees it.

    Units: fen. ``list_fen`` at the filed price, ``metered_fen`` at the filed price or the
    programme's price cap, whichever is lower.
    """

    list_fen: int
    metered_fen: int
    bonus_codes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a line whose capped price came out above the filed one."""
        if not 0 <= self.metered_fen <= self.list_fen:
            raise ValueError("a price cap never makes a line dearer")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Everything a grant may not exceed, as known at the cut-off.

    ``contract_fen`` is the planned contract amount: other public money is given for the whole
    contract, so a first month is not measured against it alone.

    Units: fen and whole days. The five last ones concern CLAIM_AFTER only.
    """

    held_fen: int
    cap_left_enterprise_fen: int
    cap_left_programme_fen: int
    other_funding_fen: int = 0
    contract_fen: int = 0
    eligible_before_fen: int = 0
    granted_before_fen: int = 0
    paid_fen: int = 0
    invoiced_fen: int = 0
    bank_paid_fen: int = 0
    days_in_period: int = 1
    days_of_service: int = 1


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


@dataclass(frozen=True)
class Share:
    """The public share of one statement, with its whole derivation."""

    grant_fen: int
    eligible_fen: Fraction
    binding: str
    terms: tuple[Term, ...]
    line_grants_fen: tuple[int, ...]


BINDING_TITLES = {
    "RATIO": "补贴比例",
    "HELD": "订单占用余额",
    "ENTERPRISE_YEAR": "企业年度上限",
    "PROGRAMME": "政策资金余额",
    "STACKING": "叠加支持上限",
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


def _paid_in(limits: Limits) -> Fraction:
    """Return the paid amount that falls into the supported period, by days."""
    return Fraction(limits.paid_fen * limits.days_in_period, limits.days_of_service)


def _eligible(
    rule: ShareRule, lines: Sequence[ShareLine], limits: Limits
) -> tuple[Fraction, list[Term]]:
    """Return the eligible amount and the terms it is the least of."""
    clause = rule.clauses.get("eligible", "")
    listed, metered = sum(x.list_fen for x in lines), sum(x.metered_fen for x in lines)
    parts: list[tuple[str, str, Fraction, str]] = [
        ("metered", "计量金额", Fraction(metered), "各行用量 × min(备案单价, 政策限价) 之和"),
    ]
    if rule.mode is SettlementMode.INSTANT:
        parts.insert(0, ("list_net", "净价金额", Fraction(listed), "各行用量 × 备案单价 之和"))
    else:
        how = (
            f"{yuan_text(limits.paid_fen)} × {limits.days_in_period} 天 ÷ "
            f"{limits.days_of_service} 天（按天折算）"
        )
        parts.insert(0, ("paid_in", "期内实付", _paid_in(limits), how))
        parts.append(("invoiced", "开票金额", Fraction(limits.invoiced_fen), "发票价税合计"))
        parts.append(("bank_paid", "银行付款", Fraction(limits.bank_paid_fen), "银行回单金额"))
    least = min(amount for _, _, amount, _ in parts)
    terms = [Term(code, title, exact_yuan(amount), how) for code, title, amount, how in parts]
    how = f"以上 {len(parts)} 项中最小的一项"
    terms.append(Term("eligible", "可支持金额", exact_yuan(least), how, clause))
    return least, terms


def _raw(
    rule: ShareRule, lines: Sequence[ShareLine], eligible: Fraction
) -> tuple[Fraction, list[int], list[Term]]:
    """Return ratio times eligible, the weight of each line, and the terms."""
    weights = [x.metered_fen * rule.ratio_bp(x.bonus_codes) for x in lines]
    base = sum(x.metered_fen for x in lines)
    raw = eligible * Fraction(sum(weights), base * ALL_BP) if base else Fraction(0)
    ratios = sorted({x.bonus_codes for x in lines}, key=sorted)
    said = "；".join(_ratio_words(rule, codes) for codes in ratios)
    shown = "、".join(dict.fromkeys(percent(rule.ratio_bp(codes)) for codes in ratios))
    clause = rule.clauses.get("ratio", "")
    how = f"{exact_yuan(eligible)} × {shown}" if len(ratios) == 1 else "各行可支持金额 × 该行比例"
    terms = [
        Term("ratio", "补贴比例", shown or percent(rule.base_bp), said, clause),
        Term("raw", "按比例计算", exact_yuan(raw), how, clause),
    ]
    return raw, weights, terms


def _ratio_words(rule: ShareRule, codes: frozenset[str]) -> str:
    """Say how the ratio of a line comes about."""
    parts = [f"基础 {percent(rule.base_bp)}"]
    parts += [f"{bonus.title} +{percent(bonus.bp)}" for bonus in rule.earned(codes)]
    return "，".join([*parts, f"最高 {percent(rule.max_bp)}"])


def _stacking_room(
    rule: ShareRule, limits: Limits, eligible: Fraction, raw: Fraction
) -> tuple[Fraction | None, str]:
    """Return how much other public money leaves room for, None for no limit, and the words."""
    other = limits.other_funding_fen
    if rule.stacking is Stacking.NONE:
        if other > 0:
            raise Refused(
                "stacking_forbidden",
                f"本政策不与其他财政资金叠加，该合同已申报其他资金 {yuan_text(other)} 元。"
                "请核对后撤回本次结算或更正申报。",
                clause=rule.clauses.get("stacking", ""),
            )
        return None, "不允许叠加；该合同没有其他财政资金"
    if rule.stacking is Stacking.HIGHER_ONLY:
        if other > 0 and other >= raw:
            return Fraction(0), f"就高不重复：已有其他资金 {yuan_text(other)} 元，高于本项"
        return None, "就高不重复：本项较高"
    base = max(limits.eligible_before_fen + eligible, Fraction(limits.contract_fen))
    room = base * rule.cumulative_cap_bp / ALL_BP - other - limits.granted_before_fen
    how = (
        f"{percent(rule.cumulative_cap_bp)} × 合同可支持 {exact_yuan(base)} − "
        f"其他财政资金 {yuan_text(other)} − 本券已支持 {yuan_text(limits.granted_before_fen)}"
    )
    return max(room, Fraction(0)), how


def public_share(rule: ShareRule, lines: Sequence[ShareLine], limits: Limits) -> Share:
    """Divide what a month cost between the public purse and the enterprise, and say why.

    Units: fen. The grant is cut down, so the public purse never pays the odd fen; the parts of
        the lines add up to the grant.
    Source: domain.md 2.10; the binding constraint is the first of the smallest, in the order
        ratio, hold, enterprise cap, programme cap, stacking.

    Raises:
        Refused: other public money although the programme forbids it.
    """
    eligible, terms = _eligible(rule, lines, limits)
    raw, weights, more = _raw(rule, lines, eligible)
    terms += more
    room, room_how = _stacking_room(rule, limits, eligible, raw)
    ceilings: list[tuple[str, Fraction | None, str, str]] = [
        ("HELD", Fraction(limits.held_fen), "订单占用中尚未核销的券额", "held"),
        ("ENTERPRISE_YEAR", Fraction(limits.cap_left_enterprise_fen), "年度上限减已核销", "cap"),
        ("PROGRAMME", Fraction(limits.cap_left_programme_fen), "预算减已核销", "budget"),
        ("STACKING", room, room_how, "stacking"),
    ]
    best, binding = raw, "RATIO"
    for code, amount, how, clause in ceilings:
        shown = "不限" if amount is None else exact_yuan(amount)
        title = BINDING_TITLES[code]
        terms.append(Term(code.lower(), title, shown, how, rule.clauses.get(clause, "")))
        if amount is not None and amount < best:
            best, binding = amount, code
    grant = best.numerator // best.denominator // rule.truncate_fen * rule.truncate_fen
    grant = max(grant, 0)
    cut = "舍去不足 1 元的部分" if rule.truncate_fen == 100 else "舍去不足 1 分的部分"
    how = f"以上各项最小者（{BINDING_TITLES[binding]}），{cut}"
    terms.append(
        Term("grant", "本期券抵扣", yuan_text(grant), how, rule.clauses.get("truncate", ""))
    )
    parts = split_by_largest_remainder(grant, weights) if any(weights) else [0] * len(lines)
    return Share(grant, eligible, binding, tuple(terms), tuple(parts))
