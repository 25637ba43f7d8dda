"""Sizes and proportions of the house (docs/style.md): what fits on a screen gets read.

``TOO_LONG`` and the floor of the tests are ratchets: they name today's debt and only get smaller.
"""

import ast
import math

import pytest

from tests.house.source_tree import files_of_tests, lines_of, name_of, nodes, shelf_of, sources

MOST = {
    "lines of a file": 400,
    "lines of a function": 60,
    "lines of a test": 40,
    "lines of a class": 200,
    "arguments without a name": 6,  # five of its own, and self
}

#: Goal 1.2, where every room has tests for rules, acts and doors. Raised as the tests grow.
TESTS_TO_SOURCE_GOAL = 1.2
TESTS_TO_SOURCE_FLOOR = 0.5
DOORS_AT_MOST = 0.35
RULES_AND_ACTS_AT_LEAST = 0.33

#: Debt with an address: larger than the house allows, and how large. Never add, only take away.
DEBTS: dict[str, dict[str, int]] = {
    "lines of a file": {},
    "lines of a function": {
        "tests/billing/report_sample.py:sample_content": 118,
    },
    "lines of a class": {"tests/billing/world.py:World": 346},
    "arguments without a name": {},
}


def long_files() -> dict[str, int]:
    return {name_of(path): lines_of(path) for path in sources() + files_of_tests()}


def sizes(*kinds: type[ast.AST]) -> dict[str, int]:
    """Return the length in lines of every node of the kinds, by file and name."""
    return {
        f"{name_of(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in sources() + files_of_tests()
        for node in nodes(path, *kinds)
    }


def functions() -> dict[str, int]:
    return sizes(ast.FunctionDef, ast.AsyncFunctionDef)


def trials() -> dict[str, int]:
    return {name: size for name, size in functions().items() if ":test_" in name}


def classes() -> dict[str, int]:
    return sizes(ast.ClassDef)


def arguments() -> dict[str, int]:
    return {
        f"{name_of(path)}:{node.name}": len(node.args.posonlyargs + node.args.args)
        for path in sources()
        for node in nodes(path, ast.FunctionDef, ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize(
    ("what", "measured"),
    [
        ("lines of a file", long_files),
        ("lines of a function", functions),
        ("lines of a test", trials),
        ("lines of a class", classes),
        ("arguments without a name", arguments),
    ],
)
def test_everything_has_a_size_that_a_reader_keeps_in_mind(what, measured):
    debts = DEBTS.get(what, {})
    over = {name: size for name, size in measured().items() if size > MOST[what]}
    grown = {name: size for name, size in over.items() if size > debts.get(name, 0)}
    assert grown == {}, f"more {what} than {MOST[what]}"
    assert set(debts) <= set(over), "paid debt: strike it off"


def shares() -> dict[str, float]:
    """Return the share of each shelf in the lines of the source."""
    lines: dict[str, int] = {}
    for path in sources():
        shelf = shelf_of(path)
        lines[shelf] = lines.get(shelf, 0) + lines_of(path)
    total = sum(lines.values())
    return {shelf: count / total for shelf, count in sorted(lines.items())}


def test_doors_stay_thin():
    assert shares()["door"] <= DOORS_AT_MOST


def test_what_is_decided_and_done_stands_in_rules_and_acts():
    assert shares()["rule"] + shares()["act"] >= RULES_AND_ACTS_AT_LEAST


def test_tests_grow_with_the_source(record_property):
    ratio = sum(map(lines_of, files_of_tests())) / sum(map(lines_of, sources()))
    record_property("tests_to_source", round(ratio, 2))
    assert ratio >= TESTS_TO_SOURCE_FLOOR, f"{ratio:.2f} lines of test for a line of source"
    reached = math.floor(min(ratio, TESTS_TO_SOURCE_GOAL) * 10) / 10
    if reached > TESTS_TO_SOURCE_FLOOR + 0.1:
        pytest.fail(f"the tests have grown: raise TESTS_TO_SOURCE_FLOOR to {reached}")
