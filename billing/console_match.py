"""Door: a provider reads what an enterprise's scheduler says of a statement."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from billing import pages, pages_match
from providers.seats import provider_member


@require_GET
@provider_member()
def match(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the last comparison."""
    found = pages.own_statement(request.seat.provider, pk)  # type: ignore[attr-defined]
    context = pages_match.match_page(request, found, "console_statement")
    context |= {"back_url": "console_statement", "list_url": "console_statements"}
    return render(request, "statement/match_page.html", context)


urlpatterns = [path("<uuid:pk>/match/", match, name="console_match")]
