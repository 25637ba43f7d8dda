"""The glossary is complete: what people read in Chinese beside what the code calls it."""

import pytest
from django.apps import apps

from config.roles import ROLE_TITLES
from ledger.chart import Code, TransferCode
from tests.house.source_tree import ROOMS, ROOT

MODELS = [model for model in apps.get_models() if model._meta.app_label in {*ROOMS, "config"}]


def rows() -> list[list[str]]:
    """Return every row of every table of the glossary as its cells."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]


ROWS = rows()
PAIRS = {(row[0], row[1]) for row in ROWS}


def states(model: type) -> list[tuple[str, str, str]]:
    """Return the states of a thing: label, value, and how the glossary names the thing."""
    found = []
    for field in model._meta.concrete_fields:
        if field.name in {"state", "status"} and field.choices:
            thing = f"{model._meta.verbose_name} ({model.__name__})"
            found += [(str(label), str(value), thing) for value, label in field.choices]
    return found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_thing_stands_in_the_glossary(model):
    assert (str(model._meta.verbose_name), model.__name__) in PAIRS


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_thing_has_a_chinese_name(model):
    assert any("一" <= character <= "鿿" for character in str(model._meta.verbose_name))


@pytest.mark.parametrize("model", [each for each in MODELS if states(each)], ids=str)
def test_every_state_stands_in_the_glossary(model):
    known = {tuple(row[:3]) for row in ROWS if len(row) > 2}
    assert [each for each in states(model) if each not in known] == []


def test_no_state_stands_there_that_nothing_has_any_more():
    known = {each for model in MODELS for each in states(model)}
    things = {thing for _, _, thing in known}
    written = {tuple(row[:3]) for row in ROWS if len(row) > 2 and row[2] in things}
    assert written == known


def test_every_account_and_kind_of_transfer_stands_in_the_glossary():
    numbered = {(row[1], row[2]) for row in ROWS if len(row) > 2}
    assert {(code.name, code.value) for code in Code} <= numbered
    assert {(code.name, str(code.value)) for code in TransferCode} <= numbered


def test_every_role_stands_in_the_glossary():
    assert {(title, role) for role, title in ROLE_TITLES.items()} <= PAIRS


def test_every_row_has_as_many_cells_as_its_table():
    assert {len(row) for row in ROWS} <= {2, 3, 4, 5}
    assert all(all(row) for row in ROWS)
