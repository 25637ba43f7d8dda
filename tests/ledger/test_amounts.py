from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import amounts

FEN = st.integers(min_value=0, max_value=10**15)
SIGNED = st.integers(min_value=-(10**15), max_value=10**15)
POSITIVE = st.integers(min_value=1, max_value=10**12)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(lambda each: sum(each))


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (100, "1.00"),
        (123456, "1,234.56"),
        (100_000_000_00, "100,000,000.00"),
        (-5, "-0.05"),
        (-123456, "-1,234.56"),
    ],
)
def test_an_amount_is_shown_with_commas_and_two_decimals(fen, text):
    assert amounts.yuan_text(fen) == text


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0", 0),
        ("0.5", 50),
        ("0.05", 5),
        ("12", 1200),
        ("1,234.56", 123456),
        ("1234.5", 123450),
        (" 8.00 ", 800),
        ("999,999,999.99", 99999999999),
        ("007", 700),
    ],
)
def test_an_amount_typed_plainly_is_read(text, fen):
    assert amounts.parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "1.", ".5", "1.234", "-1", "+1", "1e3", "0x10", "1_000", "1,23", "12,34.5",
        "1,2345", ",123", "１２", "一百", "٣", "NaN", "Infinity", "1 000", "1.0.0", "¥5", "5元",
        "1" * 16, "1,000,000,000,000,000", "\x00", "1\n2",
    ],
)  # fmt: skip
def test_an_amount_in_any_other_form_is_refused(text):
    with pytest.raises(ValueError, match="金额"):
        amounts.parse_yuan(text)


@given(FEN.filter(lambda fen: fen < 10**14))
def test_what_is_shown_can_be_read_back(fen):
    assert amounts.parse_yuan(amounts.yuan_text(fen)) == fen


@pytest.mark.parametrize(
    ("numerator", "half_up", "half_even", "floor"),
    [
        (4, 0, 0, 0),
        (5, 1, 0, 0),
        (6, 1, 1, 0),
        (14, 1, 1, 1),
        (15, 2, 2, 1),
        (16, 2, 2, 1),
        (25, 3, 2, 2),
        (35, 4, 4, 3),
        (-5, -1, 0, -1),
        (-15, -2, -2, -2),
        (-4, 0, 0, -1),
    ],
)
def test_a_tenth_is_rounded_as_its_name_says(numerator, half_up, half_even, floor):
    assert amounts.divide_half_up(numerator, 10) == half_up
    assert amounts.divide_half_even(numerator, 10) == half_even
    assert amounts.divide_floor(numerator, 10) == floor


@given(SIGNED, POSITIVE)
def test_rounding_stays_within_a_half(numerator, denominator):
    exact = Fraction(numerator, denominator)
    for rounded in (
        amounts.divide_half_up(numerator, denominator),
        amounts.divide_half_even(numerator, denominator),
    ):
        assert abs(rounded - exact) <= Fraction(1, 2)
    assert amounts.divide_half_even(numerator, denominator) == round(exact)
    assert amounts.divide_half_up(-numerator, denominator) == -amounts.divide_half_up(
        numerator, denominator
    )
    assert 0 <= exact - amounts.divide_floor(numerator, denominator) < 1


@pytest.mark.parametrize("denominator", [0, -1])
def test_dividing_by_nothing_or_less_is_refused(denominator):
    for divide in (amounts.divide_half_up, amounts.divide_half_even, amounts.divide_floor):
        with pytest.raises(ValueError, match="denominator"):
            divide(1, denominator)


@given(FEN, st.integers(0, 10_000))
def test_a_share_never_pays_the_odd_fen(amount, share_bp):
    share = amounts.share_floor(amount, share_bp)
    assert 0 <= Fraction(amount * share_bp, 10_000) - share < 1


@pytest.mark.parametrize(("amount", "share_bp"), [(-1, 1), (1, -1), (1, 10_001)])
def test_a_share_outside_its_range_is_refused(amount, share_bp):
    with pytest.raises(ValueError, match="share"):
        amounts.share_floor(amount, share_bp)


@given(FEN, WEIGHTS)
def test_the_parts_of_a_split_add_up_and_are_nearly_exact(total, weights):
    parts = amounts.split_by_largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1
        assert weight or not part


@given(FEN, WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_the_weights_changes_no_ones_part_by_more_than_a_fen(total, weights, random):
    order = list(range(len(weights)))
    random.shuffle(order)
    shuffled = amounts.split_by_largest_remainder(total, [weights[each] for each in order])
    straight = amounts.split_by_largest_remainder(total, weights)
    for place, each in enumerate(order):
        assert abs(shuffled[place] - straight[each]) <= 1


def test_among_equal_remainders_the_earlier_part_takes_the_odd_fen():
    assert amounts.split_by_largest_remainder(10, [1, 1, 1]) == [4, 3, 3]
    assert amounts.split_by_largest_remainder(1, [1, 1]) == [1, 0]


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [0]), (1, [2, -1])])
def test_a_split_by_nothing_is_refused(total, weights):
    with pytest.raises(ValueError, match="split"):
        amounts.split_by_largest_remainder(total, weights)


@pytest.mark.parametrize(
    ("milli", "hours"),
    [
        (0, "0.000000"),
        (3_600_000_000_000, "1.000000"),
        (1_800_000, "0.000000"),  # half a millionth goes to the even neighbour
        (5_400_000, "0.000002"),
        (1_800_001, "0.000001"),
        (312 * 3_600_000_000, "0.312000"),
        (-3_600_000_000_000, "-1.000000"),
        (10**30, "277777777777777777.777778"),
    ],
)
def test_pflops_hours_are_divided_once_with_six_decimals(milli, hours):
    assert amounts.pflops_hours_text(milli) == hours
    assert amounts.pflops_hours(milli) == Decimal(hours)


@given(st.lists(st.integers(0, 10**15), max_size=6))
def test_sums_are_exact_because_the_division_comes_last(parts):
    whole = amounts.pflops_hours(sum(parts))
    exact = Fraction(sum(parts), 1000 * amounts.GFLOPS_SECONDS_PER_PFLOPS_HOUR)
    assert abs(Fraction(whole) - exact) <= Fraction(1, 2_000_000)
