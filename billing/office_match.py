"""Door for the bureau: three-way match, random inspection, redemption certificates."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import lookup, pages, pages_match
from billing.certifying import certificate_data
from billing.forms_answers import uploads_of
from billing.inspecting import (
    commit_inspection,
    draw_inspection,
    inspection_data,
    record_finding,
)
from billing.models import InspectionResult, Statement
from billing.pages import month_named
from billing.reconciling import run_match
from billing.settling.closing import month_of_text
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers.evidence import Upload

VIEW = "billing.view_settlement"
PREPARE = "billing.prepare_settlement"
APPROVE = "billing.approve_settlement"


def _statement(pk: UUID) -> Statement:
    found = lookup.statement(pk)
    if found is None:
        raise Http404
    return found


@require_GET
@requires(VIEW)
def match(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the last comparison, and the form for another file."""
    may = request.user.has_perm(PREPARE) or request.user.has_perm(APPROVE)
    context = pages_match.match_page(request, _statement(pk))
    context |= {
        "upload_url": "office_match_upload" if may else "", "back_url": "office_statement",
    }  # fmt: skip
    return render(request, "office/match.html", context)


@require_POST
@requires(PREPARE, APPROVE)
def upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Compare a scheduler file with the statement, for the bureau."""
    found = _statement(pk)
    chosen = uploads_of(request.FILES.get("file"))
    try:
        run_match(
            found,
            chosen[0] if chosen else Upload("", b""),
            from_bureau=True,
            actor=actor_of(request, "finance"),
            at=clock.now(),
        )
        messages.success(request, "已核对。")
    except Refused as refused:
        pages.told(request, refused)
    return redirect("office_match", pk=pk)


@require_GET
@requires(VIEW)
def inspection(request: HttpRequest, month: str) -> HttpResponse:
    """Show a month's random inspection: commitment, draw, what was found."""
    period = month_named(month)
    close = lookup.month_close(period)
    known = lookup.inspection_of(month)
    items = known.items.select_related("statement") if known else []
    data = inspection_data(close) if close else None
    context = {
        "month": period,
        "close": close,
        "data": data,
        "items": list(zip(items, data["items"], strict=True)) if data else [],
        "findings": InspectionResult.Finding.choices,
        "may_draw": request.user.has_perm(APPROVE),
        "may_find": request.user.has_perm(PREPARE) or request.user.has_perm(APPROVE),
    }
    return render(request, "office/inspection.html", context)


@require_POST
@requires(APPROVE)
def inspection_draw(request: HttpRequest, month: str) -> HttpResponse:
    """Commit to a seed before the statements are out; draw once they are."""
    close = month_of_text(str(month_named(month)))
    actor, at = actor_of(request, "approver"), clock.now()
    known = lookup.inspection_of(month)
    try:
        if known is None:
            commit_inspection(close, actor=actor, at=at)
            messages.success(request, "种子摘要已写入日志，对账单出具后可以抽取。")
        else:
            draw_inspection(known, actor=actor, at=at)
            messages.success(request, "已抽取，种子已公布。")
    except Refused as refused:
        pages.told(request, refused)
    return redirect("office_inspection", month=month)


@require_POST
@requires(PREPARE, APPROVE)
def inspection_found(request: HttpRequest, month: str, item_pk: UUID) -> HttpResponse:
    """Keep what was found about a chosen statement."""
    known = lookup.inspection_of(month)
    chosen = known.items.filter(pk=item_pk).first() if known else None
    if chosen is None:
        raise Http404
    try:
        record_finding(
            chosen,
            request.POST.get("finding", ""),
            request.POST.get("text", ""),
            actor=actor_of(request, "finance"),
            at=clock.now(),
        )
        messages.success(request, "核查结果已登记。")
    except Refused as refused:
        pages.told(request, refused)
    return redirect("office_inspection", month=month)


@require_GET
@requires(VIEW)
def certificate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what the redemption certificate of a statement says."""
    found = _statement(pk)
    data = certificate_data(found)
    if data is None:
        raise Http404
    return render(request, "office/certificate.html", {"c": data, "statement": found})


_ONE = "settlement/statements/<uuid:pk>/"
_MONTH = "settlement/<str:month>/inspection/"
urlpatterns = [
    path(_ONE + "match/", match, name="office_match"),
    path(_ONE + "match/upload/", upload, name="office_match_upload"),
    path(_ONE + "certificate/", certificate, name="office_certificate"),
    path(_MONTH, inspection, name="office_inspection"),
    path(_MONTH + "draw/", inspection_draw, name="office_inspection_draw"),
    path(_MONTH + "<uuid:item_pk>/found/", inspection_found, name="office_inspection_found"),
]
