"""Door for the bureau: editions of a programme, and the money of a scheme."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages, pages_office
from vouchers.forms import EditionForm, GrantForm
from vouchers.funding import approve_grant, prepare_grant
from vouchers.programming import load_edition, publish_edition

REFUSED = 409
INVALID = 422


@requires("vouchers.open_programme", "vouchers.view_cases")
@require_http_methods(["GET", "POST"])
def programmes(request: HttpRequest) -> HttpResponse:
    """List the editions; take in an edition file as a draft."""
    form = EditionForm()
    status = 200
    if request.method == "POST":
        pages_office.need(request.user, "vouchers.open_programme")
        form = EditionForm(request.POST, request.FILES)
        status = INVALID
        if form.is_valid():
            try:
                made = load_edition(
                    form.text(), actor=actor_of(request, "reviewer"), at=clock.now()
                )
            except UnicodeDecodeError:
                form.add_error("file", "文件不是 UTF-8 编码的文本，请另存为 UTF-8 后再上传。")
            except Refused as refused:
                form.add_error("file", refused.message)
                status = REFUSED
            else:
                return redirect("office_programme", pk=made.pk)
    context = {"form": form, "programmes": pages_office.all_programmes()}
    return render(request, "office/programme_list.html", context, status=status)


@requires("vouchers.open_programme", "vouchers.view_cases")
@require_GET
def programme(request: HttpRequest, pk: str) -> HttpResponse:
    """Show an edition with all its rules and clauses."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    context = {
        "programme": found,
        "edition": found.edition,
        "rows": pages.programme_rows(found.edition),
        "window_word": pages.WINDOW_WORDS[found.window_state(clock.now())],
    }
    return render(request, "office/programme.html", context)


@requires("vouchers.open_programme")
@require_POST
def programme_publish(request: HttpRequest, pk: str) -> HttpResponse:
    """Publish an edition: its rules are locked from here on."""
    found = get_object_or_404(pages_office.all_programmes(), pk=pk)
    publish_edition(found, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, "方案已发布，规则已锁定。")
    return redirect("office_programme", pk=found.pk)


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
                field = refused.field if refused.field in form.fields else None
                form.add_error(field, refused.message)
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
    path("programmes/", programmes, name="office_programmes"),
    path("programmes/<uuid:pk>/", programme, name="office_programme"),
    path("programmes/<uuid:pk>/publish/", programme_publish, name="office_programme_publish"),
    path("programmes/<uuid:pk>/budget/", budget, name="office_budget"),
    path(
        "programmes/<uuid:pk>/budget/<uuid:request_pk>/approve/",
        grant_approve,
        name="office_grant_approve",
    ),
]
