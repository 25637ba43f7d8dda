"""How much support an application may ask for, term by term, and what bound it.

Pure. The same terms are shown to the applicant before submission and to the reviewer afterwards.

Units: fen, basis points. Every share is rounded down: the public purse never pays the odd fen.
Source: ratio, caps and stacking of the programme edition.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.amounts import share_floor
from vouchers.rulebook import Bonus, Edition, Ratio


@dataclass(frozen=True)
class Term:
    """One ceiling or step of the formula."""

    code: str
    title: str
    amount_fen: int
    clause: str


@dataclass(frozen=True)
class Award:
    """What may be granted at most, the terms it follows from, and the term that bound it."""

    grant_fen: int
    binding: str
    ratio_bp: int
    ratio_reason: str
    terms: tuple[Term, ...]

    def plain(self) -> dict[str, Any]:
        """Return the award as plain JSON values (amounts as text)."""
        return {
            "grant_fen": str(self.grant_fen),
            "binding": self.binding,
            "ratio_bp": self.ratio_bp,
            "ratio_reason": self.ratio_reason,
            "terms": [
                {
                    "code": t.code,
                    "title": t.title,
                    "amount_fen": str(t.amount_fen),
                    "clause": t.clause,
                }
                for t in self.terms
            ],
        }


def held_bonuses(
    ratio: Ratio, *, domestic: bool, founded_on: date | None, applied_on: date | None
) -> frozenset[str]:
    """Return the codes of the bonuses that hold.

    Args:
        ratio: the edition's.
        domestic: whether the accelerators are domestic.
        founded_on: as known when the application was handed in; None is not known.
        applied_on: the day of handing in.
    """

    def holds(bonus: Bonus) -> bool:
        if bonus.ground == "YOUNG":
            if founded_on is None or applied_on is None:
                return False
            return applied_on < _months_after(founded_on, bonus.months)
        return bonus.ground == "DOMESTIC" and domestic

    return frozenset(each.code for each in ratio.bonuses if holds(each))


def _months_after(day: date, months: int) -> date:
    """Return the same day of a later month, or that month's last where there is none."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def ratio_of(ratio: Ratio, held: frozenset[str]) -> tuple[int, str]:
    """Return the ratio in basis points and its reason, given the bonus codes that hold."""
    bonuses = [each for each in ratio.bonuses if each.code in held]
    if ratio.bonus_rule == "HIGHER_ONLY":
        bonuses = sorted(bonuses, key=lambda each: (-each.add_bp, each.code))[:1]
    total = min(ratio.base_bp + sum(each.add_bp for each in bonuses), ratio.max_bp)
    words = [f"基本比例 {_percent(ratio.base_bp)}"]
    words += [f"{each.title}加 {_percent(each.add_bp)}" for each in bonuses]
    words.append(f"最高 {_percent(ratio.max_bp)}")
    return total, "，".join(words)


def award(
    edition: Edition,
    *,
    planned_fen: int,
    other_funding_fen: int,
    cap_used_fen: int,
    bonuses: frozenset[str],
) -> Award:
    """Return the most that may be granted for a planned contract.

    Args:
        edition: the edition applied under.
        planned_fen: expected contract amount that is eligible.
        other_funding_fen: other public money for the same contract.
        cap_used_fen: vouchers already issued to the enterprise under this scheme.
        bonuses: codes of the bonuses that hold.

    Raises:
        ValueError: a negative amount.
    """
    if min(planned_fen, other_funding_fen, cap_used_fen) < 0:
        raise ValueError("amounts are not negative")
    ratio_bp, why = ratio_of(edition.ratio, bonuses)
    raw = share_floor(planned_fen, ratio_bp)
    terms = [
        Term("RATIO", f"预计合同金额 × {_percent(ratio_bp)}", raw, edition.ratio.clause),
        Term(
            "CAP_YEAR",
            "企业年度上限余额",
            max(0, edition.caps.enterprise_year_fen - cap_used_fen),
            edition.caps.clause,
        ),
    ]
    if edition.caps.contract_fen is not None:
        terms.append(
            Term("CAP_CONTRACT", "单个合同上限", edition.caps.contract_fen, edition.caps.clause)
        )
    terms.append(_stacking_room(edition, planned_fen, other_funding_fen, raw))
    least = min(terms, key=lambda each: each.amount_fen)
    grant = least.amount_fen
    if edition.settlement.rounding != "TO_FEN_DOWN":
        grant -= grant % 100
    return Award(grant, least.code, ratio_bp, why, tuple(terms))


def _stacking_room(edition: Edition, planned_fen: int, other_fen: int, raw_fen: int) -> Term:
    """Return what other public money leaves room for."""
    rule = edition.stacking.rule
    if rule == "CUMULATIVE_CAP":
        room = max(0, share_floor(planned_fen, edition.stacking.cap_bp) - other_fen)
        title = f"各级财政资金合计不超过 {_percent(edition.stacking.cap_bp)}，扣除其他资金后"
    elif rule == "HIGHER_ONLY":
        room = raw_fen if raw_fen > other_fen else 0
        title = "就高不重复：其他资金不低于本项时不再支持"
    else:
        room = 0 if other_fen else raw_fen
        title = "不得与其他财政资金叠加"
    return Term("STACKING", title, room, edition.stacking.clause)


def _percent(bp: int) -> str:
    whole, rest = divmod(bp, 100)
    return f"{whole}.{rest:02d}%" if rest else f"{whole}%"
