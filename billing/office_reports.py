"""Door: documents of a month on the bureau's side, and a month as files."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import files, lookup, pages
from billing.pages import close_named, told
from billing.reporting import make_report
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
PREPARE = "billing.prepare_settlement"
PAY = "billing.release_payment"
REPORTS = "billing.view_reports"


@require_POST
@requires(PREPARE, PAY)
def ask_report(request: HttpRequest, month: str) -> HttpResponse:
    """Ask for a document of a month: ``kind`` says which, ``subject`` about whom or what."""
    close = close_named(month)
    kind = request.POST.get("kind") or "bureau"
    found, subject = lookup.report_subject(close, kind, request.POST.get("subject", ""))
    if not found:
        raise Http404
    try:
        report = make_report(
            close, subject, kind=kind, actor=actor_of(request, "finance"), at=clock.now()
        )
        messages.success(request, f"{report.report_no} 已安排生成，完成后可以下载。")
    except Refused as refused:
        told(request, refused)
    return _beside(kind, subject, month)


def _beside(kind: str, subject: Any, month: str) -> HttpResponse:
    """Return to the page on which the document will stand."""
    if kind in ("statement", "certificate"):
        return redirect("office_statement", pk=subject.pk)
    if kind == "note":
        return redirect("office_statement", pk=subject.statement_id)
    if kind == "annual":
        return redirect("office_year_end", slug=subject.programme.slug)
    if kind == "payments":
        return redirect("office_payments", month=month)
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
def report_file(_request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a document's PDF."""
    report = lookup.report(pk)
    if report is None or not report.file_name:
        raise Http404
    return pages.pdf_response(report)


@require_GET
@requires(VIEW)
def month_file(_request: HttpRequest, month: str, table: str, form: str) -> HttpResponse:
    """Give a month as a file."""
    return files.response(close_named(month), table, form, None, clock.now())


@require_POST
@requires(PREPARE, PAY)
def ask_month_file(request: HttpRequest, month: str) -> HttpResponse:
    """Ask for a file that is too large to be written while somebody waits."""
    files.ask(request, close_named(month), None, actor_of(request, "finance"), clock.now())
    return redirect("office_month", month=month)


_MONTH = "settlement/<str:month>/"
urlpatterns = [
    path("reports/", reports, name="office_reports"),
    path("reports/<uuid:pk>.pdf", report_file, name="office_report_file"),
    path(_MONTH + "report/", ask_report, name="office_ask_report"),
    path(_MONTH + "files/", ask_month_file, name="office_ask_month_file"),
    path(_MONTH + "files/<slug:table>.<slug:form>", month_file, name="office_month_file"),
]
