"""The verdict: every criterion judged, clause and facts kept, never stopping at the first."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vouchers.test_rulebook import edition
from vouchers.eligibility import Fact, judge

GOOD = {
    "uscc_flag": "",
    "registered_district": "310107",
    "tax_district": "310107",
    "sme_class": "small",
    "dishonest": False,
    "large_controlled": False,
    "related_party": False,
    "purpose": "TRAINING",
    "planned_total_fen": 2_200_000,
    "planned_months": 6,
    "within_award": True,
    "facts_current": True,
    "evidence_complete": True,
}


def facts(**changes):
    values = GOOD | changes
    return {name: Fact(name, value, "self", date(2026, 9, 1)) for name, value in values.items()}


def outcome_of(verdict, code):
    return next(each.outcome for each in verdict.findings if each.code == code)


def test_a_fitting_enterprise_passes_every_criterion():
    verdict = judge(edition(), facts())
    assert verdict.outcome == "passed"
    assert {each.outcome for each in verdict.findings} == {"pass"}
    assert len(verdict.findings) == 13


CASES = [
    ("registered_district", "310115", "C02", "fail", "failed"),
    ("tax_district", "310115", "C03", "fail", "failed"),
    ("sme_class", "large", "C04", "fail", "failed"),
    ("sme_class", "medium", "C04", "pass", "passed"),
    ("sme_class", "micro", "C04", "pass", "passed"),
    ("sme_class", "unrated_new", "C04", "flag", "flagged"),
    ("sme_class", "out_of_scope", "C04", "flag", "flagged"),
    ("sme_class", "unknown", "C04", "flag", "flagged"),
    ("dishonest", True, "C05", "fail", "failed"),
    ("large_controlled", True, "C06", "flag", "flagged"),
    ("uscc_flag", "pilot_code", "C01", "flag", "flagged"),
    ("uscc_flag", "check_failed", "C01", "flag", "flagged"),
    ("related_party", True, "C07", "fail", "failed"),
    ("purpose", "STORAGE", "C08", "fail", "failed"),
    ("purpose", "INFERENCE", "C08", "pass", "passed"),
    ("planned_total_fen", 999_999, "C09", "fail", "failed"),
    ("planned_total_fen", 1_000_000, "C09", "pass", "passed"),
    ("planned_months", 12, "C10", "pass", "passed"),
    ("planned_months", 13, "C10", "fail", "failed"),
    ("within_award", False, "C11", "fail", "failed"),
    ("facts_current", False, "C12", "flag", "flagged"),
    ("evidence_complete", False, "C13", "fail", "failed"),
    ("purpose", None, "C08", "unknown", "flagged"),
]


@pytest.mark.parametrize(("name", "value", "code", "outcome", "overall"), CASES)
def test_each_criterion_decides_by_its_fact(name, value, code, outcome, overall):
    verdict = judge(edition(), facts(**{name: value}))
    assert outcome_of(verdict, code) == outcome
    assert verdict.outcome == overall


def test_all_failures_are_told_at_once():
    verdict = judge(edition(), facts(registered_district="310115", dishonest=True, purpose="X"))
    assert [each.code for each in verdict.failed] == ["C02", "C05", "C08"]


def test_a_missing_fact_is_unknown_and_never_a_pass():
    verdict = judge(edition(), {})
    assert {each.outcome for each in verdict.findings} == {"unknown"}
    assert verdict.outcome == "flagged"


def test_a_finding_keeps_clause_fact_source_and_hint():
    verdict = judge(edition(), facts(registered_district="310115"))
    finding = next(each for each in verdict.plain()["criteria"] if each["code"] == "C02")
    assert finding["clause"] == "演示方案第二条第二项"
    assert finding["facts"][0]["value"] == "310115"
    assert finding["facts"][0]["source"] == "self"
    assert finding["facts"][0]["as_of"] == "2026-09-01"
    assert "市级平台" in finding["hint"]


def test_a_passed_criterion_needs_no_hint():
    assert {each.hint for each in judge(edition(), facts()).findings} == {""}


def test_the_verdict_names_its_edition_and_digest():
    verdict = judge(edition(), facts())
    assert verdict.edition == "putuo-demo-2026/1"
    assert verdict.edition_digest == edition().digest
    assert verdict.digest == judge(edition(), facts()).digest


@given(st.sampled_from(sorted(GOOD)), st.sampled_from([None, "", "310115", "large"]))
def test_the_same_facts_always_give_the_same_verdict(name, value):
    if name in ("planned_total_fen", "planned_months"):
        return
    once, again = (judge(edition(), facts(**{name: value})) for _ in range(2))
    assert once.digest == again.digest
