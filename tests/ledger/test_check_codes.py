"""Check codes: forgiving to people, unforgiving to slips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.check_codes import ALPHABET, LENGTH, code_of, grouped, read_code

CODE = code_of(b"PTSL-BG-2026-10-01")


@given(st.binary())
def test_every_made_code_is_read_back(evidence: bytes) -> None:
    code = code_of(evidence)
    assert len(code) == LENGTH
    assert read_code(code) == code
    assert read_code(grouped(code)) == code


def test_the_same_evidence_gives_the_same_code() -> None:
    assert code_of(b"a") == code_of(b"a") != code_of(b"b")


def test_a_code_is_typed_as_people_type() -> None:
    typed = f" {grouped(CODE).lower()} "
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in CODE)
    confused = CODE.replace("0", "O").replace("1", "l")
    assert {read_code(typed), read_code(wide), read_code(confused)} == {CODE}


@given(st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(place: int, other: str) -> None:
    wrong = CODE[:place] + other + CODE[place + 1 :]
    assert (read_code(wrong) == CODE) if other == CODE[place] else (read_code(wrong) is None)


@given(st.binary(), st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1))
def test_two_swapped_characters_are_noticed(evidence: bytes, one: int, two: int) -> None:
    code = code_of(evidence)
    swapped = list(code)
    swapped[one], swapped[two] = swapped[two], swapped[one]
    typed = "".join(swapped)
    assert read_code(typed) == (code if typed == code else None)


@pytest.mark.parametrize("typed", ["", "1234", CODE + "0", "U" * 16, "é" * 16, "0" * 10_000])
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert read_code(typed) is None
