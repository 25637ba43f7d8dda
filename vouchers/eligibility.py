"""Decide whether an enterprise may hold a compute voucher, and say why.

Pure: facts in, verdict out. The same facts and edition always give the same verdict, so a
decision can be re-run years later from what was stored.

Source: the criteria of the programme edition, each with its clause.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.amounts import parse_yuan
from vouchers.rulebook import Criterion, Edition

PASS, FAIL, FLAG, UNKNOWN = "pass", "fail", "flag", "unknown"
HUMAN_CLASSES = ("unrated_new", "out_of_scope", "unknown")


@dataclass(frozen=True)
class Fact:
    """One thing known of the applicant: value, source, the day it speaks of."""

    name: str
    value: Any
    source: str
    as_of: date
    expires_on: date | None = None
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the fact as plain JSON values, the way a verdict keeps it."""
        return {
            "name": self.name,
            "value": self.value,
            "source": self.source,
            "as_of": self.as_of.isoformat(),
            "note": self.note,
        }


@dataclass(frozen=True)
class Finding:
    """What one criterion says: outcome, clause, the facts used, a hint for the applicant."""

    code: str
    title: str
    clause: str
    outcome: str
    hard: bool
    facts: tuple[dict[str, Any], ...]
    hint: str

    def plain(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        return {
            "code": self.code,
            "title": self.title,
            "clause": self.clause,
            "outcome": self.outcome,
            "hard": self.hard,
            "facts": list(self.facts),
            "hint": self.hint,
        }


@dataclass(frozen=True)
class Verdict:
    """All findings under one edition; ``outcome`` is ``passed``, ``flagged`` or ``failed``."""

    outcome: str
    edition: str
    edition_digest: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Return the hard criteria that are not met."""
        return tuple(f for f in self.findings if f.hard and f.outcome == FAIL)

    def plain(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values, the way an application keeps it."""
        return {
            "outcome": self.outcome,
            "edition": self.edition,
            "edition_digest": self.edition_digest,
            "criteria": [each.plain() for each in self.findings],
        }

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the verdict in canonical JSON; the log keeps this."""
        text = json.dumps(self.plain(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def judge(edition: Edition, facts: dict[str, Fact]) -> Verdict:
    """Hold the facts against every criterion of the edition; never stops at the first."""
    findings = tuple(_find(each, facts.get(each.fact)) for each in edition.criteria)
    if any(f.hard and f.outcome == FAIL for f in findings):
        outcome = "failed"
    elif all(f.outcome == PASS for f in findings):
        outcome = "passed"
    else:
        outcome = "flagged"
    return Verdict(outcome, f"{edition.slug}/{edition.edition_no}", edition.digest, findings)


def _find(criterion: Criterion, fact: Fact | None) -> Finding:
    outcome = UNKNOWN if fact is None or fact.value is None else _outcome(criterion, fact.value)
    return Finding(
        code=criterion.code,
        title=criterion.title,
        clause=criterion.clause,
        outcome=outcome,
        hard=criterion.hard,
        facts=() if fact is None else (fact.plain(),),
        hint="" if outcome == PASS else criterion.hint,
    )


def _outcome(criterion: Criterion, value: Any) -> str:
    if criterion.fact == "sme_class" and value in HUMAN_CLASSES:
        return FLAG  # the standard does not speak of this firm: a person decides
    if _met(criterion, value):
        return PASS
    return FAIL if criterion.hard else FLAG


def _met(criterion: Criterion, value: Any) -> bool:
    wanted = criterion.value
    met: bool
    match criterion.test:
        case "equals":
            met = value == wanted
        case "one_of":
            met = value in wanted
        case "is_true":
            met = value is True
        case "is_false":
            met = value is False
        case "at_least_yuan":
            met = value >= parse_yuan(wanted)
        case "at_most_months":
            met = value <= wanted
        case other:
            raise ValueError(f"unknown test {other}")
    return met
