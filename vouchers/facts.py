"""Gather what is known of an applicant, so that the rules can judge it."""

from datetime import date, datetime
from typing import Any

from django.db.models import F, Sum

from ledger.amounts import yuan_text
from ledger.periods import day_of
from vouchers.eligibility import Fact
from vouchers.granting import Award, award
from vouchers.models import Application, Enterprise
from vouchers.questions import ENTERPRISE, planned_months, planned_total_fen
from vouchers.sizing import Size, classify

#: What an enterprise states of itself; everything else a verdict uses is derived.
STATED = tuple(each.name for each in ENTERPRISE.questions if each.name != "as_of")
FROM_NEED = ("related_party",)
DERIVED = "derived"


def size_of(facts: dict[str, Fact]) -> Size:
    """Return the size class that follows from stated facts."""
    value = {name: fact.value for name, fact in facts.items()}
    return classify(
        str(value.get("industry") or ""),
        employees=value.get("employees"),
        revenue_fen=value.get("revenue_fen"),
        assets_fen=value.get("assets_fen"),
        full_year=_full_year(facts),
    )


def cap_used_fen(enterprise: Enterprise, slug: str) -> int:
    """Return the face of the vouchers an enterprise holds under a scheme, less what was revoked."""
    vouchers = enterprise.vouchers.filter(programme__slug=slug)
    total = vouchers.aggregate(total=Sum(F("face_fen") - F("returned_fen")))["total"]
    return int(total or 0)


def award_of(application: Application, need: dict[str, Any]) -> Award:
    """Return what may be asked for at most with these answers about the need."""
    bonuses = frozenset({"DOMESTIC"} if need.get("domestic") else set())
    return award(
        application.programme.edition,
        planned_fen=planned_total_fen(need),
        other_funding_fen=int(need.get("other_funding_fen") or 0),
        cap_used_fen=cap_used_fen(application.enterprise, application.programme.slug),
        bonuses=bonuses,
    )


def applicant_facts(application: Application, at: datetime) -> dict[str, Fact]:
    """Return every fact the criteria may ask for, stated and derived, as known at ``at``."""
    today = day_of(at)
    facts = application.enterprise.facts_at(at)
    size = size_of(facts)
    need = application.answers.get("need") or {}
    project = application.answers.get("project") or {}
    derived: dict[str, tuple[Any, str]] = {
        "uscc_flag": (application.enterprise.uscc_flag, ""),
        "sme_class": (size.size_class, size.reason),
        "purpose": (project.get("purpose"), ""),
        "related_party": (need.get("related_party"), ""),
        "facts_current": (_current(facts, today), ""),
        "evidence_complete": (not missing_evidence(application), ""),
    }
    if need:
        most = award_of(application, need)
        derived["planned_total_fen"] = (planned_total_fen(need), "预计卡时 × 单价")
        derived["planned_months"] = (planned_months(need), "")
        derived["within_award"] = (
            application.requested_fen <= most.grant_fen,
            f"可申请额度 {yuan_text(most.grant_fen)} 元",
        )
    for name, (value, note) in derived.items():
        facts[name] = Fact(name=name, value=value, source=DERIVED, as_of=today, note=note)
    return facts


def missing_evidence(application: Application) -> list[str]:
    """Return the titles of required files that are not there."""
    there = set(application.attachments.standing().values_list("slot", flat=True))
    slots = application.programme.edition.evidence
    return [each.title for each in slots if each.required and each.code not in there]


def _current(facts: dict[str, Fact], today: date) -> bool:
    return all(fact.expires_on is None or fact.expires_on >= today for fact in facts.values())


def _full_year(facts: dict[str, Fact]) -> bool:
    """Tell whether the firm has been there for the whole accounting year before its figures."""
    founded = facts.get("founded_on")
    if founded is None or not founded.value:
        return True
    return date.fromisoformat(founded.value) <= date(founded.as_of.year - 1, 1, 1)
