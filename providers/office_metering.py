"""Door for the bureau: every provider's batches, what is held and why, conflicts."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from providers import declaring, metering, pages, pages_office
from providers.forms import ResolutionForm
from providers.receipts import results_page

READERS = ("providers.view_providers", "providers.confirm_key")
ROWS_SHOWN = 100


@requires(*READERS)
@require_GET
def batches(request: HttpRequest) -> HttpResponse:
    """List every batch that counts."""
    page = pages.page_of(request, pages_office.all_batches())
    context = {"page_obj": page, "colours": pages.BATCH_COLOURS}
    return render(request, "office/provider_batches.html", context)


@requires(*READERS)
@require_GET
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one batch with its rows."""
    found = get_object_or_404(pages_office.all_batches(), pk=pk)
    status = request.GET.get("status", "")
    status = status if status in dict(pages.OUTCOMES) else ""
    rows, _ = results_page(found, status=status, limit=ROWS_SHOWN)
    context = {
        "batch": found,
        "colour": pages.BATCH_COLOURS[found.status],
        "rows": pages.batch_rows(found),
        "counts": pages.counts_of(found),
        "results": pages.result_lines(found, rows),
        "outcome": status,
    }
    return render(request, "office/provider_batch.html", context)


@requires(*READERS)
@require_GET
def held(request: HttpRequest) -> HttpResponse:
    """Show what is held everywhere, what it waits for, and open conflicts."""
    context = {
        "lines": pages_office.held_lines(),
        "conflicts": pages_office.open_conflicts(),
        "form": ResolutionForm(),
    }
    return render(request, "office/provider_held.html", context)


@requires("providers.confirm_key")
@require_POST
def release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Judge a provider's held records again; suspected repeats need two people (the desk)."""
    found = get_object_or_404(pages_office.all_providers(), pk=pk)
    actor = actor_of(request, "approver")
    count = metering.release_held(found, actor=actor, at=clock.now())
    messages.success(request, f"已重新判断，{count} 条记录入账。")
    return redirect("office_held")


@requires("providers.confirm_key")
@require_POST
def conflict_resolve(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a conflict: what is stored stands."""
    found = get_object_or_404(pages_office.open_conflicts(), pk=pk)
    try:
        declaring.resolve_conflict(
            found,
            resolution=request.POST.get("resolution", ""),
            actor=actor_of(request, "approver"),
            at=clock.now(),
        )
        messages.success(request, "冲突已处理，已入账内容不变。")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("office_held")


urlpatterns = [
    path("batches/", batches, name="office_batches"),
    path("batches/<uuid:pk>/", batch, name="office_batch"),
    path("held/", held, name="office_held"),
    path("<uuid:pk>/release/", release, name="office_release"),
    path("conflicts/<int:pk>/resolve/", conflict_resolve, name="office_conflict_resolve"),
]
