"""Door: follow an amount to the bytes it rests on, for the bureau and the auditor."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET

from billing.pages_trace import trace_data, trace_page
from billing.trace import Scope
from ledger.rights import requires


def _scope(_request: HttpRequest) -> Scope:
    return Scope()


@require_GET
@requires("billing.view_settlement")
def page(request: HttpRequest) -> HttpResponse:
    """Show the chain of a reference."""
    names = {"page": "office_trace", "data": "office_trace_data"}
    return trace_page(request, _scope(request), **names)


@require_GET
@requires("billing.view_settlement")
def data(request: HttpRequest) -> HttpResponse:
    """Give the chain as JSON."""
    return trace_data(request, _scope(request))


urlpatterns = [
    path("", page, name="office_trace"),
    path("data.json", data, name="office_trace_data"),
]
