"""The last thirty days of every provider in one line each: who reported, who did not."""

from datetime import datetime, timedelta
from typing import Any

from ledger.periods import Month, day_of
from providers.calendar import GAP_STATES, REPORTED, ZERO_DECLARED, Day, month_calendar
from providers.models import Provider

DAYS = 30
MOST_PROVIDERS = 8
SIGNS = {REPORTED: "●", ZERO_DECLARED: "○"}


def strips(at: datetime) -> list[dict[str, Any]]:
    """Return the thirty days before today of the admitted providers, those with gaps first."""
    lines = [_strip(each, at) for each in Provider.objects.admitted()[:MOST_PROVIDERS]]
    return sorted(lines, key=lambda line: -line["gaps"])


def _strip(provider: Provider, at: datetime) -> dict[str, Any]:
    last = day_of(at) - timedelta(days=1)
    first = last - timedelta(days=DAYS - 1)
    months = dict.fromkeys((Month.parse(f"{first:%Y-%m}"), Month.parse(f"{last:%Y-%m}")))
    days = [
        each
        for month in months
        for each in month_calendar(provider, month, at=at)
        if first <= each.day <= last
    ]
    return {
        "provider": provider,
        "days": [_cell(each) for each in days],
        "gaps": sum(each.is_gap for each in days),
        "reported": sum(each.state == REPORTED for each in days),
    }


def _cell(day: Day) -> dict[str, Any]:
    sign = "！" if day.state in GAP_STATES else SIGNS.get(day.state, "·")
    return {"day": day.day, "word": day.word, "sign": sign, "gap": day.is_gap}
