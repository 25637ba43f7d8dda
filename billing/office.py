"""Door: the bureau's desk, and the settlement of a month from cut-off to payment."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import desk, figures, lookup, pages, settling
from billing.forms import (
    ApproveForm,
    CloseForm,
    PaymentForm,
    ReasonForm,
    ResolveForm,
    ReturnForm,
)
from billing.models import MonthClose
from billing.reporting import make_report, report_path
from ledger import clock
from ledger.periods import Month
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
CLOSE = "billing.close_month"
PREPARE = "billing.prepare_settlement"
APPROVE = "billing.approve_settlement"
PAY = "billing.release_payment"
REPORTS = "billing.view_reports"
CONFLICT = 409


def month_named(text: str) -> Month:
    """Return the month in an address, or 404."""
    try:
        return Month.parse(text)
    except ValueError:
        raise Http404 from None


def close_named(text: str) -> MonthClose:
    """Return the settlement of the month in an address, or 404."""
    close = lookup.month_close(month_named(text))
    if close is None:
        raise Http404
    return close


def told(request: HttpRequest, refused: Refused) -> None:
    """Put a refusal on the next page."""
    messages.error(request, refused.message)


@require_GET
@requires(*desk.ANY_RIGHT)
def workbench(request: HttpRequest) -> HttpResponse:
    """Show what waits for whom, each count a link to its list."""
    return render(request, "office/workbench.html", desk.workbench(request.user))


@require_GET
@requires(VIEW)
def months(request: HttpRequest) -> HttpResponse:
    """List the months."""
    return render(request, "office/settlement.html", {"months": pages.months(clock.now())})


@require_GET
@requires(VIEW)
def month_page(request: HttpRequest, month: str) -> HttpResponse:
    """Show a month as a list of tasks."""
    period = month_named(month)
    close = lookup.month_close(period)
    job = pages.close_job(period)
    context = {
        "month": period,
        "close": close,
        "tasks": pages.month_tasks(period, close, clock.now()),
        "job": job,
        "reports": pages.report_rows(lookup.reports_of(period)),
        "moves": lookup.moves_of(close),
        "may_report": request.user.has_perm(PAY) or request.user.has_perm(PREPARE),
    }
    return render(request, "office/month.html", context)


@require_http_methods(["GET", "POST"])
@requires(CLOSE)
def close(request: HttpRequest, month: str) -> HttpResponse:
    """Show what stands in the way of closing a month, and start it."""
    period = month_named(month)
    form = CloseForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            settling.close_month(
                period,
                carry_held=form.cleaned_data["carry_held"],
                actor=actor_of(request, "finance"),
                at=clock.now(),
            )
            return redirect("office_progress", month=month)
        except Refused as refused:
            form.add_error(None, refused.message)
            status = CONFLICT
    context = {
        "month": period,
        "form": form,
        "waiting": settling.standing_in_the_way(period, carry_held=False),
        "job": pages.close_job(period),
    }
    return render(request, "office/month_close.html", context, status=status)


@require_GET
@requires(VIEW)
def progress(request: HttpRequest, month: str) -> HttpResponse:
    """Show how far the closing of a month is; polled while it runs."""
    period = month_named(month)
    job = pages.close_job(period)
    if job is None:
        raise Http404
    context = {"month": period, "job": job, "poll_url": "" if job.is_over else request.path}
    return render(request, "office/month_progress.html", context)


@require_GET
@requires(VIEW)
def statements(request: HttpRequest, month: str) -> HttpResponse:
    """List the statements of a month."""
    found = lookup.statements_of(close_named(month))
    context = {"month": month_named(month), "page_obj": pages.page_of(request, found)}
    return render(request, "office/settlement_statements.html", context)


@require_GET
@requires(VIEW)
def statement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one statement with its whole derivation, and its objections to decide."""
    return _statement_page(request, pk, ResolveForm())


def _statement_page(
    request: HttpRequest, pk: UUID, form: ResolveForm, status: int = 200
) -> HttpResponse:
    found = lookup.statement(pk)
    if found is None:
        raise Http404
    context = {
        **pages.statement_page(found),
        "form": form,
        "may_resolve": request.user.has_perm(APPROVE),
    }
    return render(request, "office/settlement_statement.html", context, status=status)


@require_POST
@requires(APPROVE)
def resolve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Decide an objection."""
    objection = lookup.objection(pk)
    if objection is None:
        raise Http404
    form = ResolveForm(request.POST)
    if form.is_valid():
        try:
            settling.resolve_objection(
                objection,
                uphold=form.cleaned_data["decision"] == "upheld",
                resolution=form.cleaned_data["resolution"],
                actor=actor_of(request, "approver"),
                at=clock.now(),
            )
            messages.success(request, "异议已处理，双方可以看到处理意见。")
            return redirect("office_statement", pk=objection.statement_id)
        except Refused as refused:
            form.add_error(None, refused.message)
    return _statement_page(request, objection.statement_id, form, CONFLICT)


@require_GET
@requires(VIEW)
def approval(request: HttpRequest, month: str) -> HttpResponse:
    """Show the list that is prepared or approved, with its digest."""
    found = close_named(month)
    return _approval_page(request, found, ApproveForm(initial={"digest": found.digest}))


def _approval_page(
    request: HttpRequest, found: MonthClose, form: ApproveForm, status: int = 200
) -> HttpResponse:
    actor = actor_of(request, "approver")
    context = {
        "month": found.period,
        "close": found,
        "statements": lookup.statements_of(found),
        "sums": lookup.sums_of(found),
        "form": form,
        "return_form": ReasonForm(auto_id="return_%s"),
        "is_preparer": pages.same_person(actor, found.prepared_person),
        "may_prepare": request.user.has_perm(PREPARE),
        "may_approve": request.user.has_perm(APPROVE),
    }
    return render(request, "office/settlement_approve.html", context, status=status)


@require_POST
@requires(PREPARE)
def prepare(request: HttpRequest, month: str) -> HttpResponse:
    """Put a month forward for approval."""
    try:
        settling.prepare_settlement(
            close_named(month), actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, "已提请签发，请另一位负责人核对。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_approve", month=month)


@require_POST
@requires(APPROVE)
def approve(request: HttpRequest, month: str) -> HttpResponse:
    """Approve what was shown."""
    found = close_named(month)
    form = ApproveForm(request.POST)
    if form.is_valid():
        try:
            settling.approve_settlement(
                found,
                digest=form.cleaned_data["digest"],
                actor=actor_of(request, "approver"),
                at=clock.now(),
            )
            messages.success(request, f"{found.period.title}结算已签发。")
            return redirect("office_month", month=month)
        except Refused as refused:
            form.add_error(None, refused.message)
    return _approval_page(request, found, form, CONFLICT)


@require_POST
@requires(APPROVE)
def send_back(request: HttpRequest, month: str) -> HttpResponse:
    """Send a prepared month back with the reason."""
    form = ReasonForm(request.POST)
    try:
        settling.return_settlement(
            close_named(month),
            reason=str(form.data.get("reason", "")),
            actor=actor_of(request, "approver"),
            at=clock.now(),
        )
        messages.success(request, "已退回财务。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_approve", month=month)


@require_GET
@requires(VIEW)
def payments(request: HttpRequest, month: str) -> HttpResponse:
    """Show the payment lists of a month and what the bank did."""
    return _payments_page(request, month)


def _payments_page(
    request: HttpRequest, month: str, *, errors: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    found = close_named(month)
    context = {
        "month": found.period,
        "close": found,
        "batches": lookup.batches_of(found),
        "may_pay": request.user.has_perm(PAY),
        "form": (errors or {}).get("form", PaymentForm()),
        "failed_line": (errors or {}).get("line"),
        "return_form": ReturnForm(),
        "today": clock.now(),
    }
    return render(request, "office/payments.html", context, status=status)


@require_POST
@requires(PAY)
def export(request: HttpRequest, month: str) -> HttpResponse:
    """Make the payment list."""
    try:
        batch = settling.export_payment_list(
            close_named(month), actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, f"付款清单 {batch.batch_no} 已生成，可以下载。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_payments", month=month)


@require_GET
@requires(PAY, "billing.approve_settlement")
def payment_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a payment list as it was made."""
    batch = lookup.batch(pk)
    if batch is None:
        raise Http404
    response = HttpResponse(batch.content.encode(), content_type="text/csv; charset=utf-8")
    name = f"{batch.batch_no}-{batch.sha256[:12]}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
@requires(PAY)
def pay(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record that the bank paid."""
    line = lookup.payment_line(pk)
    if line is None:
        raise Http404
    form = PaymentForm(request.POST)
    if form.is_valid():
        try:
            settling.record_payment(
                line,
                bank_reference=form.cleaned_data["bank_reference"],
                paid_on=form.cleaned_data["paid_on"],
                actor=actor_of(request, "finance"),
                at=clock.now(),
            )
            messages.success(request, f"已登记向{line.payee_name}付款。")
            return redirect("office_payments", month=line.batch.close.month)
        except Refused as refused:
            form.add_error(refused.field or None, refused.message)
    errors = {"form": form, "line": line.pk}
    return _payments_page(request, line.batch.close.month, errors=errors, status=CONFLICT)


@require_POST
@requires(PAY)
def bounce(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record that the bank sent a payment back."""
    line = lookup.payment_line(pk)
    if line is None:
        raise Http404
    try:
        settling.record_return(
            line,
            reason=request.POST.get("reason", ""),
            actor=actor_of(request, "finance"),
            at=clock.now(),
        )
        messages.success(request, "已登记退汇；重新导出付款清单后可以再付。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_payments", month=line.batch.close.month)


@require_POST
@requires(PAY, PREPARE)
def finish(request: HttpRequest, month: str) -> HttpResponse:
    """Finish a month that is paid."""
    try:
        settling.finish_month(
            close_named(month), actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, "本月已办结；服务期满的订单已释放剩余占用。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_month", month=month)


@require_POST
@requires(PREPARE, PAY)
def ask_report(request: HttpRequest, month: str) -> HttpResponse:
    """Ask for the bureau's report, or that of one provider."""
    provider = None
    if wanted := request.POST.get("provider", ""):
        provider = lookup.provider(wanted)
        if provider is None:
            raise Http404
    try:
        report = make_report(
            close_named(month), provider, actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, f"报告 {report.report_no} 已安排生成，完成后可以下载。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_reports")


@require_GET
@requires(REPORTS)
def reports(request: HttpRequest) -> HttpResponse:
    """List all reports, and what can be asked for."""
    page = pages.page_of(request, lookup.reports())
    context = {
        "page_obj": page,
        "rows": pages.report_rows(list(page)),
        "closes": lookup.reportable(),
        "may_report": request.user.has_perm(PAY) or request.user.has_perm(PREPARE),
    }
    return render(request, "office/reports.html", context)


@require_GET
@requires(REPORTS)
def report_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a report's PDF."""
    report = lookup.report(pk)
    if report is None or not report.file_name or not report_path(report).exists():
        raise Http404
    response = HttpResponse(report_path(report).read_bytes(), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{report.file_name}"'
    return response


@require_GET
@requires(VIEW, REPORTS)
def funnel(request: HttpRequest) -> HttpResponse:
    """Show where the money of every programme lies, each figure a link to its list."""
    return render(request, "office/figures.html", {"programmes": desk.funnels()})


@require_GET
@requires(VIEW, REPORTS)
def funnel_items(request: HttpRequest, slug: str, detail: str) -> HttpResponse:
    """List the accounts behind one figure; they add up to it."""
    context = desk.funnel_items(slug, detail)
    if context is None:
        raise Http404
    context["page_obj"] = pages.page_of(request, context["items"])
    return render(request, "office/figures_items.html", context)


_MONTH = "settlement/<str:month>/"
urlpatterns = [
    path("", workbench, name="office"),
    path("figures/", funnel, name="office_figures"),
    path("figures/<slug:slug>/<slug:detail>/", funnel_items, name="office_figures_items"),
    path("reports/", reports, name="office_reports"),
    path("reports/<uuid:pk>.pdf", report_file, name="office_report_file"),
    path("settlement/", months, name="office_settlement"),
    path("settlement/statements/<uuid:pk>/", statement, name="office_statement"),
    path("settlement/objections/<uuid:pk>/", resolve, name="office_resolve"),
    path("settlement/lists/<uuid:pk>.csv", payment_file, name="office_payment_file"),
    path("settlement/payments/<uuid:pk>/", pay, name="office_pay"),
    path("settlement/payments/<uuid:pk>/return/", bounce, name="office_bounce"),
    path(_MONTH, month_page, name="office_month"),
    path(_MONTH + "close/", close, name="office_close"),
    path(_MONTH + "progress/", progress, name="office_progress"),
    path(_MONTH + "statements/", statements, name="office_statements"),
    path(_MONTH + "approval/", approval, name="office_approve"),
    path(_MONTH + "prepare/", prepare, name="office_prepare"),
    path(_MONTH + "approve/", approve, name="office_approve_now"),
    path(_MONTH + "return/", send_back, name="office_send_back"),
    path(_MONTH + "payments/", payments, name="office_payments"),
    path(_MONTH + "export/", export, name="office_export"),
    path(_MONTH + "finish/", finish, name="office_finish"),
    path(_MONTH + "report/", ask_report, name="office_ask_report"),
]
