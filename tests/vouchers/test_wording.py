"""What people may write: rare characters welcome, invisible ones and symbols told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchers.wording import clean_mail, clean_name, clean_phone, clean_text

GOOD_NAMES = [
    "上海智算科技有限公司",
    "阿卜杜拉·买买提",
    "𠀀𠮷科技",  # plane 2
    "A&B（上海）有限公司",
    "<script>alert(1)</script>公司",  # text; pages escape it
    "  前后空格公司  ",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_is_kept_as_written(name):
    assert clean_name(name) == name.strip()


BAD_NAMES = [
    ("甲", "至少两个字"),
    ("", "至少两个字"),
    ("名" * 101, "最多 100 个字"),
    ("算力😀公司", "符号"),
    ("算力\u202e公司", "看不见的控制字符"),
    ("算\u200b力公司", "第 2 个字符"),
    ("算力\x00公司", "控制字符"),
    ("算力\n公司", "控制字符"),
    ("算力\ufeff公司", "控制字符"),
]


@pytest.mark.parametrize(("name", "words"), BAD_NAMES)
def test_a_name_that_cannot_be_read_is_told(name, words):
    with pytest.raises(ValueError, match=words):
        clean_name(name)


PHONES = [
    ("13812345678", "13812345678"),
    ("+86 138 1234 5678", "13812345678"),
    ("0086-13812345678", "13812345678"),
    ("１３８１２３４５６７８", "13812345678"),
    ("021-12345678", "021-12345678"),
    ("(021)12345678", "02112345678"),
    ("021-12345678-801", "021-12345678-801"),
]


@pytest.mark.parametrize(("typed", "kept"), PHONES)
def test_a_phone_number_is_normalised(typed, kept):
    assert clean_phone(typed) == kept


@pytest.mark.parametrize("typed", ["", "12345", "138123456789012345", "abc", "23812345678"])
def test_a_text_that_is_no_phone_number_is_told(typed):
    with pytest.raises(ValueError, match="手机号"):
        clean_phone(typed)


@pytest.mark.parametrize("typed", ["a@b.cn", "li.si+1@example.com", "x@子.example.中国"])
def test_a_mail_address_is_kept(typed):
    assert clean_mail(typed) == typed


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "a",
        "a@b",
        "a@b.cn\r\nBcc: x@y.cn",
        "a b@c.cn",
        "a" * 65 + "@b.cn",
        "a@" + "b" * 320 + ".cn",
    ],
)
def test_a_text_that_is_no_mail_address_is_told(typed):
    with pytest.raises(ValueError, match="邮箱"):
        clean_mail(typed)


def test_long_texts_may_have_lines():
    assert clean_text("第一行\r\n第二行", longest=20, lines=True) == "第一行\n第二行"
    with pytest.raises(ValueError, match="控制字符"):
        clean_text("第一行\n第二行", longest=20)


@given(st.text(max_size=60))
def test_what_is_kept_can_be_seen(text):
    try:
        kept = clean_text(text, longest=50)
    except ValueError:
        return
    assert kept == kept.strip()
    assert "\u202e" not in kept
    assert "\u200b" not in kept
