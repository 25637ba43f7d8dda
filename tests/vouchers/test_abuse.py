"""The rules against abuse, each on its own: what is seen, how hard, what would have to change."""

from datetime import date

from tests.vouchers.test_rulebook import edition
from vouchers import abuse
from vouchers.abuse import Known
from vouchers.related import Relation

TODAY = date(2026, 9, 1)
SEEN = Known("税务数据 2025-12-31", "register", TODAY)


def codes(found):
    return [(each.code, each.outcome) for each in found]


def conflict(stated, other):
    return abuse.conflicting(edition(), stated, other, SEEN)


def test_figures_that_differ_by_more_than_five_percent_are_flagged_with_both_numbers():
    assert conflict({"revenue_fen": 1000}, {"revenue_fen": 950}) == []
    assert codes(conflict({"revenue_fen": 10_000}, {"revenue_fen": 9_498})) == [("AF12", "flag")]
    (found,) = conflict({"employees": 100, "industry": "I6420"}, {"employees": 80})
    assert "从业人员：申报 100 人，税务数据 2025-12-31 80 人，相差 20%" in found.facts[0]["note"]
    (found,) = conflict({"industry": "I6513"}, {"industry": "I6420"})
    assert "按登记行业划型" in found.facts[0]["note"]
    assert conflict({}, {"employees": 3}) == conflict({"employees": 3}, {}) == []
    assert conflict({"employees": 0}, {"employees": 0}) == []
    assert abuse.conflicting(edition(), {"employees": 1}, {}, None) == []


def test_the_difference_is_taken_against_the_larger_figure_whichever_way():
    for one, other, bp in (
        (100, 95, 500),
        (95, 100, 500),
        (0, 5, 10_000),
        (0, 0, 0),
        (200, 199, 50),
    ):
        assert abuse.difference_bp(one, other) == bp


def test_related_applicants_are_told_by_their_path_and_hints_as_hints():
    group = [Relation("B", "holds", "A直接持股B 30%"), Relation("C", "holds", "A直接持股C 30%")]
    weak = [Relation("D", "phone", "丁与本企业的联系电话相同", strong=False)]
    found = abuse.related_applicants(edition(), group, weak, {"B": "乙", "D": "丁"}, TODAY)
    assert codes(found) == [("AF01", "flag"), ("AF05", "flag")]
    assert found[0].facts[0]["note"] == "乙：A直接持股B 30%"
    assert abuse.related_applicants(edition(), group, weak, {}, TODAY) == []


def test_a_contract_used_twice_is_hard_and_money_from_elsewhere_asks_a_person():
    assert codes(abuse.used_twice(edition(), [SEEN], [])) == [("AF02", "fail")]
    assert codes(abuse.used_twice(edition(), [], [SEEN])) == [("AF02b", "flag")]
    assert abuse.used_twice(edition(), [], []) == []


def test_the_own_group_as_provider_is_hard():
    assert codes(abuse.own_provider(edition(), "甲直接持股乙 30%", TODAY)) == [("AF03", "fail")]
    assert abuse.own_provider(edition(), "", TODAY) == []


def test_standing_and_lists_ask_a_person():
    assert codes(abuse.bad_standing(edition(), "watch", [], TODAY)) == [("AF09", "flag")]
    assert codes(abuse.bad_standing(edition(), "active", [SEEN], TODAY)) == [("AF09", "flag")]
    for state in ("active", "registered"):
        assert abuse.bad_standing(edition(), state, [], TODAY) == []


def test_foreign_money_and_hidden_cards_ask_a_person():
    """U17."""
    for need in ({"currency": "OTHER"}, {"device_model": "型号保密"}):
        assert codes(abuse.hidden_contract(edition(), need, TODAY)) == [("AF07", "flag")]
    plain = {"currency": "CNY", "device_model": "昇腾 910B"}
    assert abuse.hidden_contract(edition(), plain, TODAY) == []


def test_every_finding_says_what_would_have_to_change():
    found = [
        *abuse.used_twice(edition(), [SEEN], [SEEN]),
        *abuse.own_provider(edition(), "甲直接持股乙", TODAY),
        *abuse.bad_standing(edition(), "watch", [SEEN], TODAY),
        *abuse.hidden_contract(edition(), {"currency": "OTHER"}, TODAY),
    ]
    assert all(each.change.endswith("。") and each.clause for each in found)
