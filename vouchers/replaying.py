"""Read past applications for a replay of other rules; nothing is written.

One query in chunks, whatever the number of cases; the sums and one page of lines are all that is
kept in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from ledger.periods import day_of
from vouchers.eligibility import Fact
from vouchers.models import Application, Programme
from vouchers.models.application import GIVEN_UP
from vouchers.replays import OPEN, REFUSED, SUPPORTED, Case, Outcome, Totals, replay
from vouchers.rulebook import Edition

CHUNK = 500
SUPPORTED_STATES = ("approved", "issued")
REFUSED_STATES = ("rejected",)


@dataclass
class Replay:
    """The result of a replay: sums, sums by size class, and one page of the cases that change."""

    totals: Totals = field(default_factory=Totals)
    sizes: dict[str, Totals] = field(default_factory=dict)
    lines: list[Outcome] = field(default_factory=list)
    shown: int = 0


def past_cases(slug: str, kind: str = "") -> Iterator[Case]:
    """Yield the applications that were judged, in the order of submission.

    Args:
        slug: scheme whose applications to take; empty for all schemes.
        kind: kind of voucher, when all schemes are taken.
    """
    found = Application.objects.handed_in().exclude(state__in=GIVEN_UP)
    found = found.filter(verdict__isnull=False)
    if slug:
        found = found.filter(programme__slug=slug)
    elif kind:
        found = found.filter(programme__kind=kind)
    rows = found.order_by("submitted_at", "id").values_list(
        "application_no",
        "enterprise_id",
        "enterprise__name",
        "state",
        "approved_fen",
        "verdict",
        "answers",
        "submitted_at",
    )
    for number, enterprise, name, state, approved_fen, verdict, answers, handed_in in rows.iterator(
        CHUNK
    ):
        before = _before(state)
        facts = stored_facts(verdict or {})
        founded = facts.get("founded_on")
        yield Case(
            number=number or "",
            enterprise=str(enterprise),
            name=name,
            before=before,
            before_fen=(approved_fen or 0) if before == SUPPORTED else 0,
            facts=facts,
            need=answers.get("need") or {},
            applied_on=day_of(handed_in) if handed_in else None,
            founded_on=date.fromisoformat(founded.value) if founded and founded.value else None,
        )


def stored_facts(verdict: dict[str, Any]) -> dict[str, Fact]:
    """Return the facts a stored verdict was based on, by name."""
    return {
        fact["name"]: Fact(
            name=fact["name"],
            value=fact["value"],
            source=fact["source"],
            as_of=date.fromisoformat(fact["as_of"]),
            note=fact.get("note", ""),
        )
        for criterion in verdict.get("criteria", [])
        for fact in criterion.get("facts", [])
    }


def outcomes(edition: Edition, slug: str) -> Iterator[Outcome]:
    """Yield what becomes of each past case of a scheme under an edition."""
    return replay(edition, past_cases(slug, edition.kind))


def replay_page(programme: Programme, slug: str, *, change: str, start: int, size: int) -> Replay:
    """Replay an edition and keep one page of the cases.

    Args:
        programme: the edition whose rules to try.
        slug: scheme whose applications to take; empty for all of the same kind.
        change: only lines with this change; empty for all.
        start: how many lines to skip.
        size: how many lines to keep.
    """
    told = Replay()

    def counted() -> Iterator[Outcome]:
        for outcome in outcomes(programme.edition, slug):
            told.totals.add(outcome)
            told.sizes.setdefault(outcome.size_class, Totals()).add(outcome)
            if not change or outcome.change == change:
                told.shown += 1
                yield outcome

    rest = counted()
    told.lines = list(islice(rest, start, start + size))
    for _ in rest:  # the sums run over all cases, the page over a few
        pass
    return told


def _before(state: str) -> str:
    if state in SUPPORTED_STATES:
        return SUPPORTED
    return REFUSED if state in REFUSED_STATES else OPEN
