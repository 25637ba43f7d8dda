"""What past applications would have got under other rules: who wins, who loses, what it costs.

Pure and one pass: cases come in the order of submission, outcomes go out one by one, and only sums
are kept. Facts are those stored with the verdict of the day; a fact nobody asked for then is
unknown now, and a criterion on it waits for a person, it does not refuse.

The amount of a case is the most the rules allow it, within the cap its enterprise has left in this
replay. Money running out is told by the sums, not decided case by case: allocation is its own run.

Units: fen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from vouchers.eligibility import Fact, judge
from vouchers.granting import award, held_bonuses
from vouchers.questions import planned_months, planned_total_fen
from vouchers.rulebook import Edition

SUPPORTED, REFUSED, OPEN = "supported", "refused", "open"
ELIGIBLE, MANUAL, FAILED = "eligible", "manual", "failed"
AFTER = {"passed": ELIGIBLE, "flagged": MANUAL, "failed": FAILED}
DERIVED_THEN = {"within_award"}  # speaks of the old rules: always within what is asked here
GAIN, LOSS, MORE, LESS, SAME, UNDECIDED = "gain", "loss", "more", "less", "same", "undecided"


@dataclass(frozen=True)
class Case:
    """One past application as it was judged: facts and answers of the day, and what it got."""

    number: str
    enterprise: str
    name: str
    before: str
    before_fen: int
    facts: dict[str, Fact]
    need: dict[str, Any]
    applied_on: date | None = None
    founded_on: date | None = None


@dataclass(frozen=True)
class Outcome:
    """What the case would be under the other rules, and what that means for it."""

    case: Case
    size_class: str
    after: str
    after_fen: int
    change: str
    reasons: tuple[str, ...]

    @property
    def difference_fen(self) -> int:
        """Return how much more (or less) the case would get."""
        return self.after_fen - self.case.before_fen


@dataclass
class Totals:
    """Sums over outcomes: cases by change, and money before and after."""

    cases: int = 0
    before_fen: int = 0
    after_fen: int = 0
    manual_fen: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Take one outcome into the sums."""
        self.cases += 1
        self.before_fen += outcome.case.before_fen
        self.after_fen += outcome.after_fen
        self.manual_fen += outcome.after_fen if outcome.after == MANUAL else 0
        self.changes[outcome.change] = self.changes.get(outcome.change, 0) + 1
        self.after[outcome.after] = self.after.get(outcome.after, 0) + 1


def replay(edition: Edition, cases: Iterable[Case]) -> Iterator[Outcome]:
    """Yield the outcome of each case under an edition, in the order given."""
    used: dict[str, int] = {}
    for case in cases:
        outcome = _outcome(edition, case, used.get(case.enterprise, 0))
        used[case.enterprise] = used.get(case.enterprise, 0) + outcome.after_fen
        yield outcome


def _outcome(edition: Edition, case: Case, used_fen: int) -> Outcome:
    facts = case.facts | {
        name: Fact(name, True, "derived", date.min, note="按测算额度") for name in DERIVED_THEN
    }
    if case.need:
        facts |= {
            "planned_total_fen": _derived("planned_total_fen", planned_total_fen(case.need)),
            "planned_months": _derived("planned_months", planned_months(case.need)),
        }
    verdict = judge(edition, facts)
    after = AFTER[verdict.outcome]
    amount_fen = 0 if after == FAILED else _amount_fen(edition, case, used_fen)
    reasons = tuple(f"{each.code} {each.title}" for each in verdict.failed)
    if after != FAILED and amount_fen == 0:
        after, reasons = FAILED, ("没有可支持的额度",)
    size = facts.get("sme_class")
    outcome = Outcome(case, str(size.value if size else "unknown"), after, amount_fen, "", reasons)
    return replace(outcome, change=_change(outcome))


def _amount_fen(edition: Edition, case: Case, used_fen: int) -> int:
    if not case.need:
        return 0
    return award(
        edition,
        planned_fen=planned_total_fen(case.need),
        other_funding_fen=int(case.need.get("other_funding_fen") or 0),
        cap_used_fen=used_fen,
        bonuses=held_bonuses(
            edition.ratio,
            domestic=bool(case.need.get("domestic")),
            founded_on=case.founded_on,
            applied_on=case.applied_on,
        ),
    ).grant_fen


def _change(outcome: Outcome) -> str:
    before, after = outcome.case.before, outcome.after
    if before == SUPPORTED:
        if after == FAILED:
            return LOSS
        if outcome.difference_fen:
            return MORE if outcome.difference_fen > 0 else LESS
        return SAME
    if before == REFUSED:
        return GAIN if after != FAILED else SAME
    return UNDECIDED


def _derived(name: str, value: Any) -> Fact:
    return Fact(name, value, "derived", date.min)
