"""Dividing money: never more than there is, nobody above asked, nobody overtaken, ever the same."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.house.source_tree import ROOT
from vouchers import lots
from vouchers.allocating import (
    BELOW,
    FUNDED,
    UNFUNDED,
    WAITLISTED,
    Ask,
    by_lot,
    by_position,
    by_score,
    digest,
    pro_rata,
)


def ask(no, fen, **more):
    return Ask(f"PTSLQ-2026-{no:06d}", no, fen, **more)


asks = st.lists(st.integers(1, 10**8), min_size=1, max_size=30).map(
    lambda amounts: [
        ask(no, fen, score=fen % 7, ticket=f"{fen * 7919 % 1009:04d}")
        for no, fen in enumerate(amounts, start=1)
    ]
)
money = st.integers(0, 10**9)


def told(lines):
    return [(each.ask.position, each.granted_fen, each.outcome) for each in lines]


def test_first_come_funds_in_order_and_overtakes_nobody():
    lines = by_position([ask(3, 10), ask(1, 50), ask(2, 60)], 100, waitlist=True)
    assert told(lines) == [(1, 50, FUNDED), (2, 0, WAITLISTED), (3, 0, WAITLISTED)]
    assert told(by_position([ask(1, 101)], 100, waitlist=False)) == [(1, 0, UNFUNDED)]


def test_scores_decide_ties_go_by_intake_and_too_few_points_get_nothing():
    scored = [ask(1, 40, score=60), ask(2, 40, score=90), ask(3, 40, score=60), ask(4, 1, score=59)]
    lines = by_score(scored, 80, min_score=60, waitlist=True)
    assert told(lines) == [(2, 40, FUNDED), (1, 40, FUNDED), (3, 0, WAITLISTED), (4, 0, BELOW)]


PARTS = [
    ([60, 40], 100, 1, [60, 40]),
    ([60, 40], 50, 1, [30, 20]),
    ([10, 10, 10], 20, 1, [7, 7, 6]),
    ([1, 1, 1], 2, 1, [1, 1, 0]),
    ([300, 300, 300], 500, 100, [200, 200, 100]),
    ([5, 7], 0, 1, [0, 0]),
    ([5, 7], -3, 1, [0, 0]),
]


@pytest.mark.parametrize(("asked", "free", "unit", "parts"), PARTS)
def test_everybody_gets_the_same_part_and_the_largest_remainders_the_rest(asked, free, unit, parts):
    lines = pro_rata([ask(no, fen) for no, fen in enumerate(asked, 1)], free, unit_fen=unit)
    assert [each.granted_fen for each in lines] == parts
    assert [each.outcome for each in lines] == [FUNDED if fen else UNFUNDED for fen in parts]


@given(asks, money)
def test_whatever_the_rule_nobody_is_above_asked_and_the_money_is_enough(wanted, free):
    for lines in (
        by_position(wanted, free, waitlist=True),
        by_score(wanted, free, min_score=3, waitlist=False),
        by_lot(wanted, free, waitlist=True),
        pro_rata(wanted, free),
    ):
        assert sum(each.granted_fen for each in lines) <= free
        assert all(0 <= each.granted_fen <= each.ask.asked_fen for each in lines)
        assert sorted(each.ask.position for each in lines) == list(range(1, len(wanted) + 1))
        assert [each.rank for each in lines] == list(range(1, len(wanted) + 1))


@given(asks, money, st.randoms())
def test_the_order_in_which_asks_come_changes_nothing(wanted, free, chance):
    mixed = chance.sample(wanted, len(wanted))
    for rule in (by_position, by_lot):
        same = digest(rule(wanted, free, waitlist=True), free)
        assert digest(rule(mixed, free, waitlist=True), free) == same
    assert digest(pro_rata(mixed, free), free) == digest(pro_rata(wanted, free), free)


@given(asks, money)
def test_a_part_differs_from_the_exact_one_by_less_than_a_unit(wanted, free):
    total = sum(each.asked_fen for each in wanted)
    for line in pro_rata(wanted, free):
        exact_times_total = line.ask.asked_fen * min(free, total)
        assert abs(line.granted_fen * total - exact_times_total) < total


def a_draw():
    seed, word = "ab" * 32, "385"
    drawn = [
        ask(no, 30, ticket=lots.ticket(seed, word, f"PTSLQ-2026-{no:06d}")) for no in range(1, 9)
    ]
    lines = [each.plain() for each in by_lot(drawn, 100, waitlist=True)]
    return {
        "seed": seed, "commitment": lots.commitment(seed), "public_word": word,
        "free_fen": "100", "lines": lines,
    }  # fmt: skip


def test_anybody_recomputes_a_draw_without_the_house(tmp_path):
    path = tmp_path / "draw.json"
    path.write_text(json.dumps(a_draw()))
    script = ROOT / "vouchers" / "lots.py"
    ran = subprocess.run(
        [sys.executable, "-I", script, path], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "all 8 lines are as seed and rule give them\n")


def swapped(draw):
    lines = draw["lines"]
    return draw | {"lines": [lines[1], lines[0], *lines[2:]]}


TAMPERED = [
    (lambda d: d | {"seed": "cd" * 32}, "committed"),
    (lambda d: d | {"public_word": "386"}, "ticket"),
    (swapped, "order"),
    (lambda d: d | {"free_fen": "60"}, "got 30"),
    (lambda d: d | {"lines": d["lines"] + d["lines"][-1:]}, "twice"),
    (lambda d: d | {"lines": d["lines"][1:]}, "got 0"),
]


@pytest.mark.parametrize(("change", "word"), TAMPERED)
def test_a_draw_that_was_tampered_with_is_found(change, word):
    assert lots.faults_of(a_draw()) == []
    assert word in " ".join(lots.faults_of(change(a_draw())))
