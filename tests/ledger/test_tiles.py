import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tiles import WIDTH, entry_bundle, number_path, parse_number, parse_width


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, "000"), (7, "007"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")],
)
def test_a_tile_number_is_written_in_groups_of_three(number, path):
    assert number_path(number) == path
    assert parse_number(path) == number


@given(st.integers(0, 10**18 - 1))
def test_every_tile_number_reads_back(number):
    assert parse_number(number_path(number)) == number


@pytest.mark.parametrize(
    "path",
    ["", "0", "00", "0000", "x000/001", "x001", "001/002", "x001/2", "x001/x002", "-01", "٠٠١",
     "x001//002", "/000", "000/", "x1/000", "X001/000", "x001/" * 7 + "000", "..", "000.p"],
)  # fmt: skip
def test_a_tile_number_in_any_other_spelling_is_refused(path):
    assert parse_number(path) is None


@pytest.mark.parametrize(("text", "width"), [(None, WIDTH), ("1", 1), ("17", 17), ("255", 255)])
def test_a_width_is_read(text, width):
    assert parse_width(text) == width


@pytest.mark.parametrize("text", ["", "0", "256", "007", "-1", "+1", "1.0", "٣", "9" * 50, "1 "])
def test_a_width_that_no_partial_tile_has_is_refused(text):
    assert parse_width(text) is None


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_a_bundle_can_be_taken_apart_again(entries):
    raw, found = entry_bundle(entries), []
    while raw:
        length = int.from_bytes(raw[:2], "big")
        found.append(raw[2 : 2 + length])
        raw = raw[2 + length :]
    assert found == entries
