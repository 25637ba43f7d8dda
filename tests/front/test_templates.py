"""What every template of the house keeps to, whichever room wrote it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAPER = {
    "documents",
    "statement",
    "letters",
    "paper",
}  # printed: own style sheet, nothing to scroll
PAGES = [each for each in TEMPLATES if PAPER.isdisjoint(each.parts)]
KIT_PREFIXES = ("govuk-",)
LONGEST_BUTTON = 20
# Classes of the kit that are hooks for its script or mark parts without a look of their own.
BARE = {
    "govuk-frontend-supported",
    "govuk-template",
    "govuk-template__body",
    "govuk-main-wrapper",
    "govuk-error-summary__list",
    "govuk-panel",
    "govuk-table__head",
    "govuk-table__body",
    "govuk-table__row",
    "govuk-breadcrumbs__list-item",
    "govuk-checkboxes",
    "govuk-radios",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_nothing_in_a_page_needs_a_weaker_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"\sstyle=|<style|javascript:|\son[a-z]+=|hx-on|<script(?! [^>]*src=)", text)
    assert not found, f"{name_of(path)}: {found}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_table_scrolls_in_a_named_region(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tables = len(re.findall(r"<table\b", text))
    regions = len(
        re.findall(
            r'<div class="scroll" role="region" aria-label[^>]*tabindex="0"[^>]*>\s*<table', text
        )
    )
    assert tables == regions, f"{name_of(path)}: {tables} tables, {regions} regions"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_and_buttons_say_what_they_do(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for empty in ("点击这里", "点此", ">更多<", ">OK<", ">Submit<", ">这里<"):
        assert empty not in text, f"{name_of(path)}: {empty}"
    for words in re.findall(r"<button[^>]*>([^<{]*)</button>", text):
        assert len(words.strip()) <= LONGEST_BUTTON, f"{name_of(path)}: too long: {words}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_form_that_changes_something_is_posted_with_its_token(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.S | re.I):
        assert "csrf_token" in form, f"{name_of(path)}: {form[:80]}"
    for opening in re.findall(r"<form[^>]*>", text):
        assert "method=" in opening, f"{name_of(path)}: says no method: {opening}"


def test_every_class_of_the_kit_exists_in_the_compiled_sheet() -> None:
    sheet = ROOT / "static" / "build" / "house.css"
    if not sheet.exists():
        pytest.fail("static/build is missing; run deploy/assets.sh")
    known = (
        set(re.findall(r"\.((?:govuk-)[A-Za-z0-9_-]+)", sheet.read_text(encoding="utf-8"))) | BARE
    )
    strange: dict[str, set[str]] = {}
    for path in PAGES:
        text = re.sub(r"\{[%{].*?[%}]\}", " ", path.read_text(encoding="utf-8"), flags=re.S)
        for attribute in re.findall(r'\bclass="([^"]*)"', text):
            names = {each for each in attribute.split() if each.startswith(KIT_PREFIXES)}
            unknown = {each for each in names - known if not each.endswith("--")}
            if unknown:
                strange.setdefault(name_of(path), set()).update(unknown)
    assert not strange, strange
