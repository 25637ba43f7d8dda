"""Names and numbers are found however they are typed."""

from hypothesis import given
from hypothesis import strategies as st

from vouchers.spelling import folded, initials, is_formula, pieces, searchable, wanted

NAME = "上海智能科技有限公司"
TEXT = searchable(NAME, numbers=("PTSLQ-2026-000123", "91310107MAFAKE0195"))
FOUND = [
    "智能", "上海智能科技", "shzn", "SHZN", "shznkj", "znkj", "PTSLQ-2026-000123",
    "ptslq 2026 000123", "ＰＴＳＬＱ２０２６", "000123", "OOO123", "9131 0107 MAFA KE01 95",
    "9I310107MAFAKEO195", " 智 能 ", "2026-000123",
]  # fmt: skip
NOT_FOUND = ["智算", "bjzn", "000124", "公司上海"]


def test_a_thing_is_found_by_name_letters_and_numbers_in_any_writing():
    for typed in FOUND:
        assert wanted(typed) in TEXT, typed
        assert set(pieces(wanted(typed))) <= set(pieces(TEXT)), typed
    for typed in NOT_FOUND:
        assert wanted(typed) not in TEXT, typed


def test_a_character_of_several_readings_counts_with_each_and_the_usual_comes_first():
    assert initials("重庆银行")[0] == "CQYH"
    assert "ZQYH" in initials("重庆银行") or initials("重庆银行") == ["CQYH"]
    assert len(initials("行" * 30)) <= 9
    assert initials("") == [""]


def test_one_letter_alone_is_no_question():
    assert [wanted(each) for each in ("", " ", "a", "-", "智")] == [""] * 5
    assert len(wanted("长" * 500)) == 60


@given(st.text(max_size=40), st.text(max_size=10))
def test_whatever_part_of_a_text_is_typed_is_found(name, number):
    text = searchable(name, numbers=(number,))
    for part in (folded(name), folded(number)):
        assert part in text
        assert set(pieces(part)) <= set(pieces(text))


def test_what_a_spreadsheet_would_work_out_is_known():
    for text in ("=1+1", "+86", "-5", "@x", "\tx", "＝1", "  =1"):
        assert is_formula(text)
    for text in ("", "上海", "8,800.00", "a=b"):
        assert not is_formula(text)
