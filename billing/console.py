"""Door: a provider's statements, to be confirmed or objected to line by line."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from billing import portal_and_console as shared
from billing.forms_answers import ObjectionForm, TotalForm
from billing.models import Statement
from billing.portal_and_console import CONFLICT, CONSOLE
from billing.reconciling import record_total
from ledger import clock
from ledger.refusals import Refused
from providers.seats import actor_at, provider_member


@require_GET
@provider_member()
def statements(request: HttpRequest) -> HttpResponse:
    """List the provider's statements."""
    return shared.listed(CONSOLE, request)


@require_GET
@provider_member()
def statement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one statement with its whole derivation and the form to answer."""
    return _shown(request, CONSOLE.statement(request, pk))


def _shown(
    request: HttpRequest,
    found: Statement,
    form: ObjectionForm | None = None,
    status: int = 200,
    total: TotalForm | None = None,
) -> HttpResponse:
    """Show a statement as to both sides, with the form for the provider's own total."""
    more = {
        "total_url": reverse("console_statement_total", args=[found.pk]),
        "total_form": total or TotalForm(),
    }
    return shared.shown(CONSOLE, request, found, form, status, **more)


@require_POST
@provider_member()
def total(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep what the provider's own books say of a statement."""
    found = CONSOLE.statement(request, pk)
    form = TotalForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            record_total(
                found,
                int(said["gross"] * 100),
                said["card_hours"],
                said["note"],
                actor=actor_at(request),
                at=clock.now(),
            )
            messages.success(request, "已登记，差额显示在“自算合计”处。")
            return redirect("console_statement", pk=pk)
        except Refused as refused:
            form.add_error(None, refused.message)
    return _shown(request, found, None, CONFLICT, total=form)


urlpatterns = [
    path("", statements, name="console_statements"),
    path("<uuid:pk>/", statement, name="console_statement"),
    *shared.answers(CONSOLE, _shown),
    path("<uuid:pk>/total/", total, name="console_statement_total"),
]
