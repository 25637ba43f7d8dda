"""Every act is handed its person and its moment, is one transaction, and leaves a trace."""

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.house.source_tree import ROOMS, name_of, nodes, shelf_of, sources, tree_of

#: Steps of an act that another file of the room begins: its transaction, its record.
STEPS_OF_AN_ACT = {
    "billing/redeeming.py:redeem_statements": "settling.close_statements redeems its drafts",
    "billing/reporting.py:build_content": "make_report freezes what this reads",
    "billing/settling/collecting.py:book_offsets": "send_batch records what it sends",
    "billing/settling/listing.py:statement_waits": "the inquiry is opened by vouchers.inquiring",
    "billing/settling/paying.py:settle_batch": "the list follows its lines; their acts record",
    "billing/settling/signing.py:put_hold": "a step of sending and of suspending",
    "billing/settling/telling.py:tell_paid": "the telling of an act that records what it did",
    "billing/report_content.py:monthly_content": "make_report freezes what this reads",
    "billing/paper_content.py:statement_content": "make_report freezes what this reads",
    "billing/paper_content.py:payments_content": "make_report freezes what this reads",
    "billing/paper_content.py:performance_content": "make_report freezes what this reads",
    "vouchers/lapsing.py:lapse_due": "each voucher that lapses is an act of spending",
    "providers/booking.py:book_returned": "deciding.decide_request records what it books",
    "providers/booking.py:book_usage": "the batch and the correction record what they book",
    "providers/holding.py:hold_shares": "place_order records what it holds",
    "providers/releasing.py:ask_release": "release_held is the act; or a worker does it later",
    "providers/telling.py:ask_delivery": "asks a worker; what happened was recorded by its act",
    "providers/telling.py:ask_due": "asks a worker; what happened was recorded by its act",
    "providers/telling.py:tell": "the telling of an act that records what it did",
    "providers/telling.py:tell_batch": "the telling of an act that records what it did",
    "vouchers/batching.py:freeze_batch": "nothing is done yet; start_batch records the list",
    "vouchers/reading.py:add_note": "a note inside the bureau is a row that nobody changes",
    "vouchers/reading.py:note_file": "readings are rows of their own, they would drown the log",
    "vouchers/reading.py:note_reading": "readings are rows of their own, they would drown the log",
}

Function = ast.FunctionDef


def act_files() -> list[Path]:
    """Return the gerunds: ``issuing`` holds acts, ``bookings`` and ``states`` hold their parts."""
    return [
        path
        for path in sources()
        if shelf_of(path) == "act"
        and path.stem.endswith("ing")
        and name_of(path).split("/")[0] in ROOMS[1:]
    ]


def keyword_only(function: Function) -> set[str]:
    return {each.arg for each in function.args.kwonlyargs}


def positional(function: Function) -> set[str]:
    return {each.arg for each in function.args.posonlyargs + function.args.args}


def acts() -> list[tuple[Path, Function]]:
    """Return every public function of the act shelves that is handed a person."""
    return [
        (path, node)
        for path in act_files()
        for node in tree_of(path).body
        if isinstance(node, Function)
        and not node.name.startswith("_")
        and "actor" in keyword_only(node) | positional(node)
    ]


ACTS = acts()
NAMES = [f"{name_of(path)}:{function.name}" for path, function in ACTS]


@cache
def functions_of(path: Path) -> dict[str, Function]:
    return {node.name: node for node in nodes(path, Function)}


def reaches(path: Path, function: Function, wanted: Callable[[Function], bool]) -> bool:
    """Say whether a function or a neighbour it calls is as wanted."""
    waiting, seen = [function], set()
    while waiting:
        each = waiting.pop()
        if wanted(each):
            return True
        seen.add(each.name)
        called = {ast.unparse(call.func) for call in ast.walk(each) if isinstance(call, ast.Call)}
        known = functions_of(path)
        waiting += [known[name] for name in called & known.keys() - seen]
    return False


def records(function: Function) -> bool:
    """Say whether a function writes to the log, or hands its person on to one that does."""
    calls = [each for each in ast.walk(function) if isinstance(each, ast.Call)]
    return any(
        ast.unparse(call.func) == "audit.record" or any(k.arg == "actor" for k in call.keywords)
        for call in calls
    )


def is_atomic(function: Function) -> bool:
    decorated = any("atomic" in ast.unparse(each) for each in function.decorator_list)
    return decorated or "transaction.atomic()" in ast.unparse(function)


def test_the_shelves_of_acts_are_found():
    assert len(ACTS) > 60


@pytest.mark.parametrize(("path", "function"), ACTS, ids=NAMES)
def test_the_person_and_the_moment_are_handed_in_by_name(path, function):
    assert {"actor", "at"} <= keyword_only(function)


@pytest.mark.parametrize(("path", "function"), ACTS, ids=NAMES)
def test_an_act_is_one_transaction_and_leaves_a_trace(path, function):
    name = f"{name_of(path)}:{function.name}"
    whole = reaches(path, function, is_atomic) and reaches(path, function, records)
    assert whole != (name in STEPS_OF_AN_ACT)


def test_rows_are_locked_by_name_so_that_a_join_locks_nothing_else():
    loose = [
        f"{name_of(path)}:{call.lineno}"
        for path in sources()
        for call in nodes(path, ast.Call)
        if ast.unparse(call.func).endswith(".select_for_update")
        and not any(each.arg == "of" for each in call.keywords)
    ]
    assert loose == []
