"""Door for the bureau: what providers file about their sites; confirm it or send it back."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.rights import actor_of, requires
from providers import filing, pages, pages_office
from providers.carrying import carry_out
from vouchers.downloads import attachment_response


@requires("providers.view_providers")
@require_GET
def efficiency(request: HttpRequest) -> HttpResponse:
    """List filings: what waits first, then everything that was filed."""
    found = pages_office.all_efficiency()
    context = {"waiting": found.waiting(), "page_obj": pages.page_of(request, found)}
    return render(request, "office/efficiency.html", context)


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
    actor, now = actor_of(request, "approver"), clock.now()
    carry_out(
        request,
        lambda: filing.confirm_efficiency(found, actor=actor, at=now),
        "能效申报已确认，计入全区指标。",
    )
    return redirect("office_efficiency")


@requires("providers.admit_provider")
@require_POST
def decline(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a filing back with a reason."""
    found = get_object_or_404(pages_office.all_efficiency(), pk=pk)
    actor, now, reason = actor_of(request, "approver"), clock.now(), request.POST.get("reason", "")
    carry_out(
        request,
        lambda: filing.decline_efficiency(found, reason=reason, actor=actor, at=now),
        "已退回，供方会看到理由，可以改正后重新申报。",
    )
    return redirect("office_efficiency")


urlpatterns = [
    path("efficiency/", efficiency, name="office_efficiency"),
    path("efficiency/<uuid:pk>/file/", paper, name="office_efficiency_file"),
    path("efficiency/<uuid:pk>/confirm/", confirm, name="office_efficiency_confirm"),
    path("efficiency/<uuid:pk>/decline/", decline, name="office_efficiency_decline"),
]
