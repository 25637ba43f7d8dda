"""The award formula: each term, the term that binds, rounding down, stacking rules."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vouchers.test_rulebook import edition
from vouchers.granting import award, ratio_of
from vouchers.rulebook import Bonus

DOMESTIC = frozenset({"DOMESTIC"})


def asked(planned, other=0, used=0, bonuses=DOMESTIC, rules=None):
    return award(
        rules or edition(),
        planned_fen=planned,
        other_funding_fen=other,
        cap_used_fen=used,
        bonuses=bonuses,
    )


def with_stacking(rule):
    e = edition()
    return dataclasses.replace(e, stacking=dataclasses.replace(e.stacking, rule=rule))


AWARDS = [  # planned, other, used, domestic, grant, binding
    (2_200_000, 0, 0, True, 880_000, "RATIO"),
    (2_200_000, 0, 0, False, 660_000, "RATIO"),
    (2_200_000, 400_000, 0, True, 700_000, "STACKING"),
    (200_000_000, 0, 0, True, 50_000_000, "CAP_YEAR"),
    (200_000_000, 0, 49_100_000, True, 900_000, "CAP_YEAR"),
    (200_000_000, 0, 50_000_000, True, 0, "CAP_YEAR"),
    (2_200_000, 1_100_000, 0, True, 0, "STACKING"),
    (2_200_000, 9_999_999, 0, True, 0, "STACKING"),
    (1_000_001, 0, 0, True, 400_000, "RATIO"),
    (0, 0, 0, True, 0, "RATIO"),
]


@pytest.mark.parametrize(("planned", "other", "used", "domestic", "grant", "binding"), AWARDS)
def test_the_award_is_the_least_of_its_terms(planned, other, used, domestic, grant, binding):
    answer = asked(planned, other, used, DOMESTIC if domestic else frozenset())
    assert (answer.grant_fen, answer.binding) == (grant, binding)


def test_the_terms_show_their_clauses():
    plain = asked(2_200_000, 400_000).plain()
    assert [term["code"] for term in plain["terms"]] == ["RATIO", "CAP_YEAR", "STACKING"]
    assert plain["terms"][0]["clause"] == "演示方案第四条（支持比例）"
    assert plain["grant_fen"] == "700000"
    assert plain["ratio_reason"] == "基本比例 30%，使用国产加速卡加 10%，最高 40%"


@pytest.mark.parametrize(
    ("rule", "other", "grant"),
    [
        ("NONE", 0, 880_000),
        ("NONE", 1, 0),
        ("HIGHER_ONLY", 879_999, 880_000),
        ("HIGHER_ONLY", 880_000, 0),
        ("CUMULATIVE_CAP", 220_000, 880_000),
        ("CUMULATIVE_CAP", 220_001, 879_999),
    ],
)
def test_other_public_money_counts_by_the_stacking_rule(rule, other, grant):
    assert asked(2_200_000, other, rules=with_stacking(rule)).grant_fen == grant


def test_higher_only_bonuses_do_not_add_up():
    ratio = edition().ratio
    two = dataclasses.replace(
        ratio,
        bonuses=(*ratio.bonuses, Bonus("STARTUP", "新设企业", 500, "YOUNG", 12, "x")),
        max_bp=9000,
    )
    held = frozenset({"DOMESTIC", "STARTUP"})
    assert ratio_of(two, held)[0] == 4000
    assert ratio_of(dataclasses.replace(two, bonus_rule="ADDITIVE"), held)[0] == 4500


def test_the_ratio_never_exceeds_its_maximum():
    ratio = dataclasses.replace(edition().ratio, max_bp=3500)
    assert ratio_of(ratio, DOMESTIC)[0] == 3500


def test_a_rule_may_round_down_to_whole_yuan():
    e = edition()
    coarse = dataclasses.replace(
        e, settlement=dataclasses.replace(e.settlement, rounding="TO_YUAN_DOWN")
    )
    assert asked(1_000_999, rules=coarse).grant_fen == 400_300
    assert asked(1_000_999).grant_fen == 400_399


def test_a_contract_cap_binds_when_the_edition_has_one():
    e = edition()
    capped = dataclasses.replace(e, caps=dataclasses.replace(e.caps, contract_fen=100_000))
    answer = asked(2_200_000, rules=capped)
    assert (answer.grant_fen, answer.binding) == (100_000, "CAP_CONTRACT")


@pytest.mark.parametrize(("planned", "other", "used"), [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_negative_amounts_are_a_mistake_of_ours(planned, other, used):
    with pytest.raises(ValueError, match="negative"):
        asked(planned, other, used)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**9))
def test_the_award_respects_every_ceiling(planned, other, used):
    answer = asked(planned, other, used)
    assert 0 <= answer.grant_fen <= 50_000_000
    assert all(answer.grant_fen <= term.amount_fen for term in answer.terms)
    assert answer.grant_fen * 10_000 <= planned * answer.ratio_bp


@given(st.integers(0, 10**10), st.integers(0, 10**6))
def test_more_other_money_never_raises_the_award(planned, step):
    assert asked(planned, step).grant_fen >= asked(planned, 2 * step).grant_fen
