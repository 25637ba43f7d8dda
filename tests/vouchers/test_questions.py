"""The pages of an application: what may be typed, what is kept, how it is shown again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vouchers.test_rulebook import edition
from vouchers.questions import (
    BY_CODE,
    STEPS,
    clean_step,
    planned_months,
    planned_total_fen,
    show,
    typed_form,
)

ENTERPRISE = {
    "registered_district": "310107",
    "tax_district": "310107",
    "street": "桃浦镇",
    "legal_form": "company",
    "founded_on": "2021-05-18",
    "industry": "I6513",
    "employees": "36",
    "revenue_fen": "820.5",
    "assets_fen": "1500",
    "large_controlled": "no",
    "dishonest": "no",
    "as_of": "2025-12-31",
}
CONTACT = {"contact_name": "张三丰", "contact_phone": "13812345678", "contact_mail": ""}
PROJECT = {
    "project_name": "医疗影像大模型微调",
    "scene": "医疗",
    "purpose": "FINE_TUNING",
    "summary": "用三十万张影像微调。",
}
NEED = {
    "device_model": "昇腾 910B",
    "domestic": "yes",
    "card_hours": "4000",
    "unit_price_fen": "5.50",
    "starts_on": "2026-10-01",
    "ends_on": "2027-03-31",
    "provider_wish": "",
    "related_party": "no",
    "other_funding_fen": "0",
    "requested_fen": "8800.00",
}
FILLED = {"enterprise": ENTERPRISE, "contact": CONTACT, "project": PROJECT, "need": NEED}


@pytest.mark.parametrize("step", [each.code for each in STEPS])
def test_a_well_filled_page_has_no_fault(step):
    answers, faults = clean_step(step, FILLED[step], edition())
    assert faults == {}
    assert set(answers) == {each.name for each in BY_CODE[step].asked_for("COMPUTE").questions}


def test_amounts_are_kept_in_fen():
    answers, _ = clean_step("enterprise", ENTERPRISE, edition())
    assert answers["revenue_fen"] == 820_500_000
    assert answers["assets_fen"] == 1_500_000_000
    need, _ = clean_step("need", NEED, edition())
    assert need["unit_price_fen"] == 550
    assert planned_total_fen(need) == 2_200_000


WRONG = [
    ("enterprise", "employees", "1000000000000", "不超过"),
    ("enterprise", "employees", "三十六", "整数"),
    ("enterprise", "employees", "-3", "整数"),
    ("enterprise", "employees", "3.5", "整数"),
    ("enterprise", "revenue_fen", "很多", "万元"),
    ("enterprise", "revenue_fen", "NaN", "合理范围"),
    ("enterprise", "revenue_fen", "Infinity", "合理范围"),
    ("enterprise", "revenue_fen", "-1", "合理范围"),
    ("enterprise", "revenue_fen", "1e12", "合理范围"),
    ("enterprise", "revenue_fen", "0.0000001", "小数"),
    ("enterprise", "industry", "软件", "I6513"),
    ("enterprise", "founded_on", "2021年5月", "日期"),
    ("enterprise", "founded_on", "2026-02-30", "日期"),
    ("enterprise", "founded_on", "2026-01-01", "不能晚于"),
    ("enterprise", "registered_district", "999999", "选项"),
    ("enterprise", "registered_district", "", "请填写"),
    ("enterprise", "dishonest", "maybe", "选项"),
    ("contact", "contact_name", "张", "两个字"),
    ("contact", "contact_name", "张\u202e三", "控制字符"),
    ("contact", "contact_phone", "12345678901234567", "手机号"),
    ("contact", "contact_mail", "a@b.cn\r\nBcc:x", "邮箱"),
    ("project", "summary", "字" * 1001, "最多 1000"),
    ("project", "purpose", "MINING", "选项"),
    ("need", "unit_price_fen", "5.555", "两位小数"),
    ("need", "unit_price_fen", "0", "大于 0"),
    ("need", "requested_fen", "0", "大于 0"),
    ("need", "requested_fen", "-1", "数字"),
    ("need", "ends_on", "2026-09-30", "不能早于"),
    ("need", "card_hours", "0", "大于 0"),
]


@pytest.mark.parametrize(("step", "name", "typed", "words"), WRONG)
def test_a_wrong_answer_is_told_on_its_page(step, name, typed, words):
    _, faults = clean_step(step, FILLED[step] | {name: typed}, edition())
    told = " ".join(faults.values())
    assert words in told
    assert told.endswith("。")


def test_all_missing_answers_of_a_page_are_told_together():
    _, faults = clean_step("enterprise", {}, edition())
    needed = {each.name for each in BY_CODE["enterprise"].questions if each.required}
    assert set(faults) == needed


@pytest.mark.parametrize("step", [each.code for each in STEPS])
def test_an_answer_goes_back_into_the_form_and_out_again_unchanged(step):
    answers, _ = clean_step(step, FILLED[step], edition())
    asked = BY_CODE[step].asked_for("COMPUTE").questions
    again = {each.name: typed_form(each, answers[each.name]) for each in asked}
    assert clean_step(step, again, edition()) == (answers, {})


SHOWN = [
    ("enterprise", "revenue_fen", "820.5 万元"),
    ("enterprise", "dishonest", "否"),
    ("enterprise", "registered_district", "普陀区"),
    ("need", "requested_fen", "8,800.00 元"),
    ("need", "provider_wish", "未填写"),
    ("project", "purpose", "模型微调"),
]


@pytest.mark.parametrize(("step", "name", "words"), SHOWN)
def test_answers_are_shown_the_way_people_read_them(step, name, words):
    answers, _ = clean_step(step, FILLED[step], edition())
    question = next(each for each in BY_CODE[step].questions if each.name == name)
    assert show(question, answers[name], edition()) == words


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2026-10-01", "2026-10-31", 1),
        ("2026-10-01", "2026-11-01", 2),
        ("2026-10-01", "2027-09-30", 12),
        ("2026-10-01", "2027-10-01", 13),
        ("2026-10-15", "2026-11-14", 1),
        ("2026-10-15", "2027-10-14", 12),
    ],
)
def test_months_of_service_are_counted_from_the_first_day(start, end, months):
    assert planned_months({"starts_on": start, "ends_on": end}) == months


@given(st.dictionaries(st.sampled_from(sorted(ENTERPRISE)), st.text(max_size=20)))
def test_whatever_is_typed_gets_an_answer(typed):
    answers, faults = clean_step("enterprise", ENTERPRISE | typed, edition())
    assert faults or answers
