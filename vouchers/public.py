"""Door for anybody: public notices of proposed support."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_GET

from ledger.rights import public
from vouchers.pages import all_notices


@public
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """List all public notices, the newest first."""
    page = Paginator(all_notices(), 20).get_page(request.GET.get("page"))
    return render(request, "public/notice_list.html", {"page_obj": page})


@public
@require_GET
def notice(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one notice with its lines: enterprise and amount, nothing personal."""
    found = get_object_or_404(all_notices(), pk=pk)
    items = found.items.select_related("application__enterprise")
    return render(
        request,
        "public/notice.html",
        {"notice": found, "items": items, "total_fen": sum(each.amount_fen for each in items)},
    )


urlpatterns = [
    path("notices/", notices, name="notices"),
    path("notices/<uuid:pk>/", notice, name="notice"),
]
