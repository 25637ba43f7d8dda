"""Door: what is odd about a month, and trials of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from billing import lookup, pages_month, settling
from billing.anomalies import anomalies
from billing.pages import month_named, told
from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires

VIEW = "billing.view_settlement"
PREPARE = "billing.prepare_settlement"


@require_GET
@requires(VIEW)
def anomaly_list(request: HttpRequest, month: str) -> HttpResponse:
    """List what is odd about a month by type, with what it means and what to do."""
    period = month_named(month)
    close = lookup.month_close(period)
    groups = anomalies(period, at=clock.now())
    context = {
        "month": period,
        "groups": groups,
        "stopping": sum(each.count for each in groups if each.stops),
        "open_month": close is None or close.state == "open",
    }
    return render(request, "office/month_anomalies.html", context)


@require_GET
@requires(VIEW)
def trials(request: HttpRequest, month: str) -> HttpResponse:
    """Show the trials of a month and how the latest differs; polled while one runs."""
    period = month_named(month)
    close = lookup.month_close(period)
    shown = pages_month.trial_page(period, clock.now())
    running = shown["run"] is not None and not shown["run"]["job"].is_over
    context = {
        **shown,
        "month": period,
        "close": close,
        "open_month": close is None or close.state == "open",
        "poll_url": request.path if running else "",
        "may_try": request.user.has_perm(PREPARE),
    }
    return render(request, "office/month_trials.html", context)


@require_POST
@requires(PREPARE)
def ask(request: HttpRequest, month: str) -> HttpResponse:
    """Ask for a trial."""
    try:
        settling.ask_trial(month_named(month), actor=actor_of(request, "finance"), at=clock.now())
        messages.success(request, "已安排试算，不会记账。")
    except Refused as refused:
        told(request, refused)
    return redirect("office_trials", month=month)


_MONTH = "settlement/<str:month>/"
urlpatterns = [
    path(_MONTH + "anomalies/", anomaly_list, name="office_anomalies"),
    path(_MONTH + "trials/", trials, name="office_trials"),
    path(_MONTH + "trials/ask/", ask, name="office_try"),
]
