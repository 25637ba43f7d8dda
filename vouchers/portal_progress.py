"""Door for enterprises: what became of an application, its dates, and the second look."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger import clock
from ledger.refusals import Refused
from vouchers import clocks, pages, pages_case, pages_wallet
from vouchers.applying import withdraw_application
from vouchers.entitling import confirm_entitlement
from vouchers.forms_case import AskReconsiderForm
from vouchers.gates import WRITABLE
from vouchers.ics import one_day_event
from vouchers.lifecycle import BEFORE_NOTICE
from vouchers.models import Application, StateRow
from vouchers.pages_verdict import verdict_lines, verdict_word
from vouchers.reconsidering import ask_reconsideration
from vouchers.seats import actor_at, enterprise_member, refuse_unless_submits, seat_of

REFUSED = 409
INVALID = 422


@enterprise_member()
@require_GET
def application(request: HttpRequest, pk: str) -> HttpResponse:
    """Show what became of an application: receipt, timeline, decision, what comes next."""
    found = _mine(request, pk)
    if found.state == Application.State.DRAFT:
        return redirect("application_tasks", pk=found.pk)
    now = clock.now()
    context = {
        "application": found,
        "fresh": request.GET.get("submitted") == "1",
        "timeline": pages.timeline(StateRow.objects.of(found), inside=False),
        "dates": [
            {**each, "by": pages.expected_day(each["by"])}
            for each in pages.next_dates(found)
            if found.state not in clocks.STOPS  # while a clock waits nobody can promise a day
        ],
        "verdict": verdict_lines(found.verdict or {}, found.programme.edition),
        "verdict_word": verdict_word(found.verdict),
        "steps": pages.step_titles(),
        "current": pages.stage_of(found),
        "files": found.attachments.standing(),
        "vouchers": found.vouchers.order_by("set_no"),
        "notice": getattr(getattr(found, "notice_item", None), "notice", None),
        "writable": found.state in WRITABLE,
        "withdrawable": found.state in BEFORE_NOTICE[1:],
        "clock_lines": pages_case.clock_lines(found, now),
        "sentences": pages_case.clock_sentences(found, now),
        "items": pages_case.supplement_lines(found) if found.state in WRITABLE else [],
        "decision": pages_case.decision(found, now),
        "due": pages_case.due_day(found, now),
        "place": pages_wallet.place_in_line(found),
    }
    return render(request, "portal/application.html", context)


@enterprise_member()
@require_POST
def withdraw(request: HttpRequest, pk: str) -> HttpResponse:
    """Take an application back."""
    found = _mine(request, pk)
    refuse_unless_submits(request)
    withdraw_application(found, actor=actor_at(request), at=clock.now())
    messages.success(request, "申请已撤回。在申报期内可以重新申请。")
    return redirect("desk")


@enterprise_member()
@require_GET
def calendar(request: HttpRequest, pk: str) -> HttpResponse:
    """Give the day the running step ends as a file for one's calendar."""
    found, now = _mine(request, pk), clock.now()
    due = pages_case.due_day(found, now)
    if due is None:
        return redirect("application", pk=found.pk)
    title, day = due
    text = one_day_event(
        f"{found.pk}-{day}", f"{found.application_no}：{title}期限", day, made_at=now,
        note=" ".join(pages_case.clock_sentences(found, now)),
    )  # fmt: skip
    response = HttpResponse(text.encode(), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.application_no}.ics"'
    return response


@enterprise_member()
@require_http_methods(["GET", "POST"])
def reconsider(request: HttpRequest, pk: str) -> HttpResponse:
    """Ask for a second look at a refusal."""
    found = _mine(request, pk)
    told = pages_case.decision(found, clock.now())
    if told is None or told["asked"] is not None:
        return redirect("application", pk=found.pk)
    form, status = AskReconsiderForm(request.POST or None), 200
    if request.method == "POST":
        status = INVALID
        if form.is_valid():
            try:
                ask_reconsideration(
                    found,
                    form.cleaned_data["statement"],
                    actor=actor_at(request),
                    at=clock.now(),
                )
            except Refused as refused:
                refused.put_on(form)
                status = REFUSED
            else:
                messages.success(request, "复核申请已提交，由未参与原决定的人员办理。")
                return redirect("application", pk=found.pk)
    context = {"application": found, "form": form, "decision": told}
    return render(request, "portal/reconsider.html", context, status=status)


@enterprise_member()
@require_http_methods(["GET", "POST"])
def entitlement(request: HttpRequest, pk: str) -> HttpResponse:
    """Confirm what a list of the bureau gives, without a form (免申即享)."""
    found = _mine(request, pk)
    if found.origin != Application.Origin.NO_APPLICATION or found.submitted_at:
        return redirect("application", pk=found.pk)
    problem, status = "", 200
    if request.method == "POST":
        try:
            confirm_entitlement(found, actor=actor_at(request), at=clock.now())
        except Refused as refused:
            problem, status = refused.message, REFUSED
        else:
            return redirect(f"{reverse('application', args=[found.pk])}?submitted=1")
    context = {
        "application": found,
        "told": found.answers.get("entitlement", {}),
        "declarations": found.programme.edition.declarations,
        "problem": problem,
    }
    return render(request, "portal/entitlement.html", context, status=status)


def _mine(request: HttpRequest, pk: str) -> Application:
    mine = seat_of(request).enterprise.applications.with_parties()
    found: Application = get_object_or_404(mine, pk=pk)
    return found


urlpatterns = [
    path("applications/<uuid:pk>/", application, name="application"),
    path("applications/<uuid:pk>/withdraw/", withdraw, name="application_withdraw"),
    path("applications/<uuid:pk>/calendar.ics", calendar, name="application_calendar"),
    path("applications/<uuid:pk>/entitlement/", entitlement, name="application_entitlement"),
    path("applications/<uuid:pk>/reconsider/", reconsider, name="application_reconsider"),
]
