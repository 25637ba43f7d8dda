"""Door: what is missing and what waits: the calendar of days, zero declarations, records."""

from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.periods import Month, day_of
from ledger.refusals import Refused
from providers import calendar
from providers.declaring import declare_zero
from providers.forms import DayField
from providers.pages_console import calendar_page
from providers.seats import actor_at, provider_member
from providers.waiting import PLACE, REASONS, waiting_list

FIRST_YEAR = 2000
ENGINEERS = ("provider_admin", "provider_engineer")


@require_GET
@provider_member()
def month(request: HttpRequest) -> HttpResponse:
    """Show the calendar of the month asked for, or of the one that is running."""
    at = clock.now()
    today = day_of(at)
    asked = request.GET.get("month", "")
    try:
        shown = Month.parse(asked) if asked else Month(today.year, today.month)
    except ValueError as error:
        raise Http404 from error
    if not FIRST_YEAR <= shown.year <= today.year + 1:
        raise Http404
    return _page(request, shown, at)


def _page(request: HttpRequest, shown: Month, at: datetime) -> HttpResponse:
    seat = request.seat  # type: ignore[attr-defined]
    days = calendar.month_calendar(seat.provider, shown, at=at)
    context: dict[str, Any] = calendar_page(days, shown, at) | {
        "gaps": calendar.sequence_gaps(seat.provider, shown),
        "may_declare": seat.role in ENGINEERS,
    }
    return render(request, "console/calendar.html", context)


@require_POST
@provider_member(*ENGINEERS)
def zero(request: HttpRequest) -> HttpResponse:
    """Declare that nothing was used on a day, and go back to its month."""
    at = clock.now()
    try:
        day: date = DayField().clean(request.POST.get("day", ""))
    except ValidationError:
        messages.error(request, "请填写日期，例如 2026-11-20。没有作任何申报。")
        return redirect("console_calendar")
    try:
        declare_zero(
            request.seat.provider,  # type: ignore[attr-defined]
            day,
            livemode=True,
            actor=actor_at(request),
            at=at,
        )
        messages.success(request, f"{day.isoformat()} 已作零申报。")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect(f"{reverse('console_calendar')}?month={day:%Y-%m}")


@require_GET
@provider_member()
def waiting(request: HttpRequest) -> HttpResponse:
    """List everything of the provider that waits, with what it waits for and what to do."""
    reason, after = request.GET.get("reason", ""), request.GET.get("after", "")
    if reason not in REASONS:
        reason = ""
    if not PLACE.fullmatch(after):
        after = ""
    listed, following = waiting_list(
        request.seat.provider,  # type: ignore[attr-defined]
        reason=reason,
        after=after,
    )
    context = {
        "listed": listed,
        "following": following,
        "reason": reason,
        "begun": after,
        "reasons": REASONS,
    }
    return render(request, "console/waiting.html", context)


urlpatterns = [
    path("calendar/", month, name="console_calendar"),
    path("calendar/zero/", zero, name="console_zero"),
    path("waiting/", waiting, name="console_waiting"),
]
