"""Door: an enterprise's statements, to be confirmed or objected to line by line."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET

from billing import portal_and_console as shared
from billing.portal_and_console import PORTAL
from vouchers.seats import enterprise_member

shown = partial(shared.shown, PORTAL)


@require_GET
@enterprise_member()
def statements(request: HttpRequest) -> HttpResponse:
    """List the enterprise's statements."""
    return shared.listed(PORTAL, request)


@require_GET
@enterprise_member()
def statement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one statement with its whole derivation and the form to answer."""
    return shown(request, PORTAL.statement(request, pk))


urlpatterns = [
    path("", statements, name="portal_statements"),
    path("<uuid:pk>/", statement, name="portal_statement"),
    *shared.answers(PORTAL, shown),
]
