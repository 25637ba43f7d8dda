"""The harness: what it keeps of a measurement, and that each benchmark has what it needs."""

import importlib
import json
import pkgutil

import pytest

import benchmarks
from benchmarks.harness import Measured, result_line, write_line
from ledger.invariants import findings

NAMES = [each.name for each in pkgutil.iter_modules(benchmarks.__path__) if each.name[0] == "p"]


def test_a_result_is_a_ratio_with_what_it_was_measured_on(tmp_path):
    ours = Measured(seconds=2.0, units=100, peak_mib=50.0)
    floor = Measured(seconds=1.0, units=100, peak_mib=40.0)
    out = tmp_path / "bench" / "results.jsonl"
    for _ in range(2):
        write_line(out, result_line("p4_posting", 100, ours, floor, 0.5, ">= 0.35"))
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 2
    assert lines[0]["ratio"] == 0.5
    assert lines[0]["units_per_second"] == 50.0
    assert {"python", "django", "psycopg"} <= lines[0]["versions"].keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_has_what_the_harness_asks_for(name):
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.__doc__
    for word in ("UNIT", "GOAL", "SIZES", "prepare", "ours", "floor"):
        assert hasattr(module, word), f"{name} has no {word}"


def test_posting_and_uploading_are_measured():
    assert {name.split("_")[0] for name in NAMES} >= {"p1", "p4", "p6", "p7"}


@pytest.mark.superuser
@pytest.mark.unbalanced
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["p7_balances", "p7_voucher", "p7_provider"])
def test_the_load_of_the_reading_benchmarks_is_sound_books(name):
    """Loaded by SQL through the guards: every rule of the books holds (rooms above know none)."""
    module = importlib.import_module(f"benchmarks.{name}")
    units, seconds = module.ours(module.prepare(400))
    assert units == 1
    assert seconds > 0
    assert findings() == []


def test_the_load_of_the_verifying_benchmark_is_whole_to_the_last_entry():
    module = importlib.import_module("benchmarks.p6_verifying")
    path = module.prepare(700)
    assert module.prepare(700) == path  # made once
    assert module.ours(path) == 700
    assert module.floor(path) > 700


@pytest.mark.django_db
def test_the_load_of_the_upload_benchmark_is_accepted_to_the_last_record():
    module = importlib.import_module("benchmarks.p1_upload")
    assert module.ours(module.prepare(200)) == 200


@pytest.mark.django_db
def test_the_load_of_the_ndjson_benchmark_is_accepted_to_the_last_record():
    module = importlib.import_module("benchmarks.p1_upload_ndjson")
    assert module.ours(module.prepare(200)) == 200
