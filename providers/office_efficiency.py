"""Door for the bureau: what providers file about their sites, and what the grid gives off."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from providers import filing, grid, pages, pages_office
from providers.carrying import decide, reason_told
from providers.forms_efficiency import GridFactorForm
from vouchers.downloads import attachment_response

INVALID = 422


@requires("providers.view_providers")
@require_GET
def efficiency(request: HttpRequest) -> HttpResponse:
    """List filings: what waits first, then everything that was filed; and the grid's factors."""
    return _page(request, GridFactorForm())


def _page(request: HttpRequest, form: GridFactorForm, status: int = 200) -> HttpResponse:
    found = pages_office.all_efficiency()
    context = {
        "waiting": found.waiting(),
        "page_obj": pages.page_of(request, found),
        "factors": pages_office.all_grid_factors(),
        "form": form,
    }
    return render(request, "office/efficiency.html", context, status=status)


@requires("providers.view_providers")
@require_GET
def paper(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the paper of a filing."""
    return attachment_response(request, get_object_or_404(pages_office.all_efficiency(), pk=pk))


@requires("providers.admit_provider")
@require_POST
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirm a filing."""
    found = get_object_or_404(pages_office.all_efficiency(), pk=pk)
    decide(request, "approver", filing.confirm_efficiency, "能效申报已确认，计入全区指标。", found)
    return redirect("office_efficiency")


@requires("providers.admit_provider")
@require_POST
def decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a filing back with a reason."""
    found = get_object_or_404(pages_office.all_efficiency(), pk=pk)
    decide(
        request,
        "approver",
        filing.decline_efficiency,
        "已退回，供方会看到理由，可以改正后重新申报。",
        found,
        reason=reason_told(request),
    )
    return redirect("office_efficiency")


@requires("providers.propose_rate")
@require_POST
def grid_propose(request: HttpRequest) -> HttpResponse:
    """Propose the factor of a year."""
    form = GridFactorForm(request.POST)
    if not form.is_valid():
        return _page(request, form, INVALID)
    said = form.cleaned_data
    actor, now = actor_of(request, "reviewer"), clock.now()
    try:
        grid.propose_grid_factor(
            said["year"], form.mg_per_kwh(), said["source"], actor=actor, at=now
        )
    except Refused as refused:
        refused.put_on(form)
        return _page(request, form, INVALID)
    messages.success(request, "排放因子已提出，须由另一人批准后计入碳效。")
    return redirect("office_efficiency")


@requires("providers.approve_rate")
@require_POST
def grid_approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve a factor that another person proposed."""
    found = get_object_or_404(pages_office.all_grid_factors(), pk=pk)
    decide(
        request, "approver", grid.approve_grid_factor, "排放因子已批准，计入该年度的碳效。", found
    )
    return redirect("office_efficiency")


@requires("providers.approve_rate")
@require_POST
def grid_decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Turn a proposed factor down."""
    found = get_object_or_404(pages_office.all_grid_factors(), pk=pk)
    decide(
        request,
        "approver",
        grid.decline_grid_factor,
        "已退回，可以改正后重新提出。",
        found,
        reason=reason_told(request),
    )
    return redirect("office_efficiency")


urlpatterns = [
    path("efficiency/", efficiency, name="office_efficiency"),
    path("efficiency/grid/", grid_propose, name="office_grid_propose"),
    path("efficiency/grid/<uuid:pk>/approve/", grid_approve, name="office_grid_approve"),
    path("efficiency/grid/<uuid:pk>/decline/", grid_decline, name="office_grid_decline"),
    path("efficiency/<uuid:pk>/file/", paper, name="office_efficiency_file"),
    path("efficiency/<uuid:pk>/confirm/", confirm, name="office_efficiency_confirm"),
    path("efficiency/<uuid:pk>/decline/", decline, name="office_efficiency_decline"),
]
