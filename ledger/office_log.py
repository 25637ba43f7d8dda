"""Door: the bureau's auditors check the whole chain of the log."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock, exploring, inspections
from ledger.audit import latest_checkpoint, unsealed
from ledger.identifiers import new_id
from ledger.rights import actor_of, requires

INSPECT = "ledger.inspect_log"


@require_GET
@requires(INSPECT)
def log(request: HttpRequest) -> HttpResponse:
    """Show the state of the log and the last checks, with the button for another."""
    context = {
        "checkpoint": latest_checkpoint(),
        "health": exploring.health([]),
        "unsealed": unsealed(),
        "inspections": inspections.inspections(),
        "key": new_id(),
    }
    return render(request, "office/log.html", context)


@require_POST
@requires(INSPECT)
def inspect(request: HttpRequest) -> HttpResponse:
    """Ask for a check of the whole chain."""
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        key = new_id()
    actor = actor_of(request, "auditor")
    asked = inspections.ask_for_inspection(key, actor=actor, at=clock.now())
    return redirect("office_log_inspection", pk=asked.pk)


@require_GET
@requires(INSPECT)
def inspection(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far a check is, or what it found; polled while it runs."""
    job = inspections.inspection(pk)
    if job is None:
        raise Http404
    context = {"job": job, "poll_url": "" if job.is_over else request.path}
    return render(request, "office/log_inspection.html", context)


urlpatterns = [
    path("", log, name="office_log"),
    path("inspect/", inspect, name="office_log_inspect"),
    path("inspections/<uuid:pk>/", inspection, name="office_log_inspection"),
]
