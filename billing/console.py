"""Door: a provider's statements and reports, to be confirmed or objected to line by line."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from billing import lookup, pages
from billing.forms import ObjectionForm
from billing.models import Statement
from billing.settling import confirm_statement, object_statement
from ledger import clock
from ledger.refusals import Refused
from providers.seats import actor_at, provider_member

SIDE = "provider"
CONFLICT = 409


def _own(request: HttpRequest, pk: UUID) -> Statement:
    """Return one of the provider's own statements, or 404."""
    own = lookup.full_statements(request.seat.provider.statements.all())  # type: ignore[attr-defined]
    found: Statement | None = own.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


@require_GET
@provider_member()
def statements(request: HttpRequest) -> HttpResponse:
    """List the provider's statements."""
    own = request.seat.provider.statements.all()  # type: ignore[attr-defined]
    waiting = own.waiting_for(SIDE).count()
    context = {
        "page_obj": pages.page_of(request, own.put_out().with_parties().newest_first()),
        "waiting": f"有 {waiting} 份对账单等待贵方确认。" if waiting else "",
        "reports": lookup.provider_reports(request.seat.provider),  # type: ignore[attr-defined]
    }
    return render(request, "console/statements.html", context)


@require_GET
@provider_member()
def statement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one statement with its whole derivation and the form to answer."""
    found = _own(request, pk)
    return _page(request, found, ObjectionForm(statement=found))


def _page(
    request: HttpRequest, found: Statement, form: ObjectionForm, status: int = 200
) -> HttpResponse:
    context = {
        **pages.statement_page(found),
        "form": form,
        "may_answer": pages.may_answer(found, SIDE),
        "may_resolve": False,
        "confirm_url": reverse("console_statement_confirm", args=[found.pk]),
        "object_url": reverse("console_statement_object", args=[found.pk]),
    }
    return render(request, "console/statement.html", context, status=status)


@require_POST
@provider_member()
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say yes for the provider."""
    found = _own(request, pk)
    try:
        confirm_statement(
            found,
            side=SIDE,
            digest=request.POST.get("digest", ""),
            actor=actor_at(request),
            at=clock.now(),
        )
        messages.success(request, "已确认。")
    except Refused as refused:
        pages.told(request, refused)
    return redirect("console_statement", pk=pk)


@require_POST
@provider_member()
def dispute(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Object to a line for the provider."""
    found = _own(request, pk)
    form = ObjectionForm(request.POST, statement=found)
    if form.is_valid():
        try:
            object_statement(
                found,
                side=SIDE,
                ordinal=int(form.cleaned_data["ordinal"]),
                reason=form.cleaned_data["reason"],
                actor=actor_at(request),
                at=clock.now(),
            )
            messages.success(request, "异议已提交，数据局处理后会在这里答复。")
            return redirect("console_statement", pk=pk)
        except Refused as refused:
            form.add_error(refused.field or None, refused.message)
    return _page(request, found, form, CONFLICT)


@require_GET
@provider_member()
def report_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the PDF of one of the provider's own reports."""
    seat = request.seat  # type: ignore[attr-defined]
    report = lookup.report(pk)
    if report is None or report.provider_id != seat.provider_id or not report.file_name:
        raise Http404
    return pages.pdf_response(report)


urlpatterns = [
    path("reports/<uuid:pk>.pdf", report_file, name="console_report_file"),
    path("", statements, name="console_statements"),
    path("<uuid:pk>/", statement, name="console_statement"),
    path("<uuid:pk>/confirm/", confirm, name="console_statement_confirm"),
    path("<uuid:pk>/object/", dispute, name="console_statement_object"),
]
