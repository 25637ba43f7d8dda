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

from ledger.amounts import parse_yuan, yuan_text
from vouchers.rulebook import Criterion, Edition

PASS, FAIL, FLAG, UNKNOWN = "pass", "fail", "flag", "unknown"
STATED_SOURCES = ("self", "file")
HUMAN_CLASSES = ("unrated_new", "out_of_scope", "unknown")


@dataclass(frozen=True)
class Fact:
    """One thing known of the applicant: value, source, the day it speaks of.

    ``change`` says what would have to be different, where only the one who gathered it can tell.
    """

    name: str
    value: Any
    source: str
    as_of: date
    expires_on: date | None = None
    note: str = ""
    change: str = ""

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
    """What one criterion says: outcome, clause, the facts used, and what would have to change."""

    code: str
    title: str
    clause: str
    outcome: str
    hard: bool
    facts: tuple[dict[str, Any], ...]
    hint: str
    change: str = ""

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
            "change": self.change,
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


def judge(edition: Edition, facts: dict[str, Fact], also: tuple[Finding, ...] = ()) -> Verdict:
    """Hold the facts against every criterion of the edition; never stops at the first.

    Args:
        edition: the rules.
        facts: what is known, by name.
        also: findings of the rules against abuse, which hold under every edition.
    """
    findings = (*(_find(each, facts.get(each.fact)) for each in edition.criteria), *also)
    if any(f.hard and f.outcome == FAIL for f in findings):
        outcome = "failed"
    elif all(f.outcome == PASS for f in findings):
        outcome = "passed"
    else:
        outcome = "flagged"
    return Verdict(outcome, f"{edition.slug}/{edition.edition_no}", edition.digest, findings)


def open_findings(verdict: dict[str, Any], decided: dict[str, bool]) -> list[dict[str, Any]]:
    """Return the findings of a kept verdict that still stand against support.

    A person's decision settles what the machine left open (flag, unknown, soft failure); a hard
    failure is settled by nobody.

    Args:
        verdict: a verdict as an application keeps it.
        decided: code -> whether a person found it met; the newest decision.
    """
    return [
        each
        for each in verdict.get("criteria", [])
        if each["outcome"] != PASS and (is_hard_failure(each) or not decided.get(each["code"]))
    ]


def is_hard_failure(finding: dict[str, Any]) -> bool:
    """Tell whether a kept finding is one that no person may overrule."""
    return bool(finding["hard"] and finding["outcome"] == FAIL)


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
        change="" if outcome == PASS else _change(criterion, fact),
    )


def _change(criterion: Criterion, fact: Fact | None) -> str:
    """Say what would have to be different for the criterion to be met, as concretely as known."""
    if fact is None or fact.value is None:
        return "补充这一项资料后可以判断。"
    if fact.change:
        return fact.change
    if criterion.test == "at_least_yuan":
        wanted = parse_yuan(criterion.value)
        return f"再增加 {yuan_text(wanted - fact.value)} 元，达到 {yuan_text(wanted)} 元即符合。"
    if criterion.test == "at_most_months":
        over = fact.value - criterion.value
        return f"缩短 {over} 个月，不超过 {criterion.value} 个月即符合。"
    if fact.source in STATED_SOURCES:
        return "如实际情况与所填不同，请更正并附证明；情况变化后可以再次申请。"
    return ""


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
