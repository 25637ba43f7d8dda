"""Cases are spread evenly, firms change hands, and who is barred is not asked."""

from hypothesis import given
from hypothesis import strategies as st

from vouchers.dispatching import Waiting, spread

NAMES = ["甲", "乙", "丙"]


def test_the_one_with_least_to_do_is_next():
    cases = [Waiting(str(n), f"firm {n}") for n in range(4)]
    assert spread(cases, {"甲": 2, "乙": 0}) == {"0": "乙", "1": "乙", "2": "甲", "3": "乙"}


def test_among_equals_a_firm_changes_hands():
    assert spread([Waiting("1", "f", last_reviewer="甲")], {"甲": 0, "乙": 0}) == {"1": "乙"}


def test_whoever_is_barred_is_not_asked_and_nobody_left_means_nobody():
    barred = frozenset({("f", "甲"), ("g", "甲"), ("g", "乙")})
    cases = [Waiting("1", "f"), Waiting("2", "g")]
    assert spread(cases, {"甲": 0, "乙": 9}, barred=barred) == {"1": "乙"}
    assert spread(cases, {}) == {}


@given(st.integers(0, 60), st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_nobody_ends_with_two_more_than_another_unless_they_began_so(count, loads):
    start = dict(zip(NAMES, loads, strict=True))
    given_ = spread([Waiting(str(n), "f") for n in range(count)], start)
    assert len(given_) == count
    end = {who: start[who] + list(given_.values()).count(who) for who in NAMES}
    assert max(end.values()) - min(end.values()) <= max(1, max(loads) - min(loads))
