"""Door: the room of figures, each number with its meaning, to look at and to take away."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from billing.indicators import Room, programmes, room
from billing.sheets import csv_bytes
from ledger import clock
from ledger.printing import svg_address
from ledger.rights import requires
from vouchers.listing_files import as_xlsx

VIEW = ("billing.view_settlement",)
LONGEST_SLUG = 40
COLUMNS = ("分组", "项目", "列", "数值", "单位", "口径", "来源", "截至")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _room(request: HttpRequest) -> Room:
    found = room(request.GET.get("programme", "")[:LONGEST_SLUG], clock.now())
    if found is None:
        raise Http404
    return found


@require_GET
@requires(*VIEW)
def page(request: HttpRequest) -> HttpResponse:
    """Show every figure with its definition, and charts with the table of their numbers."""
    found = _room(request)
    context = {
        "room": found,
        "programmes": programmes(),
        "listings": [
            {"listing": each, "chart": svg_address(each.chart) if each.chart else ""}
            for each in found.listings
        ],
    }
    return render(request, "office/indicators.html", context)


def _flat(found: Room) -> list[dict[str, Any]]:
    """Return all numbers as one long list, one number a row."""
    as_of = found.at.isoformat(timespec="seconds")

    def row(group: str, item: str, column: str, value: str | None, *said: str) -> dict[str, Any]:
        shown = "未采集" if value is None else value.replace(",", "")
        return dict(zip(COLUMNS, (group, item, column, shown, *said, as_of), strict=True))

    rows = [
        row("指标", each.title, "", each.value, each.unit, each.definition, each.source)
        for each in found.figures
    ]
    for listing in found.listings:
        for cells in listing.rows:
            rows += [
                row(listing.title, cells[0] or "", name, cell, "",
                    listing.definition, listing.source)
                for name, cell in zip(listing.columns[1:], cells[1:], strict=True)
            ]  # fmt: skip
    return rows


def _name(found: Room, at: datetime, ending: str) -> str:
    return f"indicators-{found.slug or 'all'}-{at:%Y%m%d}.{ending}"


def _attached(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@requires(*VIEW)
def as_csv(request: HttpRequest) -> HttpResponse:
    """Hand out all numbers as CSV, one a row."""
    found = _room(request)
    content = csv_bytes(COLUMNS, _flat(found))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    return _attached(response, _name(found, found.at, "csv"))


@require_GET
@requires(*VIEW)
def as_sheet(request: HttpRequest) -> HttpResponse:
    """Hand out all numbers as XLSX, one a row."""
    found = _room(request)
    rows = [[str(each[name]) for name in COLUMNS] for each in _flat(found)]
    mark = f"{found.title}　截至 {found.at.isoformat(timespec='seconds')}　共 {len(rows)} 行"
    content = as_xlsx(mark, COLUMNS, rows)
    response = HttpResponse(content, content_type=XLSX)
    return _attached(response, _name(found, found.at, "xlsx"))


@require_GET
@requires(*VIEW)
def as_json(request: HttpRequest) -> HttpResponse:
    """Hand out all numbers as JSON, with definitions and the moment."""
    found = _room(request)
    options = {"ensure_ascii": False, "indent": 1}
    response = JsonResponse(found.as_plain(), json_dumps_params=options)
    return _attached(response, _name(found, found.at, "json"))


urlpatterns = [
    path("", page, name="office_indicators"),
    path("data.csv", as_csv, name="office_indicators_csv"),
    path("data.xlsx", as_sheet, name="office_indicators_xlsx"),
    path("data.json", as_json, name="office_indicators_json"),
]
