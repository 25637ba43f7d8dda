"""Door: the bureau's desk, the months and their statements, reports and figures."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import desk, files, lookup, pages, pages_answers, pages_month, settling
from billing.anomalies import CARRIES, anomalies
from billing.forms import CloseForm, ResolveForm
from billing.pages import close_named, month_named
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
CLOSE = "billing.close_month"
PREPARE = "billing.prepare_settlement"
APPROVE = "billing.approve_settlement"
PAY = "billing.release_payment"
REPORTS = "billing.view_reports"
CONFLICT = 409


@require_GET
@requires(*desk.ANY_RIGHT)
def workbench(request: HttpRequest) -> HttpResponse:
    """Show what waits for whom, each count a link to its list."""
    return render(request, "office/workbench.html", desk.workbench(request.user, clock.now()))


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
    context = {
        "month": period,
        "close": close,
        "tasks": pages_month.month_tasks(period, close, clock.now()),
        "reports": pages.report_rows(lookup.reports_of(period)),
        "moves": lookup.moves_of(close),
        "may_report": request.user.has_perm(PAY) or request.user.has_perm(PREPARE),
        "files": files.links(close, None, "office_month_file") if close else [],
    }
    return render(request, "office/month.html", context)


@require_http_methods(["GET", "POST"])
@requires(CLOSE)
def close(request: HttpRequest, month: str) -> HttpResponse:
    """Show what stands in the way of closing a month, and start it."""
    period = month_named(month)
    form = CloseForm(request.POST if request.method == "POST" else None)
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
    groups = anomalies(period, at=clock.now())
    context = {
        "month": period,
        "form": form,
        "groups": groups,
        "stopping": sum(each.count for each in groups if each.stops),
        "carried": sum(each.count for each in groups if each.rule == CARRIES),
        "job": pages_month.close_job(period),
    }
    return render(request, "office/month_close.html", context, status=status)


@require_GET
@requires(VIEW)
def progress(request: HttpRequest, month: str) -> HttpResponse:
    """Show how far the closing of a month is; polled while it runs."""
    period = month_named(month)
    job = pages_month.close_job(period)
    if job is None:
        raise Http404
    close = lookup.month_close(period)
    context = {
        **pages_month.run_page(job, clock.now()),
        "month": period,
        "close": close,
        "news": pages_month.news_of(close),
        "undone": pages_month.undone_text(close),
        "may_close": request.user.has_perm(CLOSE),
        "poll_url": "" if job.is_over else request.path,
    }
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
        **pages_answers.answers(found, clock.now()),
        "file_url": "office_statement_file",
        "match_url": reverse("office_match", args=[found.pk]),
        "form": form,
        "may_resolve": request.user.has_perm(APPROVE),
        "papers": lookup.papers_of(found),
        "paper_url": reverse("office_ask_report", args=[found.month])
        if request.user.has_perm(PAY) or request.user.has_perm(PREPARE)
        else "",
        "paper_file": "office_report_file",
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
    path("settlement/", months, name="office_settlement"),
    path("settlement/statements/<uuid:pk>/", statement, name="office_statement"),
    path("settlement/objections/<uuid:pk>/", resolve, name="office_resolve"),
    path(_MONTH, month_page, name="office_month"),
    path(_MONTH + "close/", close, name="office_close"),
    path(_MONTH + "progress/", progress, name="office_progress"),
    path(_MONTH + "statements/", statements, name="office_statements"),
]
