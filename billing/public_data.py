"""Door for anybody: the open data of the programmes, to look at and for machines.

The answer is kept for a while and bears a tag, so that asking often costs little; who asks far too
often is told to wait.
"""

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.urls import path
from django.utils.crypto import salted_hmac
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.http import require_GET

from billing.open_data import COLUMNS, WAYS, as_csv, as_json, open_data
from ledger import clock
from ledger.networks import caller_address
from ledger.rights import public

KEPT_SECONDS = 600
MOST_A_MINUTE = 60
TOO_MANY = 429
_KEPT = "open-data/1"
_TITLES = {"total": "合计", "months": "按时段", **WAYS}


def _data() -> dict[str, Any]:
    """Return the data set, made anew at most every few minutes."""
    found: dict[str, Any] | None = cache.get(_KEPT)
    if found is None:
        found = open_data(clock.now())
        cache.set(_KEPT, found, KEPT_SECONDS)
    return found


def _too_often(request: HttpRequest) -> bool:
    """Count requests of one address in a minute; the address itself is not kept."""
    came = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    address = str(caller_address(*came, settings.ACCESS.trusted_proxies) or "")
    minute = int(clock.now().timestamp()) // 60
    name = salted_hmac("billing.open_data", f"{address}/{minute}", algorithm="sha256").hexdigest()
    key = f"open-data/asked/{name[:32]}"
    if cache.add(key, 1, 120):
        return False
    try:
        return int(cache.incr(key)) > MOST_A_MINUTE
    except ValueError:  # it ended between the two
        return False


def _wait(request: HttpRequest) -> HttpResponse:
    response = render(request, "429.html", status=TOO_MANY)
    response["Retry-After"] = "60"
    return response


@public
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the open data with what it means and where it is for machines."""
    if _too_often(request):
        return _wait(request)
    data = _data()
    tables = [
        {"title": title, "rows": [row for row in data["rows"] if row["table"] == table]}
        for table, title in _TITLES.items()
    ]
    context = {
        "data": data,
        "tables": [each for each in tables if each["rows"]],
        "columns": [{"key": key, "value": value} for key, value in COLUMNS.items()],
    }
    return render(request, "public/open_data.html", context)


def _file(request: HttpRequest, content: bytes, kind: str, ending: str) -> HttpResponse:
    """Return the data set as a file that may be kept; unchanged data is not sent again."""
    tag = quote_etag(f"{_data()['sha256'][:32]}-{ending}")
    response: HttpResponse
    if tag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(content, content_type=kind)
        response["Content-Disposition"] = f'attachment; filename="compute-vouchers.{ending}"'
    response["ETag"] = tag
    response["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    return response


@public
@require_GET
def data_json(request: HttpRequest) -> HttpResponse:
    """Give the data set as JSON."""
    if _too_often(request):
        return _wait(request)
    return _file(request, as_json(_data()), "application/json", "json")


@public
@require_GET
def data_csv(request: HttpRequest) -> HttpResponse:
    """Give the rows as CSV."""
    if _too_often(request):
        return _wait(request)
    return _file(request, as_csv(_data()), "text/csv; charset=utf-8", "csv")


urlpatterns = [
    path("data/", page, name="open_data"),
    path("data/compute-vouchers.json", data_json, name="open_data_json"),
    path("data/compute-vouchers.csv", data_csv, name="open_data_csv"),
]
