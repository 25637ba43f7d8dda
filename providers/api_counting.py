"""Door: what is missing and what waits, for providers' machines.

Read only; a test key sees the test data, a live key what counts.
"""

from datetime import UTC
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from ledger import clock
from ledger.periods import Month, month_of
from ledger.refusals import Refused
from ledger.rights import stating
from providers import described
from providers.api_answers import answer, language_of
from providers.api_requests import (
    EARLIEST_DAY,
    MeteringView,
    choice,
    identify,
    only_asked,
    whole_number,
)
from providers.calendar import month_calendar, sequence_gaps
from providers.waiting import MOST_WAITING, PLACE, REASONS, Waiting, waiting_list


class CalendarView(MeteringView):
    """The calendar of days."""

    @described.get_calendar
    def get(self, request: Any) -> HttpResponse:
        """Say of every day of a month whether it was reported, and what is missing."""
        http: HttpRequest = request._request
        key, now = identify(http), clock.now()
        only_asked(http, "month")
        month = _month_in(http, month_of(now))
        days = month_calendar(key.provider, month, at=now, livemode=key.livemode)
        gaps = sequence_gaps(key.provider, month) if key.livemode else []
        return answer(
            {
                "month": str(month),
                "days": [
                    {
                        "day": each.day.isoformat(),
                        "state": each.state,
                        "records": each.records,
                        "batches": each.batches,
                        "declared_zero": each.declared_zero,
                        "manifest": each.manifest,
                        "note": each.note,
                    }
                    for each in days
                ],
                "sequence_gaps": [
                    {"key": each.key, "first": each.first, "last": each.last} for each in gaps
                ],
                "gaps": sum(each.is_gap for each in days) + len(gaps),
            }
        )


class WaitingView(MeteringView):
    """What waits."""

    @described.list_waiting
    def get(self, request: Any) -> HttpResponse:
        """List everything that waits, what it waits for, since when, and what to do."""
        http: HttpRequest = request._request
        key = identify(http)
        only_asked(http, "reason", "cursor", "limit")
        cursor = http.GET.get("cursor", "")
        if cursor and not PLACE.fullmatch(cursor):
            raise _wrong("cursor", cursor, "cursor 请原样使用上一页给出的 next_cursor。")
        page, following = waiting_list(
            key.provider,
            reason=choice(http, "reason", ("", *REASONS)),
            after=cursor,
            limit=whole_number(http, "limit", 100, MOST_WAITING) or 100,
            livemode=key.livemode,
        )
        language = language_of(http)
        return answer(
            {
                "waiting": [_item(each, language) for each in page],
                "next_cursor": following or None,
            }
        )


def _item(each: Waiting, language: str) -> dict[str, str]:
    told, english = each.told, language == "en"
    return {
        "reason": each.reason,
        "record_id": each.record_id,
        "order_no": each.order_no,
        "device_model": each.device_model,
        "month": each.month,
        "since": each.since.astimezone(UTC).isoformat(),
        "batch_id": each.batch_id,
        "waits_for": told.waits_for_en if english else told.waits_for_zh,
        "to_do": told.to_do_en if english else told.to_do_zh,
        "note": each.note,
    }


def _month_in(request: HttpRequest, running: Month) -> Month:
    given = request.GET.get("month")
    if given is None:
        return running
    try:
        month = Month.parse(given)
        month.next()  # the last month of the calendar has no end
    except ValueError as error:
        raise _wrong("month", given, "month 应写成 2026-10 这样的月份。") from error
    if month.first_day < EARLIEST_DAY:
        raise _wrong("month", given, "month 不早于 2000 年。")
    return month


def _wrong(name: str, value: str, text: str) -> Refused:
    return Refused("invalid_parameter", text, details={"parameter": name, "value": value[:50]})


_KEYED = "provider key"
urlpatterns = [
    path("metering/calendar", stating(_KEYED, CalendarView.as_view()), name="api_calendar"),
    path("metering/waiting", stating(_KEYED, WaitingView.as_view()), name="api_waiting"),
]
