"""Door for the bureau: issue vouchers, one by one or in batches of two people."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.identifiers import new_id
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_money, pages_office
from vouchers.batch_issuing import drop_batch, issue_batch, prepare_batch
from vouchers.issuing import issue_voucher
from vouchers.models import IssueBatch

REFUSED = 409


@requires("vouchers.issue_voucher", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def issue(request: HttpRequest) -> HttpResponse:
    """List what waits for its voucher; put a batch together, or issue a single one."""
    problem, status = "", 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.issue_voucher")
        try:
            if "application" in request.POST:
                return _single(request)
            made = prepare_batch(
                pages_money.chosen_cases(request.POST.getlist("applications")),
                actor=actor_of(request, "approver"),
                at=clock.now(),
                key=pages_office.uuid_or_none(request.POST.get("key")),
            )
        except Refused as refused:
            problem, status = refused.message, REFUSED
        else:
            messages.success(request, f"已编制发券批次 {made.batch_no}，须由另一人发券。")
            return redirect("office_issue_batch", pk=made.pk)
    context = {
        "lines": pages_money.issue_lines(),
        "batches": pages_money.batches(),
        "recent": pages_office.recent_vouchers(),
        "problem": problem,
        "key": new_id(),
    }
    return render(request, "office/issue.html", context, status=status)


@requires("vouchers.issue_voucher", "vouchers.view_cases")
@require_GET
def batch(request: HttpRequest, pk: str) -> HttpResponse:
    """Show a batch: budget before and after, or what became of it, fit to print."""
    return _batch_page(request, get_object_or_404(pages_money.all_batches(), pk=pk))


@requires("vouchers.issue_voucher")
@require_POST
def batch_issue(request: HttpRequest, pk: str) -> HttpResponse:
    """Issue a batch as the second person."""
    found = get_object_or_404(pages_money.all_batches(), pk=pk)
    try:
        issue_batch(found, actor=actor_of(request, "approver"), at=clock.now())
    except Refused as refused:
        return _batch_page(request, found, refused.message)
    messages.success(request, f"批次 {found.batch_no} 已发券，结果见下表。")
    return redirect("office_issue_batch", pk=found.pk)


@requires("vouchers.issue_voucher")
@require_POST
def batch_drop(request: HttpRequest, pk: str) -> HttpResponse:
    """Drop a batch that was not issued."""
    found = get_object_or_404(pages_money.all_batches(), pk=pk)
    try:
        drop_batch(found, actor=actor_of(request, "approver"), at=clock.now())
    except Refused as refused:
        return _batch_page(request, found, refused.message)
    messages.success(request, f"批次 {found.batch_no} 已作废，名单可以重新编制。")
    return redirect("office_issue")


def _single(request: HttpRequest) -> HttpResponse:
    found = get_object_or_404(
        pages_office.approved(), pk=pages_office.uuid_or_none(request.POST.get("application"))
    )
    key = pages_office.uuid_or_none(request.POST.get("key"))
    made = issue_voucher(found, actor=actor_of(request, "approver"), at=clock.now(), key=key)
    messages.success(request, f"已发券 {made.voucher_no}。")
    return redirect("office_issue")


def _batch_page(request: HttpRequest, found: IssueBatch, problem: str = "") -> HttpResponse:
    person = actor_of(request, "approver").person
    context = pages_money.batch_page(found) | {
        "problem": problem,
        "waits": not found.issued_at and not found.dropped_at,
        "may_issue": person != found.prepared_person,
    }
    status = REFUSED if problem else 200
    return render(request, "office/issue_batch.html", context, status=status)


urlpatterns = [
    path("issue/", issue, name="office_issue"),
    path("issue/<uuid:pk>/", batch, name="office_issue_batch"),
    path("issue/<uuid:pk>/issue/", batch_issue, name="office_issue_batch_issue"),
    path("issue/<uuid:pk>/drop/", batch_drop, name="office_issue_batch_drop"),
]
