"""Door: the annual closing of a programme, prepared by one person and approved by another."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import settling
from billing.lookup import newest_close, newest_programme, successors_of, year_ends_of
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
MONEY = "vouchers.grant_budget"
PAY, PREPARE = "billing.release_payment", "billing.prepare_settlement"
CONFLICT = 409


def _programme(slug: str) -> Any:
    found = newest_programme(slug)
    if found is None:
        raise Http404
    return found


@require_GET
@requires(VIEW)
def year_end(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a programme's annual figures, what is still open, and its closings."""
    return _page(request, slug)


def _page(
    request: HttpRequest, slug: str, refusal: Refused | None = None, status: int = 200
) -> HttpResponse:
    programme = _programme(slug)
    context = {
        "programme": programme,
        "figures": settling.annual_figures(programme),
        "open_things": settling.standing_in_year_end(programme, clock.now()),
        "closings": year_ends_of(slug),
        "successors": successors_of(slug),
        "may_act": request.user.has_perm(MONEY),
        "person": actor_of(request, "staff").person,
        "refusal": refusal,
        "close": newest_close(),
        "may_print": request.user.has_perm(PAY) or request.user.has_perm(PREPARE),
    }
    return render(request, "office/year_end.html", context, status=status)


@require_POST
@requires(MONEY)
def prepare(request: HttpRequest, slug: str) -> HttpResponse:
    """Put the closing of a year forward."""
    try:
        settling.prepare_year_end(
            _programme(slug),
            use=request.POST.get("use", ""),
            document_no=request.POST.get("document_no", ""),
            successor=newest_programme(request.POST.get("successor", "")),
            actor=actor_of(request, "finance"),
            at=clock.now(),
        )
    except Refused as refused:
        return _page(request, slug, refused, CONFLICT)
    messages.success(request, "已编制，须由另一人审批。")
    return redirect("office_year_end", slug=slug)


@require_POST
@requires(MONEY)
def approve(request: HttpRequest, slug: str) -> HttpResponse:
    """Approve the closing that was shown."""
    waiting = year_ends_of(slug).filter(approved_at=None).last()
    if waiting is None:
        raise Http404
    try:
        settling.approve_year_end(
            waiting,
            digest=request.POST.get("digest", ""),
            actor=actor_of(request, "approver"),
            at=clock.now(),
        )
    except Refused as refused:
        return _page(request, slug, refused, CONFLICT)
    messages.success(request, "决算已审批，剩余资金已入账。")
    return redirect("office_year_end", slug=slug)


urlpatterns = [
    path("year-end/<slug:slug>/", year_end, name="office_year_end"),
    path("year-end/<slug:slug>/prepare/", prepare, name="office_year_end_prepare"),
    path("year-end/<slug:slug>/approve/", approve, name="office_year_end_approve"),
]
