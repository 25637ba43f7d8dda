"""Door: try other rules on past months; nothing is posted, the answer is kept."""

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing.models import WhatIf
from billing.pages_what_if import BY, CHANGE, COLUMNS, WhatIfForm, csv_rows, result_context
from billing.sheets import csv_bytes
from billing.what_if_rules import Changes
from billing.what_if_work import KIND, ask_what_if
from ledger import clock, work
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
ASK = "billing.prepare_settlement"
INVALID, CONFLICT = 422, 409
PAGE = 50


@require_GET
@requires(VIEW)
def runs(request: HttpRequest) -> HttpResponse:
    """List the runs, and ask for another."""
    return _list(request, WhatIfForm())


def _list(request: HttpRequest, form: WhatIfForm, status: int = 200) -> HttpResponse:
    page = Paginator(WhatIf.objects.newest_first(), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page_obj": page,
        "rows": [{"run": each, "done": hasattr(each, "result")} for each in page],
        "may_ask": request.user.has_perm(ASK),
    }
    return render(request, "office/what_if.html", context, status=status)


@require_POST
@requires(ASK)
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a run; a worker carries it out."""
    form = WhatIfForm(request.POST)
    if not form.is_valid():
        return _list(request, form, INVALID)
    told = form.cleaned_data
    try:
        made = ask_what_if(
            told["title"],
            slug=told["slug"],
            first=told["first_month"],
            last=told["last_month"],
            changes=form.changes(),
            actor=actor_of(request, "finance"),
            at=clock.now(),
        )
    except Refused as refused:
        refused.put_on(form)
        return _list(request, form, CONFLICT)
    return redirect("office_what_if_result", pk=made.pk)


def _run(pk: UUID, *, done: bool = True) -> WhatIf:
    found = WhatIf.objects.named(pk)
    if found is None or (done and not hasattr(found, "result")):
        raise Http404
    return found


@require_GET
@requires(VIEW)
def result(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far a run is, then who gains, who loses and what it costs."""
    found = _run(pk, done=False)
    job = work.find(KIND, str(found.pk))
    by = request.GET.get("by", "")
    change = request.GET.get("change", "")
    context: dict[str, Any] = {
        "run": found,
        "changes": Changes.read(found.changes).words(),
        "job": job,
        "done": hasattr(found, "result"),
        "poll_url": "" if job is None or job.is_over else request.path,
    }
    if context["done"]:
        by, change = by if by in BY else "programme", change if change in CHANGE else ""
        context |= result_context(found, by, change)
        page = Paginator(context["lines"], PAGE).get_page(request.GET.get("page"))
        context["page_obj"] = page
    return render(request, "office/what_if_result.html", context)


@require_GET
@requires(VIEW)
def as_csv(_request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand out the rows of a run as CSV."""
    found = _run(pk)
    content = csv_bytes(COLUMNS, csv_rows(found))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="what-if-{found.pk}.csv"'
    return response


@require_GET
@requires(VIEW)
def as_json(_request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand out question, answer and both digests as JSON."""
    found = _run(pk)
    told = {
        "id": str(found.pk),
        "title": found.title,
        "asked_at": found.asked_at.isoformat(),
        "asked_digest": found.digest,
        "digest": found.result.digest,
        "content": found.result.content,
    }
    options = {"ensure_ascii": False, "indent": 1}
    response = JsonResponse(told, json_dumps_params=options)
    response["Content-Disposition"] = f'attachment; filename="what-if-{found.pk}.json"'
    return response


urlpatterns = [
    path("", runs, name="office_what_if"),
    path("ask/", ask, name="office_what_if_ask"),
    path("<uuid:pk>/", result, name="office_what_if_result"),
    path("<uuid:pk>.csv", as_csv, name="office_what_if_csv"),
    path("<uuid:pk>.json", as_json, name="office_what_if_json"),
]
