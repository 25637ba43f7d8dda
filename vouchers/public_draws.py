"""Door for anybody: a draw with its commitment, its lots, and what it takes to recompute it."""

from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from ledger.rights import public
from vouchers import lots, pages_money

NOT_YET = 404


@public
@require_GET
def draw(request: HttpRequest, pk: str) -> HttpResponse:
    """Show a draw: first the commitment, after the window the secret, then the lots."""
    seed = get_object_or_404(pages_money.draws(), pk=pk)
    reveal = getattr(seed, "reveal", None)
    run = pages_money.drawn_run(seed)
    context: dict[str, Any] = {"seed": seed, "reveal": reveal, "run": run}
    if run:
        lines = run.lines.select_related("application")
        context["page_obj"] = Paginator(lines, 100).get_page(request.GET.get("page"))
    return render(request, "public/draw.html", context)


@public
@require_GET
def draw_list(_request: HttpRequest, pk: str) -> HttpResponse:
    """Give a confirmed draw as data, the way the checker reads it."""
    seed = get_object_or_404(pages_money.draws(), pk=pk)
    told = pages_money.draw_data(seed)
    response = JsonResponse(told, status=200 if told else NOT_YET)
    response["Content-Disposition"] = 'attachment; filename="draw.json"'
    return response


@public
@require_GET
def draw_checker(_request: HttpRequest) -> HttpResponse:
    """Give the checker: the very file the house itself draws with."""
    response = HttpResponse(
        Path(lots.__file__).read_text(encoding="utf-8"), content_type="text/plain; charset=utf-8"
    )
    response["Content-Disposition"] = 'attachment; filename="lots.py"'
    return response


urlpatterns = [
    path("draws/lots.py", draw_checker, name="draw_checker"),
    path("draws/<uuid:pk>/", draw, name="draw"),
    path("draws/<uuid:pk>/draw.json", draw_list, name="draw_list"),
]
