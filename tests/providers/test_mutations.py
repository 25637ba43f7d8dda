"""Honest bodies with a few changes, many times over, always the same: the cheap part of fuzzing.

Goal: every decoder refuses by a known code or reads the same both ways, and never fails. The
other part is guided by coverage and takes its time: ``python -m tests.fuzzing``.
"""

import random

import pytest

from tests.fuzzing.seeds import changed, seeds
from tests.fuzzing.targets import TARGETS

TIMES = {"json": 1_500, "ndjson": 1_500, "csv": 1_500, "events": 1_500, "gzip": 1_500,
         "parquet": 12, "json-columns": 60, "ndjson-columns": 60,
         "csv-columns": 60}  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_changed_bodies_are_read_or_refused(name):
    chance = random.Random(f"the house's own {name}")
    begin = seeds(name)
    for seed in begin:
        TARGETS[name](seed)
    for number in range(TIMES[name]):
        body = changed(begin[number % len(begin)], chance)
        try:
            TARGETS[name](body)
        except Exception as error:
            raise AssertionError(f"{name} falls over {body!r}") from error
