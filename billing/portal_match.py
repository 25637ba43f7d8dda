"""Door: an enterprise holds its scheduler's file against a statement."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import pages, pages_match
from billing.forms_answers import uploads_of
from billing.models import Statement
from billing.reconciling import run_match
from ledger import clock
from ledger.refusals import Refused
from vouchers.evidence import Upload
from vouchers.seats import actor_at, enterprise_member


def _own(request: HttpRequest, pk: UUID) -> Statement:
    return pages.own_statement(request.seat.enterprise, pk)  # type: ignore[attr-defined]


@require_GET
@enterprise_member()
def match(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the last comparison and the form for another file."""
    context = pages_match.match_page(request, _own(request, pk), "portal_statement")
    context |= {
        "upload_url": "portal_match_upload",
        "back_url": "portal_statement",
        "list_url": "portal_statements",
    }
    return render(request, "statement/match_page.html", context)


@require_POST
@enterprise_member()
def upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Compare a scheduler file with the statement."""
    found = _own(request, pk)
    chosen = uploads_of(request.FILES.get("file"))
    try:
        run_match(
            found,
            chosen[0] if chosen else Upload("", b""),
            from_bureau=False,
            actor=actor_at(request),
            at=clock.now(),
        )
        messages.success(request, "已核对。有差异的行可以直接提出异议。")
    except Refused as refused:
        pages.told(request, refused)
    return redirect("portal_match", pk=pk)


urlpatterns = [
    path("<uuid:pk>/match/", match, name="portal_match"),
    path("<uuid:pk>/match/upload/", upload, name="portal_match_upload"),
]
