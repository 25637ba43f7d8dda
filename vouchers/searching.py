"""Keep under which words things are found, and find them: one index for every room.

Acts of this room keep the row of what they make. Upper rooms hand in a ``Source`` each, and
``catch_up`` adds whatever has no row yet, so a thing made elsewhere is found a little later.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from vouchers.models import Application, Enterprise, SearchRow, Voucher
from vouchers.spelling import folded, pieces, searchable, wanted

EACH_KIND = 8  # hits shown of one kind
AT_ONCE = 1000
LONGEST_TITLE = 200  # two names may stand in it; all of both is searched


@dataclass(frozen=True)
class Entry:
    """What is to be found: ``numbers`` first the one that is shown; ``page`` is where it leads."""

    kind: str
    subject: UUID
    page: UUID
    title: str
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Where things of one kind come from."""

    kind: str
    rows: Callable[[], QuerySet[Any]]
    entry: Callable[[Any], Entry]


def keep(*entries: Entry) -> None:
    """Write the rows of things that were made or renamed."""
    SearchRow.objects.bulk_create(
        [_row(each) for each in entries],
        update_conflicts=True,
        unique_fields=["kind", "subject_id"],
        update_fields=["page_id", "number", "title", "text", "pieces"],
    )


def enterprise_entry(found: Enterprise) -> Entry:
    """Return how an enterprise is found: by name, first letters and code."""
    return Entry("enterprise", found.pk, found.pk, found.name, (found.uscc,))


def application_entry(found: Application) -> Entry:
    """Return how a case is found: by its number, and by its enterprise."""
    firm = found.enterprise
    number = found.application_no or ""
    return Entry("application", found.pk, found.pk, firm.name, (number, firm.uscc))


def voucher_entry(found: Voucher) -> Entry:
    """Return how a voucher is found; it leads to the case it came from."""
    firm = found.enterprise
    page = found.application_id
    return Entry("voucher", found.pk, page, firm.name, (found.voucher_no, firm.uscc))


def keep_renamed(found: Enterprise) -> None:
    """Write the rows of an enterprise with its new name, its cases and vouchers among them."""
    cases = found.applications.handed_in().with_parties()
    vouchers = found.vouchers.with_parties()
    keep(
        enterprise_entry(found),
        *(application_entry(each) for each in cases),
        *(voucher_entry(each) for each in vouchers),
    )


OWN = (
    Source("enterprise", lambda: Enterprise.objects.all(), enterprise_entry),
    Source(
        "application", lambda: Application.objects.handed_in().with_parties(), application_entry
    ),
    Source("voucher", lambda: Voucher.objects.with_parties(), voucher_entry),
)


def catch_up(sources: Iterable[Source], *, afresh: bool = False) -> int:
    """Add the rows that are missing; return how many.

    Args:
        sources: kinds of this room and of the rooms above.
        afresh: write the rows of everything anew, after a change of what is searched.
    """
    added = 0
    for source in sources:
        rows = source.rows()
        if not afresh:
            known = SearchRow.objects.filter(kind=source.kind, subject_id=OuterRef("pk"))
            rows = rows.exclude(Exists(known))
        for part in _parts(rows):
            with transaction.atomic():
                keep(*(source.entry(each) for each in part))
            added += len(part)
    return added


def find(
    typed: str, kinds: Sequence[str], *, only: dict[str, QuerySet[Any]] | None = None
) -> dict[str, list[SearchRow]]:
    """Return what was looked for by kind, the closest first, at most a handful of each.

    Args:
        typed: a number, a name, a code, or the first letters of a name.
        kinds: what the person may see.
        only: kind -> the ids this person is kept to.
    """
    asked = wanted(typed)
    if not asked or not kinds:
        return {}
    told = SearchRow.objects.filter(pieces__contains=pieces(asked), text__contains=asked)
    parts = []
    for kind in kinds:
        rows = told.filter(kind=kind)
        if only is not None and kind in only:
            rows = rows.filter(subject_id__in=only[kind])
        parts.append(rows.defer("pieces").order_by()[: EACH_KIND * 4])
    hits = list(parts[0].union(*parts[1:], all=True)) if len(parts) > 1 else list(parts[0])
    return {kind: _closest(hits, kind, asked) for kind in kinds}


def exact(hits: dict[str, list[SearchRow]], typed: str) -> SearchRow | None:
    """Return the one thing that was meant: the only hit, or the only one with that very number."""
    every = [row for rows in hits.values() for row in rows]
    named = [row for row in every if folded(row.number) == wanted(typed)]
    if len(named) == 1:
        return named[0]
    return every[0] if len(every) == 1 else None


def _closest(hits: list[SearchRow], kind: str, asked: str) -> list[SearchRow]:
    def distance(row: SearchRow) -> tuple[bool, bool, int, str]:
        parts = row.text.split("|")
        begins = any(part.startswith(asked) for part in parts)
        return asked not in parts, not begins, len(row.title), row.number

    return sorted((row for row in hits if row.kind == kind), key=distance)[:EACH_KIND]


def _row(entry: Entry) -> SearchRow:
    text = searchable(entry.title, numbers=entry.numbers)
    return SearchRow(
        kind=entry.kind,
        subject_id=entry.subject,
        page_id=entry.page,
        number=entry.numbers[0],
        title=entry.title[:LONGEST_TITLE],
        text=text,
        pieces=pieces(text),
    )


def _parts(rows: QuerySet[Any]) -> Iterable[list[Any]]:
    part: list[Any] = []
    for each in rows.order_by("pk").iterator(chunk_size=AT_ONCE):
        part.append(each)
        if len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part
