"""Door for the bureau: many cases at once - tick, look, press, watch, read what came of it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_bulk, pages_queue
from vouchers.assigning import reviewers
from vouchers.batching import DEEDS, Choice, freeze_batch, start_batch
from vouchers.forms_queue import asked_of

TOO_MANY = 400
ANY_RIGHT = tuple(sorted({each.right for each in DEEDS.values()}))


@requires(*ANY_RIGHT)
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Freeze what was ticked, or all that the filters find, and show it."""
    deed = DEEDS.get(request.POST.get("kind", ""))
    if deed is None:
        messages.error(request, "请选择要批量办理的事项。")
        return redirect("office_queue")
    if not request.user.has_perm(deed.right):
        raise PermissionDenied
    people = reviewers()
    chosen = request.POST.get("reviewer", "")
    choice = Choice(
        kind=request.POST["kind"],
        cases=_cases(request, people),
        reviewer=next((each for each in people if str(each.pk) == chosen), None),
        reason=request.POST.get("reason", ""),
    )
    try:
        made = freeze_batch(
            choice,
            pages_queue.visible_cases(request.user),
            request.user,
            actor=actor_of(request, deed.role),
            at=clock.now(),
        )
    except Refused as refused:
        status = TOO_MANY if refused.code in ("too_many_cases", "nothing_chosen") else 409
        return render(request, "refused.html", {"refused": refused}, status=status)
    return redirect("office_bulk_list", pk=made.pk)


@requires(*ANY_RIGHT)
@require_http_methods(["GET", "POST"])
def bulk_list(request: HttpRequest, pk: str) -> HttpResponse:
    """Show a list before, while and after it is dealt with; start it."""
    batch = pages_bulk.batch_of(request.user, pk)
    if batch is None:
        raise Http404
    deed = DEEDS[batch.kind]
    if request.method == "POST":
        if not request.user.has_perm(deed.right):
            raise PermissionDenied
        start_batch(
            batch,
            request.POST.get("digest", ""),
            actor=actor_of(request, deed.role),
            at=clock.now(),
        )
        return redirect("office_bulk_list", pk=batch.pk)
    context = pages_bulk.batch_page(batch)
    context["poll_url"] = request.path if context["running"] else ""
    return render(request, "office/bulk.html", context)


def _cases(request: HttpRequest, people: list[Any]) -> list[str]:
    """Return the cases that were ticked, or those the filters find."""
    if request.POST.get("scope") != "all":
        return request.POST.getlist("cases")
    _, asked = asked_of(QueryDict(request.POST.get("query", "")[:2000]), people)
    return pages_bulk.found(asked, request.user, clock.now())


urlpatterns = [
    path("bulk/", bulk, name="office_bulk"),
    path("bulk/<uuid:pk>/", bulk_list, name="office_bulk_list"),
]
