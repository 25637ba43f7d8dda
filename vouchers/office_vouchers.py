"""Door for the bureau: vouchers, freezing them, and what takes two people."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages, pages_money
from vouchers.certificates import certificate
from vouchers.freezing import freeze_voucher
from vouchers.models import Voucher, VoucherRequest
from vouchers.requesting import decide_request, request_change

REFUSED = 409
PAGE = 30


@requires("vouchers.view_cases", "vouchers.issue_voucher", "vouchers.grant_budget")
@require_GET
def vouchers(request: HttpRequest) -> HttpResponse:
    """List vouchers by state and search; what waits for a second person stands on top."""
    state = request.GET.get("state", "")
    asked = request.GET.get("q", "").strip()[:100]
    page = Paginator(pages_money.vouchers_of(state, asked), PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "lines": pages_money.voucher_lines(list(page)),
        "states": pages_money.STATES,
        "state": state,
        "q": asked,
        "requests": pages_money.waiting_requests(),
    }
    return render(request, "office/vouchers.html", context)


@requires("vouchers.view_cases", "vouchers.issue_voucher", "vouchers.grant_budget")
@require_GET
def voucher(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one voucher and what may be done with it."""
    return _page(request, _found(pk))


@requires("vouchers.view_cases", "vouchers.issue_voucher", "vouchers.grant_budget")
@require_GET
def voucher_certificate(_request: HttpRequest, pk: str) -> HttpResponse:
    """Give the certificate as PDF."""
    found = _found(pk)
    response = HttpResponse(certificate(found, clock.now()), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{found.voucher_no}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@requires("vouchers.review_application", "vouchers.issue_voucher")
@require_POST
def freeze(request: HttpRequest, pk: str) -> HttpResponse:
    """Freeze a voucher at once."""
    found = _found(pk)
    actor = actor_of(request, "reviewer")
    try:
        freeze_voucher(found, reason=_reason(request), actor=actor, at=clock.now())
    except Refused as refused:
        return _page(request, found, refused.message)
    messages.success(request, f"已冻结 {found.voucher_no}。解冻须由两人办理。")
    return redirect("office_voucher", pk=found.pk)


@requires("vouchers.review_application", "vouchers.issue_voucher")
@require_POST
def ask(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask another person to unfreeze or revoke."""
    found = _found(pk)
    kind = request.POST.get("kind", "")
    if kind not in VoucherRequest.Kind.values:
        return _page(request, found, "请选择解冻或撤销。")
    actor = actor_of(request, "reviewer")
    try:
        request_change(found, kind, reason=_reason(request), actor=actor, at=clock.now())
    except Refused as refused:
        return _page(request, found, refused.message)
    messages.success(request, "已提请，须由另一人审批。")
    return redirect("office_voucher", pk=found.pk)


@requires("vouchers.issue_voucher")
@require_POST
def decide(request: HttpRequest, pk: str, request_pk: str) -> HttpResponse:
    """Decide as the second person."""
    found = _found(pk)
    waiting = get_object_or_404(found.requests, pk=request_pk)
    agree = request.POST.get("agree") == "yes"
    actor = actor_of(request, "approver")
    try:
        decide_request(waiting, agree=agree, actor=actor, at=clock.now())
    except Refused as refused:
        return _page(request, found, refused.message)
    messages.success(request, "已审批并办理。" if agree else "已退回，没有改变算力券。")
    return redirect("office_voucher", pk=found.pk)


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:500]


def _found(pk: str) -> Voucher:
    found: Voucher = get_object_or_404(pages_money.vouchers_of("", ""), pk=pk)
    return found


def _page(request: HttpRequest, found: Voucher, problem: str = "") -> HttpResponse:
    person = actor_of(request, "reviewer").person
    context = pages_money.voucher_page(found, person) | {
        **pages.movement_lines(found, request.GET.get("before", "")),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
        "may_ask": request.user.has_perm("vouchers.review_application")
        or request.user.has_perm("vouchers.issue_voucher"),
    }
    status = REFUSED if problem else 200
    return render(request, "office/voucher.html", context, status=status)


urlpatterns = [
    path("vouchers/", vouchers, name="office_vouchers"),
    path("vouchers/<uuid:pk>/", voucher, name="office_voucher"),
    path(
        "vouchers/<uuid:pk>/certificate.pdf",
        voucher_certificate,
        name="office_voucher_certificate",
    ),
    path("vouchers/<uuid:pk>/freeze/", freeze, name="office_voucher_freeze"),
    path("vouchers/<uuid:pk>/ask/", ask, name="office_voucher_ask"),
    path(
        "vouchers/<uuid:pk>/requests/<uuid:request_pk>/",
        decide,
        name="office_voucher_decide",
    ),
]
