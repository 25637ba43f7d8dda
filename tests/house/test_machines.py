"""The drawn life cycles are today's, complete, and the same as the database's."""

import importlib
import pkgutil

import pytest
from django.apps import apps

from config.machines import machines, pages
from tests.house.source_tree import ROOMS, ROOT

MACHINES = machines()
FOLDER = ROOT / "docs" / "machines"


def edges_in_the_database(room: str) -> dict[str, set[str]]:
    """Return the edges written out in the plain SQL migrations of a room, by table."""
    migrations = importlib.import_module(f"{room}.migrations")
    found: dict[str, set[str]] = {}
    for module in pkgutil.iter_modules(migrations.__path__):
        loaded = importlib.import_module(f"{room}.migrations.{module.name}")
        for table, edges in getattr(loaded, "EDGES", {}).items():
            found[table] = set(edges.split() if isinstance(edges, str) else edges)
    return found


def test_the_drawings_are_those_of_today():
    drawn = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert drawn == pages(), "run: manage.py draw_machines"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_reached_and_every_move_has_a_name_and_a_meaning(machine):
    reached = {machine.first}
    for _ in machine.states:
        reached |= {move.target for move in machine.moves if move.source in reached}
    assert {state for state, _ in machine.states} == reached
    assert all(move.label and move.meaning for move in machine.moves)


@pytest.mark.parametrize("room", ROOMS)
def test_the_database_holds_the_same_edges(room):
    drawn = {
        machine.name: {f"{move.source}>{move.target}" for move in machine.moves}
        for machine in MACHINES
        if machine.room == room
    }
    assert edges_in_the_database(room) == drawn


def test_the_machine_library_guards_every_state_field_it_drives():
    for machine in MACHINES:
        field = apps.get_model(machine.room, machine.name)._meta.get_field("state")
        assert field.protected, machine
