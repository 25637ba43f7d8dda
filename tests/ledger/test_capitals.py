"""Amounts in capital numerals: the published examples, and an independent way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.capitals import LARGEST_FEN, capital_amount

GOLDEN = [
    (0, "零元整"),
    (5, "伍分"),
    (50, "伍角"),
    (1_000, "壹拾元整"),
    (32_504, "叁佰贰拾伍元零肆分"),
    (140_950, "壹仟肆佰零玖元伍角"),
    (168_032, "壹仟陆佰捌拾元叁角贰分"),
    (600_714, "陆仟零柒元壹角肆分"),
    (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
    (2_510_200, "贰万伍仟壹佰零贰元整"),
    (10_000_000, "壹拾万元整"),
    (10_700_053, "壹拾万柒仟元伍角叁分"),
    (10_000_000_000, "壹亿元整"),
    (100_000_000_100, "壹拾亿零壹元整"),
    (2_000_000_000_001, "贰佰亿元零壹分"),
    (123_456_789, "壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分"),
]
DIGITS = {character: value for value, character in enumerate("零壹贰叁肆伍陆柒捌玖")}
SMALL = {"拾": 10, "佰": 100, "仟": 1000}


def section_of(text: str) -> int:
    """Read up to four digits with their 拾佰仟; written from the rules, not from the writer."""
    total = digit = 0
    for character in text:
        if character in SMALL:
            total += digit * SMALL[character]
            digit = 0
        else:
            digit = DIGITS[character]
    return total + digit


def fen_of(text: str) -> int:
    """Read capital numerals back to fen."""
    words = text.removeprefix("人民币").removesuffix("整")
    yuan, _, rest = words.rpartition("元")
    tens, _, ones = rest.rpartition("角")
    fen = section_of(tens) * 10 + section_of(ones.removesuffix("分"))
    total = 0
    for part in yuan.rpartition("亿")[::2]:
        myriads, _, units = part.rpartition("万")
        total = total * 10**8 + section_of(myriads) * 10**4 + section_of(units)
    return total * 100 + fen


@pytest.mark.parametrize(("amount_fen", "words"), GOLDEN)
def test_the_published_examples_are_written_exactly(amount_fen: int, words: str) -> None:
    assert capital_amount(amount_fen) == "人民币" + words


@given(st.integers(min_value=0, max_value=LARGEST_FEN - 1))
def test_every_amount_reads_back_as_itself(amount_fen: int) -> None:
    assert fen_of(capital_amount(amount_fen)) == amount_fen


@given(st.integers(min_value=0, max_value=LARGEST_FEN - 1))
def test_the_ending_follows_the_rules(amount_fen: int) -> None:
    words = capital_amount(amount_fen)
    assert words.endswith("元整") == (amount_fen % 100 == 0)
    assert words.endswith("分") == (amount_fen % 10 != 0)
    assert "零零" not in words


@pytest.mark.parametrize("wrong", [-1, LARGEST_FEN, 1.5, "10", True])
def test_what_is_no_amount_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="amount"):
        capital_amount(wrong)  # type: ignore[arg-type]
