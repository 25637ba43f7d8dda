"""Every state times every event, as one literal table a machine; the database holds the same."""

import importlib

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.lifecycle import can, edges
from ledger.refusals import Refused
from providers.lifecycle import MACHINES
from providers.models import (
    AcceleratorAlias,
    AcceleratorRate,
    Capacity,
    NetworkFiling,
    Offering,
    Order,
    Provider,
    ProviderKey,
    StateRow,
)
from providers.models.state_row import move
from tests.providers.world import AT, CLERK, World

GUARDS = importlib.import_module("providers.migrations.0002_guards")
NETWORKS = importlib.import_module("providers.migrations.0014_access")
ALIASES = importlib.import_module("providers.migrations.0015_registry")

PROVIDER = """
           admit     decline   suspend    readmit   remove
applied    admitted  declined  -          -         -
admitted   -         -         suspended  -         removed
suspended  -         -         -          admitted  removed
removed    -         -         -          -         -
declined   -         -         -          -         -
"""
KEY = """
          confirm  revoke
proposed  active   revoked
active    -        revoked
revoked   -        -
"""
FILING = """
          approve   decline
proposed  approved  declined
approved  -         -
declined  -         -
"""
ALIAS = """
          approve   decline   retire
proposed  approved  declined  -
approved  -         -         retired
declined  -         -         -
retired   -         -         -
"""
OFFERING = """
           publish    withdraw
draft      published  withdrawn
published  -          withdrawn
withdrawn  -          -
"""
ORDER = """
           accept    refuse   cancel     complete
placed     accepted  refused  cancelled  -
accepted   -         -        cancelled  completed
refused    -         -        -          -
cancelled  -         -        -          -
completed  -         -        -          -
"""
TABLES = [
    (Provider, PROVIDER),
    (ProviderKey, KEY),
    (AcceleratorRate, FILING),
    (AcceleratorAlias, ALIAS),
    (NetworkFiling, FILING),
    (Capacity, FILING),
    (Offering, OFFERING),
    (Order, ORDER),
]


def read(table: str) -> dict[tuple[str, str], str]:
    """Return (state, event) -> target, empty where there is no such move."""
    head, *lines = table.strip("\n").splitlines()
    events = head.split()
    return {
        (cells[0], event): "" if target == "-" else target
        for cells in (line.split() for line in lines)
        for event, target in zip(events, cells[1:], strict=True)
    }


@pytest.mark.parametrize(("model", "table"), TABLES, ids=lambda each: getattr(each, "__name__", ""))
def test_the_table_is_the_whole_machine(model, table):
    wanted = read(table)
    assert {state for state, _ in wanted} == set(model.State.values)
    assert {event for _, event in wanted} == {event for _, event, _ in edges(model)}
    for (state, event), target in wanted.items():
        thing = model()
        thing.__dict__["state"] = state
        assert can(thing, event) == bool(target), (state, event)
    assert {(source, event): target for source, event, target in edges(model)} == {
        key: target for key, target in wanted.items() if target
    }


@pytest.mark.parametrize(("model", "table"), TABLES, ids=lambda each: getattr(each, "__name__", ""))
def test_the_database_knows_the_same_edges(model, table):
    edges = GUARDS.EDGES | NETWORKS.EDGES | ALIASES.EDGES
    written = set(edges[model._meta.model_name])
    assert written == {f"{state}>{target}" for (state, _), target in read(table).items() if target}


def test_every_machine_is_in_a_table():
    assert {machine for model, _ in TABLES for machine in model.__mro__} >= set(MACHINES)


@pytest.mark.django_db
def test_a_move_that_does_not_exist_is_refused_in_words_and_by_the_database():
    there = World()
    with pytest.raises(Refused, match="不能办理"):
        move(there.provider, "admit", actor=CLERK, at=AT)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE providers_order SET state = 'placed'")
    rows = StateRow.objects.of(there.order)
    assert [(row.from_state, row.to_state) for row in rows] == [
        ("", "placed"), ("placed", "accepted"),
    ]  # fmt: skip
