"""The papers tell the truth: commands they name exist, links they give lead somewhere."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.house.source_tree import ROOT, committed_files, name_of, text_of

PAPERS = [path for path in committed_files() if path.suffix == ".md"]
RELATIVE_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
TARGETS = set(re.findall(r"^([a-z]+):.*##", text_of(ROOT / "Makefile"), re.MULTILINE))
#: Named in the papers and still to be written; strike off what has come.
PROMISED: set[str] = set()
OURS = {"config", "ledger", "vouchers", "providers", "billing"}


def missing_links(path: Path) -> list[str]:
    return [
        link
        for link in RELATIVE_LINK.findall(text_of(path))
        if not (path.parent / link).exists() and not (ROOT / link).exists()
    ]


def test_every_make_target_that_a_paper_names_exists():
    named = {
        (name_of(path), target)
        for path in PAPERS
        for target in re.findall(r"`?make ([a-z]+)`", text_of(path))
    }
    assert sorted(each for each in named if each[1] not in TARGETS) == []


def test_the_fixed_names_of_the_house_exist():
    assert {"run", "demo", "test", "check", "bench", "verify"} <= TARGETS
    commands = {name for name, room in get_commands().items() if room in OURS}
    wanted = {"import_usage", "close_month", "check_books", "verify_log", "export_log", "doctor"}
    assert wanted <= commands


def test_every_command_that_a_paper_names_exists():
    known = set(get_commands())
    named = {
        (name_of(path), command)
        for path in PAPERS
        for command in re.findall(r"manage\.py ([a-z_]+)", text_of(path))
    }
    assert sorted(each for each in named if each[1] not in known) == []


@pytest.mark.parametrize("path", PAPERS, ids=name_of)
def test_every_link_in_a_paper_leads_somewhere(path):
    assert set(missing_links(path)) <= PROMISED


def test_every_decision_has_its_number_once():
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))
