"""Stories in which everything goes wrong that may, each told by a seed (tests/ledger/simulation).

Goal: whatever is lost, doubled, late, out of order or cut off, every answer a client heard is the
truth for ever, no journal is booked twice, the log takes in all of it, and the books hold. A
failing seed is printed and tells the same story again: ``SIMULATION_SEEDS=7,8 make test ...``.
"""

import os

import pytest
from django.test import TransactionTestCase

from ledger.inspecting import inspect_log
from tests.ledger.simulation import tell

SEEDS = [int(each) for each in os.environ.get("SIMULATION_SEEDS", "").split(",") if each] or [
    *range(1, 41)
]
STEPS = int(os.environ.get("SIMULATION_STEPS", "200"))

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sealer, pytest.mark.slow]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_every_answer_stays_true(seed):
    world = tell(seed, STEPS)
    assert inspect_log() == []
    assert len(world.acknowledged) > STEPS / 4


def test_a_seed_tells_the_same_story_again(settings, tmp_path):
    shapes = []
    for place in ("first", "second"):
        settings.VAR_DIR = tmp_path / place
        world = tell(99, 40)
        shapes.append([world.happened, [code for _, code in world.oracle.answers.values()]])
        TransactionTestCase._fixture_teardown(None)  # an empty house, as before every test
    assert shapes[0] == shapes[1]


def test_an_answer_that_is_not_the_truth_is_noticed():
    world = tell(3, 60)
    some = next(iter(world.acknowledged))
    world.acknowledged[some] = not world.acknowledged[some]
    with pytest.raises(AssertionError, match="seed 3"):
        world.check()
