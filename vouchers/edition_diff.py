"""Tell what changes between two editions: value by value, in words, each with its clause.

Pure. Items of a list (bonuses, criteria, ...) are matched by their code, so an item that only
moved is no change; windows are matched by their place.
"""

from dataclasses import dataclass
from typing import Any

from vouchers.edition_words import UNSET, show
from vouchers.parameters import CHAPTERS, Chapter, Items, Parameter

CHANGED, ADDED, REMOVED = "changed", "added", "removed"


@dataclass(frozen=True)
class Change:
    """One difference; ``item`` names the member of a list, ``before`` and ``after`` are words."""

    kind: str
    chapter: str
    item: str
    title: str
    before: str
    after: str
    clause: str


def edition_diff(old: dict[str, Any], new: dict[str, Any]) -> tuple[Change, ...]:
    """Return the changes from one edition's rules to another's, in the order of the catalogue."""
    found: list[Change] = []
    for chapter in CHAPTERS:
        found += _chapter(chapter, old.get(chapter.code), new.get(chapter.code))
    return tuple(found)


def _chapter(chapter: Chapter, old: Any, new: Any) -> list[Change]:
    if chapter.listed:
        assert chapter.items is not None
        return _items(chapter.title, chapter.items, old or [], new or [])
    before, after = old or {}, new or {}
    clause = str(after.get("clause") or before.get("clause") or "")
    found = _values(chapter.title, "", chapter.parameters, before, after, clause)
    if chapter.below:
        name, below = chapter.below
        told = before.get(name) or {}, after.get(name) or {}
        found += _values(chapter.title, "", below, *told, clause)
    if chapter.items:
        lists = before.get(chapter.items.name) or [], after.get(chapter.items.name) or []
        found += _items(chapter.title, chapter.items, *lists)
    return found


def _values(
    chapter: str,
    item: str,
    parameters: tuple[Parameter, ...],
    before: dict[str, Any],
    after: dict[str, Any],
    clause: str,
) -> list[Change]:
    changes = []
    for each in parameters:
        old, new = before.get(each.name), after.get(each.name)
        if old != new:
            words = show(each, old), show(each, new)
            changes.append(Change(CHANGED, chapter, item, each.title, *words, clause))
    return changes


def _items(chapter: str, items: Items, old: list[Any], new: list[Any]) -> list[Change]:
    before, after = _keyed(items, old), _keyed(items, new)
    found: list[Change] = []
    for key in [*after, *(key for key in before if key not in after)]:
        was, now = before.get(key), after.get(key)
        name = f"{items.title} {key}"
        told = now or was or {}
        clause = str(told.get("clause") or "")
        if was is None:
            found.append(Change(ADDED, chapter, name, "", UNSET, _summary(items, told), clause))
        elif now is None:
            found.append(Change(REMOVED, chapter, name, "", _summary(items, told), UNSET, clause))
        else:
            found += _values(chapter, name, items.parameters, was, now, clause)
    return found


def _keyed(items: Items, rows: list[Any]) -> dict[str, Any]:
    return {
        str(row.get(items.key, no)) if items.key else f"{no}": row
        for no, row in enumerate(rows, start=1)
    }


def _summary(items: Items, row: dict[str, Any]) -> str:
    shown = [each for each in items.parameters if each.name not in ("code", "clause", "hint")]
    return "；".join(
        f"{each.title} {show(each, row[each.name])}" for each in shown if each.name in row
    )
