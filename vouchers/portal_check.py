"""Door for anybody: the self-check, one question a page or all on one, without signing in."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from ledger import clock
from ledger.periods import day_of
from ledger.rights import public
from vouchers import pages, pages_check
from vouchers.models import Programme
from vouchers.pages_check import CHECKS, KEPT, fields_of


@public
@require_GET
def check(request: HttpRequest) -> HttpResponse:
    """Ask the self-check one question a page; the answers travel in the address."""
    programme = pages.chosen_programme(request.GET.get("programme", ""))
    if programme is None:
        return render(request, "portal/home.html", {"guide": None})
    step = next((each for each in CHECKS if f"q_{each}" not in request.GET), None)
    if step is None:
        return _result(request, programme)
    context = _questions(request, programme) | {
        "step": step,
        "no": CHECKS.index(step) + 1,
        "own": fields_of(step),
        "done": [each for each in CHECKS if f"q_{each}" in request.GET],
    }
    return render(request, "portal/check.html", context)


@public
@require_GET
def check_all(request: HttpRequest) -> HttpResponse:
    """Ask the whole self-check on one page; every question may be left open."""
    programme = pages.chosen_programme(request.GET.get("programme", ""))
    if programme is None:
        return render(request, "portal/home.html", {"guide": None})
    if "answered" in request.GET:
        return _result(request, programme)
    context = _questions(request, programme) | {"steps": CHECKS}
    return render(request, "portal/check_all.html", context)


def _questions(request: HttpRequest, programme: Programme) -> dict[str, Any]:
    return {
        "programme": programme,
        "chosen": request.GET.get("programme") == str(programme.pk),
        "told": pages_check.told_of(request.GET),
        "total": len(CHECKS),
        "sectors": pages_check.sectors(),
        "purposes": programme.edition.purposes,
    }


def _result(request: HttpRequest, programme: Programme) -> HttpResponse:
    """Show what the rules say; the answers stay in the browser's session for an application."""
    told = pages_check.told_of(request.GET)
    request.session[KEPT] = told
    found = pages_check.self_check(programme.edition, told, day_of(clock.now()))
    return render(request, "portal/check_result.html", found | {"told": told})


urlpatterns = [
    path("portal/check/", check, name="check"),
    path("portal/check/all/", check_all, name="check_all"),
]
