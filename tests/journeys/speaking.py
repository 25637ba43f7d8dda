"""Look at a page as its HTML came: does it speak English, and is it well made?"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from tinyhtml5.parser import HTMLParser

from config.cutting import IDEOGRAPH
from config.tongue import catalogue

READ_OUT = ("title", "alt", "aria-label", "placeholder")
SILENT = {"script", "style", "textarea"}
TEXTUAL = (models.CharField, models.TextField, models.JSONField, models.BinaryField)
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
#: The one Chinese text of an English page that is ours: how to get back.
OURS = "简体中文"
RUN = re.compile(f"{IDEOGRAPH.pattern}+")
HEADINGS = re.compile(r"h[1-6]")
#: What the strict reader of HTML calls a fault and every browser of today does not.
HARMLESS = {"expected-doctype-but-got-start-tag"}


def faults_of(html: str, known: list[str]) -> list[str]:
    """Return what is wrong with an English page: broken HTML, headings that jump, Chinese left.

    Args:
        html: the page as it came.
        known: texts that people or programmes brought, which stay as they are.
    """
    parser = HTMLParser(namespace_html_elements=False)
    tree = parser.parse(html)
    broken = [f"{code} {told}" for _, code, told in parser.errors if code not in HARMLESS]
    order = [int(each.tag[1]) for each in tree.iter() if HEADINGS.fullmatch(str(each.tag))]
    jumps = [f"h{new} after h{old}" for old, new in pairwise(order) if new > old + 1]
    faults = [f"HTML: {each}" for each in broken[:3]] + [f"headings: {each}" for each in jumps[:3]]
    if tree.get("lang") != "en":
        faults.append("is not marked as English")
    foreign = {each for each in _texts(tree) if _left_of(each, known)}
    return faults + [f"still Chinese: {each[:120]}" for each in sorted(foreign)[:5]]


def _texts(tree) -> Iterator[str]:
    """Give every text of a page that people read or hear."""
    for each in tree.iter():
        if not isinstance(each.tag, str):
            continue
        shown = [each.text] if each.tag not in SILENT else []
        shown += [more.tail for more in each]
        shown += [each.get(name) for name in READ_OUT]
        yield from (text.strip() for text in shown if text and IDEOGRAPH.search(text))


def _left_of(text: str, known: list[str]) -> bool:
    """Say whether something Chinese is left of a text once what is known is taken out.

    A text that somebody typed may have lost a word that the house knows too, and its marks.
    """
    for each in known:
        if each in text:
            text = text.replace(each, "")
            if not IDEOGRAPH.search(text):
                return False
    return not set(RUN.findall(text)) <= _known_runs(tuple(known))


@cache
def _known_runs(known: tuple[str, ...]) -> frozenset[str]:
    """Return what stands between two marks in the texts that were brought in."""
    return frozenset(run for each in known for run in RUN.findall(each))


def brought_in() -> list[str]:
    """Return every Chinese text that lies in the database and is not one of the house's own."""
    found: set[str] = set()
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, TEXTUAL):
                found.update(_values(model._meta.db_table, field.column))
    told = settings.VAR_DIR / "demo" / "summary.json"
    if told.exists():
        found.update(QUOTED.findall(told.read_text(encoding="utf-8")))
    own = catalogue().whole
    kept = {each for each in found if IDEOGRAPH.search(each) and each not in own} | {OURS}
    return sorted(kept, key=len, reverse=True)


def _values(table: str, column: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL')
        for (value,) in cursor.fetchall():
            text = (
                bytes(value).decode(errors="ignore")
                if isinstance(value, bytes | memoryview)
                else str(value)
            )
            if IDEOGRAPH.search(text):
                yield from (text, *_pieces(text))


@cache
def _pieces(text: str) -> tuple[str, ...]:
    """Return the lines of a text and the strings of a structure kept as text."""
    quoted = re.findall(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", text)
    return tuple(each for pair in quoted for each in pair if each) + tuple(text.splitlines())
