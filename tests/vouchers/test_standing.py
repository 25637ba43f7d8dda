"""What each standing allows: the whole table, written out once more by hand."""

from datetime import date

import pytest

from vouchers.lifecycle import EnterpriseMachine
from vouchers.standing import ACTIONS, ALLOWED, may, needs_a_person, settles

TABLE = """
              apply  accept  issue  hold  pay
registered    yes    no      no     no    yes
active        yes    yes     yes    yes   yes
watch         yes    yes     yes    yes   yes
suspended     no     no      no     no    no
barred        no     no      no     no    no
moved_out     no     no      no     no    yes
deregistered  no     no      no     no    no
"""


def test_each_state_allows_what_the_table_says():
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    assert tuple(head) == ACTIONS
    told = {row[0]: dict(zip(head, row[1:], strict=True)) for row in rows}
    assert set(told) == set(ALLOWED) == set(EnterpriseMachine.State.values)
    for state, cells in told.items():
        for action, word in cells.items():
            answer = may(state, action)
            assert answer.allowed == (word == "yes"), (state, action)
            assert answer.allowed or answer.message.endswith("。")
            assert answer.code == ("" if answer.allowed else f"enterprise_{state}")


def test_a_bar_names_its_last_day():
    assert "（至 2027-01-31）" in may("barred", "apply", until=date(2027, 1, 31)).message


def test_an_unknown_state_or_action_is_no_answer():
    for state, action in (("dreaming", "apply"), ("active", "dance")):
        with pytest.raises(KeyError):
            may(state, action)


def test_only_a_firm_in_plain_standing_goes_without_a_person():
    assert [state for state in ALLOWED if not needs_a_person(state)] == ["active"]


def test_use_is_settled_up_to_the_day_before_a_firm_left():
    left = date(2026, 9, 15)
    assert settles("moved_out", date(2026, 9, 14), left)
    assert not settles("moved_out", left, left)
    assert settles("active", left, None)
    assert settles("barred", left, left)
