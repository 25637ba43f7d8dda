"""Door for the bureau: the money of a scheme."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages, pages_office
from vouchers.forms import GrantForm
from vouchers.funding import approve_grant, prepare_grant

REFUSED = 409
INVALID = 422


@requires("vouchers.grant_budget", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def budget(request: HttpRequest, pk: str) -> HttpResponse:
    """Show the money of a scheme, tied to the ledger; prepare a grant."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    form, status = GrantForm(), 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.grant_budget")
        form, status = GrantForm(request.POST), INVALID
        if form.is_valid():
            try:
                _prepare(request, found, form)
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "已经办，须由另一人审批后入账。")
                return redirect("office_budget", pk=found.pk)
    context = {
        "programme": found,
        "figures": pages.budget_figures(found),
        "total_fen": pages_office.kind_total_fen(found),
        "waiting": pages_office.waiting_grants(found, actor_of(request, "finance").person),
        "grants": found.grants.order_by("granted_at"),
        **pages_office.budget_movements(found, request.GET.get("before", "")),
        "form": form,
    }
    return render(request, "office/budget.html", context, status=status)


@requires("vouchers.grant_budget")
@require_POST
def grant_approve(request: HttpRequest, pk: str, request_pk: str) -> HttpResponse:
    """Approve a prepared grant as the second person."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    waiting = get_object_or_404(found.grant_requests, pk=request_pk)
    approve_grant(waiting, actor=actor_of(request, "approver"), at=clock.now())
    messages.success(request, "已审批，预算已入账。")
    return redirect("office_budget", pk=found.pk)


def _prepare(request: HttpRequest, found: Any, form: GrantForm) -> None:
    told = form.cleaned_data
    if told["amount"] is None:
        raise Refused("amount_invalid", "请填写下达金额。", field="amount")
    prepare_grant(
        found,
        told["amount"],
        document_no=told["document_no"],
        actor=actor_of(request, "finance"),
        at=clock.now(),
        key=told["key"],
    )


urlpatterns = [
    path("programmes/<uuid:pk>/budget/", budget, name="office_budget"),
    path(
        "programmes/<uuid:pk>/budget/<uuid:request_pk>/approve/",
        grant_approve,
        name="office_grant_approve",
    ),
]
