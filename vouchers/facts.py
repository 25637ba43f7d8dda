"""Gather what is known of an applicant, so that the rules can judge it."""

from datetime import date, datetime
from typing import Any

from ledger.amounts import yuan_text
from ledger.periods import day_of
from vouchers import radar
from vouchers.caps import used_by_enterprise_fen
from vouchers.eligibility import Fact, Verdict, judge
from vouchers.granting import Award, award, held_bonuses
from vouchers.models import Application
from vouchers.questions import ENTERPRISE, planned_months, planned_total_fen
from vouchers.registers import Entries
from vouchers.sizing import Size, classify, way_down

#: What an enterprise states of itself; everything else a verdict uses is derived.
STATED = tuple(each.name for each in ENTERPRISE.questions if each.name != "as_of")
LABELS = {each.name: each.label for each in ENTERPRISE.questions}
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


def award_of(application: Application, need: dict[str, Any], at: datetime) -> Award:
    """Return what may be asked for at most with these answers about the need."""
    edition = application.programme.edition
    bonuses = held_bonuses(
        edition.ratio,
        domestic=bool(need.get("domestic")),
        founded_on=founded_on(application, at),
        applied_on=day_of(at),
    )
    return award(
        edition,
        planned_fen=planned_total_fen(need),
        other_funding_fen=int(need.get("other_funding_fen") or 0),
        cap_used_fen=used_by_enterprise_fen(application.enterprise, application.programme, at),
        bonuses=bonuses,
    )


def founded_on(application: Application, at: datetime) -> date | None:
    """Return when the applicant was founded, as known at a moment; asked only where it counts."""
    if not any(each.ground == "YOUNG" for each in application.programme.edition.ratio.bonuses):
        return None
    fact = application.enterprise.facts_at(at).get("founded_on")
    return date.fromisoformat(fact.value) if fact and fact.value else None


def bonuses_of(application: Application, *, domestic: bool) -> frozenset[str]:
    """Return the bonuses that hold for use under an application, by what was known at handing in.

    What changes later - a firm grows a year older - changes no voucher that was issued.
    """
    at = application.submitted_at
    return held_bonuses(
        application.programme.edition.ratio,
        domestic=domestic,
        founded_on=founded_on(application, at) if at else None,
        applied_on=day_of(at) if at else None,
    )


def applicant_facts(application: Application, at: datetime) -> dict[str, Fact]:
    """Return every fact the criteria may ask for, stated and derived, as known at ``at``.

    What another office registered goes before what the enterprise says of itself.
    """
    enterprise = application.enterprise
    return _with_derived(application, enterprise.facts_at(at), Entries(enterprise.uscc), at)


def _with_derived(
    application: Application, stated: dict[str, Fact], entries: Entries, at: datetime
) -> dict[str, Fact]:
    """Return stated facts with what the registers say and what follows from both."""
    today, edition = day_of(at), application.programme.edition
    enterprise, facts = application.enterprise, dict(stated)
    for found in (
        radar.dishonest(entries, edition, today),
        radar.large_owner(entries, edition, today),
        radar.registered_industry(entries),
    ):
        if found is not None:
            facts[found.name] = found
    size = size_of(facts)
    need = application.answers.get("need") or {}
    project = application.answers.get("project") or {}
    missing = missing_evidence(application)
    derived = [
        _derived("uscc_flag", enterprise.uscc_flag, today),
        _derived(
            "sme_class", size.size_class, today, size.reason,
            way_down(str(facts["industry"].value), size.size_class) if "industry" in facts else "",
        ),
        _derived("purpose", project.get("purpose"), today),
        _derived("related_party", need.get("related_party"), today),
        _expired(facts, today),
        _derived(
            "evidence_complete", not missing, today,
            change=f"上传：{'、'.join(missing)}。" if missing else "",
        ),
    ]  # fmt: skip
    if need:
        derived += _of_need(application, need, at)
    return facts | {each.name: each for each in derived}


def preview_verdict(application: Application, at: datetime) -> Verdict:
    """Return what the rules say to an application at a moment; writes nothing."""
    stated = application.enterprise.facts_at(at)
    entries = Entries(application.enterprise.uscc)
    also = radar.findings(application, stated, entries, at)
    facts = _with_derived(application, stated, entries, at)
    return judge(application.programme.edition, facts, also)


def _of_need(application: Application, need: dict[str, Any], at: datetime) -> list[Fact]:
    """Return the facts that follow from the answers about the need."""
    today, most = day_of(at), award_of(application, need, at)
    over = application.requested_fen - most.grant_fen
    return [
        _derived("planned_total_fen", planned_total_fen(need), today, "预计卡时 × 单价"),
        _derived("planned_months", planned_months(need), today),
        _derived("model_filed", bool(need.get("model_filing_no")), today),
        _derived("data_product_listed", bool(need.get("data_product_no")), today),
        _derived(
            "within_award", over <= 0, today, f"可申请额度 {yuan_text(most.grant_fen)} 元",
            f"申请金额减少 {yuan_text(over)} 元，不超过 {yuan_text(most.grant_fen)} 元即符合。"
            if over > 0 else "",
        ),
    ]  # fmt: skip


def _derived(name: str, value: Any, today: date, note: str = "", change: str = "") -> Fact:
    return Fact(name, value, DERIVED, today, note=note, change=change)


def missing_evidence(application: Application) -> list[str]:
    """Return the titles of required files that are not there."""
    there = {each.slot for each in application.standing_files}
    slots = application.programme.edition.evidence
    return [each.title for each in slots if each.required and each.code not in there]


def _expired(facts: dict[str, Fact], today: date) -> Fact:
    """Return whether all facts are in date; the change names those that are not."""
    old = sorted(
        (fact.expires_on, name)
        for name, fact in facts.items()
        if fact.expires_on is not None and fact.expires_on < today
    )
    words = "、".join(dict.fromkeys(f"{LABELS.get(name, name)}（{day} 到期）" for day, name in old))
    return _derived("facts_current", not old, today, change=f"更新：{words}。" if old else "")


def _full_year(facts: dict[str, Fact]) -> bool:
    """Tell whether the firm has been there for the whole accounting year before its figures."""
    founded = facts.get("founded_on")
    if founded is None or not founded.value:
        return True
    return date.fromisoformat(founded.value) <= date(founded.as_of.year - 1, 1, 1)
