"""Unified social credit codes: both checks, flags for pilot codes, likely causes, no correction."""

from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from vouchers.credit_codes import ALPHABET, check, inner_check, normalise, outer_check

PUBLIC_CODES = [
    "914403001922038216",
    "9144030071526726XG",
    "91330100799655058B",
    "91440300100012316L",
    "91310000132260250X",
    "91310000631696382C",
    "9144030010001686XA",
    "91100000100003962T",
    "91330000733796106P",
    "9144030027939873X7",
]
TEST_CODES = [
    "91310107MAFAKE0195",
    "91310107MAFAKE0270",
    "91310107MADEMP0X1P",
    "92310107MAFAKE035P",
    "52310107MAFAKE043N",
    "12310107MAFAKE051M",
    "91310115MAFAKE06XT",
]
REAL_200 = Path(settings.SHARED_DATA_DIR) / "china" / "uscc_real_200.txt"


@pytest.mark.parametrize("code", PUBLIC_CODES + TEST_CODES)
def test_a_valid_code_passes_both_checks(code):
    assert check(code).outcome == "ok"
    assert check(code).message == ""


@pytest.mark.parametrize("code", PUBLIC_CODES + TEST_CODES)
def test_the_library_of_the_field_agrees_on_the_outer_check(code):
    assert uscc.is_valid(code)


@pytest.mark.skipif(not REAL_200.exists(), reason="shared data (china/uscc_real_200.txt) is absent")
def test_two_hundred_real_codes_pass():
    codes = REAL_200.read_text().split()
    assert len(codes) == 200
    assert [code for code in codes if check(code).outcome != "ok"] == []


TYPED = [
    (" 914403001922038216 ", "ok"),
    ("914403001922038216\n", "ok"),
    ("９１４４０３００１９２２０３８２１６", "ok"),
    ("9144030071526726xg", "ok"),
    ("\u3000914403001922038216", "ok"),
]


@pytest.mark.parametrize(("typed", "outcome"), TYPED)
def test_blanks_around_width_and_case_are_normalised(typed, outcome):
    assert check(typed).outcome == outcome
    assert len(check(typed).code) == 18


BAD = [
    ("", "empty", "18 位"),
    ("   ", "empty", "营业执照"),
    ("91440300192203821", "length", "17 位"),
    ("9144030019220382166", "length", "19 位"),
    ("310107000012345", "old_number", "15 位的旧注册号"),
    ("914403 001922038216", "separator", "空格或连字符"),
    ("91440300-1922038216", "separator", "去掉"),
    ("91440300I922038216", "letter", "很可能是“1”"),
    ("9144O3001922038216", "letter", "第 5 位“O”"),
    ("91440300192203821S", "letter", "很可能是“5”"),
    ("9144030019220382Z6", "letter", "很可能是“2”"),
    ("91440300V922038216", "letter", "V"),
    ("91440300192203821！", "character", "第 18 位"),
    ("9144030019220382上6", "character", "不是数字或大写字母"),
    ("914403001922038217", "check_18", "第 18 位校验码不正确"),
    ("914403001922038261", "check_both", "第 17、18 位写反了"),
    ("914403001922083216", "check_both", "第 14、15 位写反了"),
]


@pytest.mark.parametrize(("typed", "reason", "words"), BAD)
def test_a_wrong_code_is_told_with_its_likely_cause(typed, reason, words):
    answer = check(typed)
    assert (answer.outcome, answer.reason) == ("bad", reason)
    assert words in answer.message


@pytest.mark.parametrize(("typed", "reason", "words"), BAD)
def test_nothing_is_corrected_silently(typed, reason, words):
    assert check(typed).code == normalise(typed)


def test_only_arithmetic_may_be_sent_for_a_check_by_hand():
    insistable = {reason for typed, reason, _ in BAD if check(typed).may_insist}
    assert insistable == {"check_18", "check_both"}


def test_a_wrong_inner_check_with_a_right_outer_one_is_found():
    body = "91310107MAFAKE018"  # inner check is 9
    code = body + outer_check(body)
    assert check(code).reason == "check_17"
    assert "组织机构代码" in check(code).message


def test_an_early_pilot_code_is_flagged_and_not_refused():
    answer = check("91350203M0001QAY9B")
    assert (answer.outcome, answer.reason) == ("flag", "pilot_code")
    assert "对照营业执照核实" in answer.message


def test_a_confused_letter_is_named_when_it_is_the_only_explanation():
    code = "91310107MAFAKE0195"
    typed = code.replace("MAFAKE", "NAFAKE")
    assert "可能是第 9 位把“M”看成了“N”" in check(typed).message


@given(st.integers(0, 17), st.sampled_from(ALPHABET), st.sampled_from(PUBLIC_CODES))
def test_any_single_changed_character_is_noticed(position, character, code):
    changed = code[:position] + character + code[position + 1 :]
    assert (check(changed).outcome == "ok") == (changed == code)


@given(st.text(max_size=30))
def test_any_text_gets_an_answer(text):
    answer = check(text)
    assert answer.outcome in {"ok", "flag", "bad"}
    assert answer.outcome == "ok" or answer.message.endswith("。")


@pytest.mark.parametrize(
    ("body", "expected"),
    [("19220382", "1"), ("71526726", "X"), ("MAFAKE01", "9"), ("13226025", "0"), ("M0001QAY", "9")],
)
def test_the_inner_check_follows_gb_11714(body, expected):
    assert inner_check(body) == expected


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("91310107MAFAKE0195", "企业"),
        ("92310107MAFAKE035P", "个体工商户"),
        ("52310107MAFAKE043N", "民办非企业单位"),
        ("12310107MAFAKE051M", "事业单位"),
    ],
)
def test_the_first_two_characters_say_what_kind_of_body_it_is(code, kind):
    assert check(code).kind == kind
    assert check(code).division == "310107"
