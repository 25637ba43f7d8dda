"""Door for the bureau: the desk for usage, where two people decide and oddities are looked at."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.periods import Month
from ledger.rights import actor_of, requires
from providers import deciding, pages, pages_desk
from providers.carrying import carry_out
from providers.models import DeskRequest, Finding, FindingDecision, Provider

PROPOSE, DECIDE = "providers.propose_usage", "providers.decide_usage"
READERS = ("providers.view_providers", "providers.confirm_key", PROPOSE, DECIDE)


@requires(*READERS)
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """Show what waits for a decision about usage."""
    return render(request, "office/usage_desk.html", pages_desk.desk(clock.now()))


@requires(*READERS)
@require_GET
def gaps(request: HttpRequest, month: str) -> HttpResponse:
    """Show what is missing in a month, provider by provider."""
    try:
        period = Month.parse(month)
        period.next()  # the last month of the calendar has no end
    except ValueError as error:
        raise Http404 from error
    context = {"month": period, "lines": pages_desk.gaps_of(period, clock.now())}
    return render(request, "office/usage_gaps.html", context)


@requires(*READERS)
@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """List every record that waits, of one provider or for one reason when asked."""
    asked = {name: request.GET.get(name, "")[:40] for name in ("provider", "reason")}
    page = pages.page_of(request, pages_desk.find_waiting(asked))
    return render(request, "office/usage_waiting.html", {"page_obj": page, "asked": asked})


@requires(*READERS)
@require_GET
def record(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a waiting record, and beside it what it would replace."""
    found = get_object_or_404(pages_desk.waiting_records(), pk=pk)
    return render(request, "office/usage_record.html", pages_desk.record_page(found))


@requires(*READERS)
@require_GET
def conflict(request: HttpRequest, pk: int) -> HttpResponse:
    """Show both contents of a conflict side by side."""
    found = get_object_or_404(pages_desk.all_conflicts(), pk=pk)
    return render(request, "office/usage_conflict.html", pages_desk.conflict_page(found))


@requires(PROPOSE)
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a decision that another person agrees to."""
    said = request.POST
    try:
        provider = get_object_or_404(Provider, pk=UUID(said.get("provider", "")))
    except ValueError as error:
        raise Http404 from error
    kind = said.get("kind", "")
    if kind not in DeskRequest.Kind.values:
        raise Http404
    carry_out(
        request,
        lambda: deciding.propose_request(
            provider,
            kind,
            said.get("subject", "")[:128],
            reason=said.get("reason", ""),
            actor=actor_of(request, "reviewer"),
            at=clock.now(),
        ),
        "已提出，须由另一人批准。",
    )
    return redirect("office_desk")


@requires(DECIDE)
@require_POST
def decide(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Agree to what another person asked for, or do not."""
    found = get_object_or_404(DeskRequest, pk=pk)
    agree = request.POST.get("agree") == "1"
    carry_out(
        request,
        lambda: deciding.decide_request(
            found,
            agree=agree,
            reason=request.POST.get("reason", "")[:200],
            actor=actor_of(request, "approver"),
            at=clock.now(),
        ),
        "已批准。" if agree else "已不予批准，记录继续等待。",
    )
    return redirect("office_desk")


@requires(*READERS)
@require_GET
def findings(request: HttpRequest) -> HttpResponse:
    """List what looks odd, by kind, month and provider."""
    asked = {name: request.GET.get(name, "")[:50] for name in ("kind", "month", "provider", "all")}
    asked = {name: text.replace("\0", "") for name, text in asked.items()}
    context = {
        "page_obj": pages.page_of(request, pages_desk.find_findings(asked)),
        "kinds": Finding.Kind.choices,
        "asked": asked,
    }
    return render(request, "office/usage_findings.html", context)


@requires(*READERS)
@require_GET
def finding(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one finding with its figures, its records and what was decided."""
    found = get_object_or_404(pages_desk.all_findings(), pk=pk)
    context = pages_desk.finding_page(found) | {"choices": FindingDecision.Choice.choices}
    return render(request, "office/usage_finding.html", context)


@requires(PROPOSE, DECIDE)
@require_POST
def finding_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Call a finding genuine, or ask the provider about it."""
    found = get_object_or_404(pages_desk.all_findings(), pk=pk)
    carry_out(
        request,
        lambda: deciding.decide_finding(
            found,
            request.POST.get("choice", ""),
            reason=request.POST.get("reason", ""),
            actor=actor_of(request, "reviewer"),
            at=clock.now(),
        ),
        "已记录处理意见。",
    )
    return redirect("office_finding", pk=pk)


urlpatterns = [
    path("desk/", desk, name="office_desk"),
    path("desk/ask/", ask, name="office_desk_ask"),
    path("desk/requests/<uuid:pk>/", decide, name="office_desk_decide"),
    path("desk/gaps/<str:month>/", gaps, name="office_gaps"),
    path("desk/records/", waiting, name="office_usage_waiting"),
    path("desk/records/<int:pk>/", record, name="office_usage_record"),
    path("desk/conflicts/<int:pk>/", conflict, name="office_usage_conflict"),
    path("desk/findings/", findings, name="office_findings"),
    path("desk/findings/<int:pk>/", finding, name="office_finding"),
    path("desk/findings/<int:pk>/decide/", finding_decide, name="office_finding_decide"),
]
