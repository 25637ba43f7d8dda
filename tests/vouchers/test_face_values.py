"""A set of vouchers makes up the approved amount to the fen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchers.face_values import MOST_IN_A_SET, faces

WAN = 1_000_000
FOUR = (1 * WAN, 5 * WAN, 10 * WAN, 50 * WAN)


@pytest.mark.parametrize(
    ("amount", "form", "denominations", "made"),
    [
        (880_000, "FLEX", FOUR, [880_000]),
        (880_000, "FIXED", (), [880_000]),
        (50 * WAN, "FIXED", FOUR, [50 * WAN]),
        (68 * WAN, "FIXED", FOUR, [50 * WAN, 10 * WAN, 5 * WAN, WAN, WAN, WAN]),
        (7 * WAN + 350_000, "FIXED", FOUR, [5 * WAN, WAN, WAN, 350_000]),
        (880_000, "FIXED", FOUR, [880_000]),
        (WAN, "FIXED", (*FOUR, *FOUR), [WAN]),
    ],
)
def test_the_fewest_vouchers_the_largest_first_and_the_rest_as_one_of_its_own(
    amount, form, denominations, made
):
    assert list(faces(amount, form, denominations)) == made


@given(st.integers(1, 200 * WAN), st.sets(st.sampled_from(FOUR)))
def test_parts_add_up_and_at_most_one_is_no_denomination(amount, denominations):
    made = faces(amount, "FIXED", tuple(denominations)) if 50 * WAN in denominations else None
    if made:
        assert sum(made) == amount
        assert sum(each not in denominations for each in made) <= 1


@pytest.mark.parametrize(
    ("amount", "denominations"), [(0, FOUR), (-1, FOUR), (5, (0,)), ((MOST_IN_A_SET + 1) * 2, (2,))]
)
def test_nonsense_is_refused(amount, denominations):
    with pytest.raises(ValueError, match=r"above nothing|at most"):
        faces(amount, "FIXED", denominations)
