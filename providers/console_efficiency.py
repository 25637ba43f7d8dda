"""Door: a provider files what its site is like in a month, and sees what became of it."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_http_methods

from ledger import clock
from ledger.refusals import Refused
from providers import filing
from providers.forms_efficiency import EfficiencyForm
from providers.models import Provider
from providers.seats import actor_at, provider_member
from vouchers.downloads import attachment_response

ENGINEERS = ("provider_admin", "provider_engineer")
CONFLICT, INVALID = 409, 422
#: Where a refusal of the act is shown on the form.
FIELDS = {"pue_milli": "pue", "green_bp": "green", "latency_us": "latency"}


def _provider(request: HttpRequest) -> Provider:
    provider: Provider = request.seat.provider  # type: ignore[attr-defined]
    return provider


@require_http_methods(["GET", "POST"])
@provider_member()
def efficiency(request: HttpRequest) -> HttpResponse:
    """List what was filed, month by month; file another month or a correction."""
    provider, status = _provider(request), 200
    form = EfficiencyForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        if str(request.seat.role) not in ENGINEERS:  # type: ignore[attr-defined]
            raise PermissionDenied
        status = INVALID
        if form.is_valid():
            try:
                filing.file_efficiency(
                    provider,
                    form.cleaned_data["month"],
                    form.said(),
                    form.upload(),
                    note=form.cleaned_data["note"],
                    actor=actor_at(request),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form, **FIELDS)
                status = CONFLICT
            else:
                messages.success(request, "已申报，等待区数据局确认；确认后计入全区指标。")
                return redirect("console_efficiency")
    context = {"filings": provider.efficiency_filings.all(), "form": form}
    return render(request, "console/efficiency.html", context, status=status)


@require_GET
@provider_member()
def paper(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a filing's own paper."""
    found = _provider(request).efficiency_filings.filter(pk=pk).first()
    if found is None:
        raise Http404
    return attachment_response(request, found)


urlpatterns = [
    path("efficiency/", efficiency, name="console_efficiency"),
    path("efficiency/<uuid:pk>/file/", paper, name="console_efficiency_file"),
]
