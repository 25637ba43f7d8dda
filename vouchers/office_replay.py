"""Door for the bureau: try the rules of an edition on past applications; nothing is written."""

import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from ledger.rights import requires
from vouchers import pages_office, pages_replay
from vouchers.replaying import replay_page

LOOK = ("vouchers.open_programme", "vouchers.view_cases")
PAGE = 50


@requires(*LOOK)
@require_GET
def replay(request: HttpRequest, pk: str) -> HttpResponse:
    """Show who would win and lose under an edition, and what it would cost."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    slug = _slug(request, found)
    change = request.GET.get("change", "")
    change = change if change in pages_replay.CHANGES else ""
    no = request.GET.get("page", "1")
    page = max(1, int(no)) if no.isdigit() and len(no) <= 6 else 1
    told = replay_page(found, slug, change=change, start=(page - 1) * PAGE, size=PAGE)
    context = pages_replay.replay_context(found, told) | {
        "programme": found,
        "slug": slug,
        "change": change,
        "shown": told.shown,
        "earlier": page - 1,
        "later": page + 1 if page * PAGE < told.shown else 0,
        "scope": request.GET.get("scope", ""),
    }
    return render(request, "office/replay.html", context)


@requires(*LOOK)
@require_GET
def replay_csv(request: HttpRequest, pk: str) -> StreamingHttpResponse:
    """Hand out all lines of the replay as CSV, as they are worked out."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    rows = _lines(pages_replay.csv_rows(found, _slug(request, found)))
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    name = f"replay-{found.slug}-{found.edition_no}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _slug(request: HttpRequest, found: Any) -> str:
    """Return the scheme whose applications to take: this one, or all of the kind."""
    return "" if request.GET.get("scope") == "kind" else str(found.slug)


class _Echo:
    """Give back each line a CSV writer makes."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def _lines(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    writer: Any = csv.writer(_Echo())
    yield "\ufeff"
    for row in rows:
        yield writer.writerow(row)


urlpatterns = [
    path("programmes/<uuid:pk>/replay/", replay, name="office_replay"),
    path("programmes/<uuid:pk>/replay/lines.csv", replay_csv, name="office_replay_csv"),
]
