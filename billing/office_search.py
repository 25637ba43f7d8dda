"""Door for the bureau: the one search box over all rooms."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET

from billing import hits
from ledger.rights import requires

LONGEST = 100


@require_GET
@requires(*hits.ANY_RIGHT)
def search(request: HttpRequest) -> HttpResponse:
    """Find things by number, name, code or first letters; one hit goes straight to its page."""
    found = hits.search(request.GET.get("q", "")[:LONGEST], request.user)
    if found["straight"] and not request.GET.get("list"):
        return redirect(found["straight"])
    return render(request, "office/search.html", found)


@require_GET
@requires(*hits.ANY_RIGHT)
def suggest(request: HttpRequest) -> HttpResponse:
    """Return the hits alone, for the box that shows them while one types."""
    found = hits.search(request.GET.get("q", "")[:LONGEST], request.user)
    return render(request, "office/search_hits.html", found)


urlpatterns = [
    path("search/", search, name="office_search"),
    path("search/hits/", suggest, name="office_search_hits"),
]
