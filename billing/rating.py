"""What used compute costs, and how much of it the public purse pays, as exact arithmetic.

Pure: the same usage, price and rule always give the same fen, so any month can be computed again
years later. There are two roundings and no third: gross fen half up once per line, and the public
share cut downwards once per statement. Everything between is an exact fraction; only an edition
that cuts each step to whole yuan says otherwise.

Source: domain.md 2.10 (formula), ledger.md 1.5 (one rounding place).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing.share_rules import (
    ALL_BP,
    Bonus,
    Limits,
    SettlementMode,
    ShareLine,
    ShareRule,
    Stacking,
)
from billing.terms import BINDING_TITLES, Term, exact_yuan, percent
from ledger.amounts import split_by_largest_remainder, yuan_text
from ledger.refusals import Refused
from providers.pricing import PricingUnit, gross_fen

__all__ = [
    "ALL_BP",
    "BINDING_TITLES",
    "MILLI_SECONDS_PER_HOUR",
    "RATING_VERSION",
    "Bonus",
    "Limits",
    "PricingUnit",
    "SettlementMode",
    "Share",
    "ShareLine",
    "ShareRule",
    "Stacking",
    "Term",
    "exact_yuan",
    "gross_fen",
    "percent",
    "public_share",
]

RATING_VERSION = "rating/2"
MILLI_SECONDS_PER_HOUR = 3_600_000


@dataclass(frozen=True)
class Share:
    """The public share of one statement, with its whole derivation.

    ``eligible_by`` is the code of the term that decided the eligible amount, ``binding`` the limit
    that decided the grant.
    """

    grant_fen: int
    eligible_fen: Fraction
    eligible_by: str
    binding: str
    terms: tuple[Term, ...]
    line_grants_fen: tuple[int, ...]


@dataclass(frozen=True)
class _Part:
    """One amount of which the least counts; None is no limit."""

    code: str
    title: str
    amount: Fraction | None
    how: str
    clause: str = ""

    def term(self) -> Term:
        shown = "不限" if self.amount is None else exact_yuan(self.amount)
        return Term(self.code.lower(), self.title, shown, self.how, self.clause)


def public_share(rule: ShareRule, lines: Sequence[ShareLine], limits: Limits) -> Share:
    """Divide what was used between the public purse and the enterprise, and say why.

    Units: fen. The grant is cut down, so the public purse never pays the odd fen; the parts of
        the lines add up to the grant.
    Source: domain.md 2.10; the binding constraint is the first of the smallest, in the order of
        ``BINDING_TITLES``.

    Raises:
        Refused: other public money although the programme forbids it; an invoice for use that
            nobody metered.
    """
    _refuse_unmetered(rule, lines, limits)
    eligible, eligible_by, terms = _eligible(rule, lines, limits)
    raw, weights, more = _raw(rule, lines, eligible)
    terms += more
    ceilings = _ceilings(rule, limits)
    ceilings.append(_stacking(rule, limits, eligible, raw, ceilings))
    terms += [each.term() for each in ceilings]
    best, binding = raw, "RATIO"
    for each in ceilings:
        if each.amount is not None and each.amount < best:
            best, binding = each.amount, each.code
    grant = max(_cut(best, rule.truncate_fen), 0)
    cut = "舍去不足 1 元的部分" if rule.truncate_fen == 100 else "舍去不足 1 分的部分"
    how = f"以上各项最小者（{BINDING_TITLES[binding]}），{cut}"
    terms.append(
        Term("grant", "本期券抵扣", yuan_text(grant), how, rule.clauses.get("truncate", ""))
    )
    parts = split_by_largest_remainder(grant, weights) if any(weights) else [0] * len(lines)
    return Share(grant, eligible, eligible_by, binding, tuple(terms), tuple(parts))


def _cut(amount: Fraction, unit_fen: int) -> int:
    """Return an amount cut down to whole units, in fen."""
    return amount.numerator // amount.denominator // unit_fen * unit_fen


def _step(rule: ShareRule, amount: Fraction) -> Fraction:
    """Return a step as the edition carries it on: exact, or cut down like the grant."""
    return Fraction(_cut(amount, rule.truncate_fen)) if rule.truncate_steps else amount


def _refuse_unmetered(rule: ShareRule, lines: Sequence[ShareLine], limits: Limits) -> None:
    """Refuse a claim on an invoice while the meters say that nothing was used."""
    if rule.mode.wants_invoice and limits.invoiced_fen > 0 and not any(x.list_fen for x in lines):
        raise Refused(
            "nothing_metered",
            f"发票金额 {yuan_text(limits.invoiced_fen)} 元，但本期计量用量为零，不能核销。"
            "请服务商补报或更正用量后再申请。",
            clause=rule.clauses.get("eligible", ""),
        )


def _eligible(
    rule: ShareRule, lines: Sequence[ShareLine], limits: Limits
) -> tuple[Fraction, str, list[Term]]:
    """Return the eligible amount, which term it is, and the terms it is the least of."""
    listed, metered = sum(x.list_fen for x in lines), sum(x.metered_fen for x in lines)
    parts: list[tuple[str, str, Fraction, str]] = []
    if rule.mode.wants_bank_receipt:
        how = (
            f"{yuan_text(limits.paid_fen)} × {limits.days_in_period} 天 ÷ "
            f"{limits.days_of_service} 天（按天折算）"
        )
        paid_in = Fraction(limits.paid_fen * limits.days_in_period, limits.days_of_service)
        parts.append(("paid_in", "期内实付", _step(rule, paid_in), how))
    else:
        how = "各行用量 × 单价之和，已扣除折扣和赠送"
        parts.append(("list_net", "净价金额", Fraction(listed), how))
    how = "各行用量 × min(单价, 政策限价) 之和"
    parts.append(("metered", "计量金额", Fraction(metered), how))
    if rule.mode.wants_invoice:
        parts.append(("invoiced", "开票金额", Fraction(limits.invoiced_fen), "发票价税合计"))
    if rule.mode.wants_bank_receipt:
        parts.append(("bank_paid", "银行付款", Fraction(limits.bank_paid_fen), "银行回单金额"))
    code, title, least, _ = min(parts, key=lambda part: part[2])
    least = _step(rule, least)
    terms = [Term(code, title, exact_yuan(amount), how) for code, title, amount, how in parts]
    how = f"以上 {len(parts)} 项中最小的一项（{title}）"
    clause = rule.clauses.get("eligible", "")
    terms.append(Term("eligible", "可支持金额", exact_yuan(least), how, clause))
    return least, code, terms


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


def _ceilings(rule: ShareRule, limits: Limits) -> list[_Part]:
    """Return what a grant may not exceed, whatever the ratio; unset caps are left out."""
    found: list[tuple[str, int | None, str, str]] = [
        ("HELD", limits.held_fen, "订单占用中尚未核销的券额", "held"),
        ("ENTERPRISE_YEAR", limits.cap_left_enterprise_fen, "年度上限减已核销", "cap"),
        ("GROUP_YEAR", limits.cap_left_group_fen, "关联企业年度上限减合计已核销", "cap"),
        ("PROGRAMME", limits.cap_left_programme_fen, "预算减已核销", "budget"),
        ("CONTRACT", limits.cap_left_contract_fen, "单个合同上限减该合同已支持", "cap"),
    ]
    parts = [
        _Part(
            code,
            BINDING_TITLES[code],
            Fraction(amount),
            limits.said.get(code, how),
            rule.clauses.get(clause, ""),
        )
        for code, amount, how, clause in found
        if amount is not None
    ]
    if rule.min_contract_fen:
        reached = limits.contract_fen >= rule.min_contract_fen
        verdict, room = ("达到起点", None) if reached else ("未达到起点，不予支持", Fraction(0))
        how = (
            f"合同金额 {yuan_text(limits.contract_fen)} 元，"
            f"起点 {yuan_text(rule.min_contract_fen)} 元，{verdict}"
        )
        clause = rule.clauses.get("cap", "")
        parts.append(_Part("MIN_CONTRACT", BINDING_TITLES["MIN_CONTRACT"], room, how, clause))
    return parts


def _stacking(
    rule: ShareRule,
    limits: Limits,
    eligible: Fraction,
    raw: Fraction,
    ceilings: Sequence[_Part],
) -> _Part:
    """Return how much other public money leaves room for; the contract counts as a whole."""
    other, clause = limits.other_funding_fen, rule.clauses.get("stacking", "")
    base = max(limits.eligible_before_fen + eligible, Fraction(limits.contract_fen))
    room: Fraction | None = None
    if rule.stacking is Stacking.NONE:
        if other > 0:
            raise Refused(
                "stacking_forbidden",
                f"本政策不与其他财政资金叠加，该合同已申报其他资金 {yuan_text(other)} 元。"
                "请核对后撤回本次结算或更正申报。",
                clause=clause,
            )
        how = "不允许叠加；该合同没有其他财政资金"
    elif rule.stacking is Stacking.HIGHER_ONLY:
        # The whole contract's support is held against the whole contract's other money.
        whole = base * (raw / eligible) if eligible else Fraction(0)
        most = [each.amount for each in ceilings if each.amount is not None]
        ours = min([whole, *(limits.granted_before_fen + each for each in most)])
        said = f"其他资金 {yuan_text(other)} 元，本项整个合同 {exact_yuan(ours)} 元"
        if 0 < other >= ours:
            room, how = Fraction(0), f"就高不重复：{said}，本项不高于其他资金，不再支持"
        else:
            how = f"就高不重复：{said}，本项较高"
    else:
        left = base * rule.cumulative_cap_bp / ALL_BP - other - limits.granted_before_fen
        room = max(left, Fraction(0))
        how = (
            f"{percent(rule.cumulative_cap_bp)} × 合同可支持 {exact_yuan(base)} − "
            f"其他财政资金 {yuan_text(other)} − 本合同已支持 {yuan_text(limits.granted_before_fen)}"
        )
    return _Part("STACKING", BINDING_TITLES["STACKING"], room, how, clause)
