"""A number that holds money or compute says its unit in its name: nobody guesses fen or yuan."""

import pytest
from django.apps import apps
from django.db import models

from tests.house.source_tree import ROOMS

UNITS = (
    "_fen", "_bp", "_milli", "_milli_seconds", "_seconds", "_gflops_s", "_pfh", "_pct", "_kwh",
    "_gb", "_hours", "_days", "_no", "_size", "_count", "_rounds", "_rows", "_seq", "_devices",
    "_ordinal", "_us",
)  # fmt: skip
WHOLE_NAMES = {"gflops", "device_milli_seconds", "pflops_hours"}
#: Plain counts, places and points of a score; a unit would say nothing.
COUNTS = {
    "accepted", "attempts", "blockers", "conflict", "count", "done", "duplicate",
    "evaluation_score", "fence", "held", "index", "jobs", "last", "level", "lines", "no",
    "number", "open", "ordinal", "pages", "part", "place", "position", "rank", "recomputed_lines",
    "records",
    "rejected", "requests", "rows", "score", "segment", "sequence", "size", "status", "tier",
    "total", "version", "xid", "year", "zero",
}  # fmt: skip
#: The books count in the unit of the account's own ledger (fen, or GFLOPS-seconds), a discount in
#: that of its kind.
UNIT_BESIDE_IT = {
    "AccountBalance.credits_pending", "AccountBalance.credits_posted",
    "AccountBalance.debits_pending", "AccountBalance.debits_posted",
    "AccountRollup.credits_pending", "AccountRollup.credits_posted",
    "AccountRollup.debits_pending", "AccountRollup.debits_posted", "OrderDiscount.value",
    "Transfer.amount", "Transfer.code",
}  # fmt: skip
NUMBERS = (models.IntegerField, models.DecimalField)


def numbers() -> list[tuple[str, str]]:
    """Return every field that holds a number, as thing and name."""
    return [
        (model.__name__, field.name)
        for model in apps.get_models()
        if model._meta.app_label in ROOMS
        for field in model._meta.concrete_fields
        if isinstance(field, NUMBERS) and not field.primary_key
    ]


@pytest.mark.parametrize(("thing", "name"), numbers())
def test_a_number_says_its_unit(thing, name):
    assert (
        name.endswith(UNITS) or name in WHOLE_NAMES | COUNTS or f"{thing}.{name}" in UNIT_BESIDE_IT
    )


def test_no_table_holds_a_float():
    fields = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.FloatField)
    ]
    assert fields == []


def test_every_moment_and_day_says_which_it_is():
    odd = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in ROOMS
        for field in model._meta.concrete_fields
        if isinstance(field, models.DateTimeField)
        and not f"_{field.name}".endswith(("_at", "_from", "_until", "_since"))
    ]
    assert odd == []
