"""What the pages of the fast lane and of support without application show."""

from typing import Any

from django.db.models import QuerySet

from vouchers.fast_tracking import fast_lane
from vouchers.models import Application, FastBatch, Programme

MOST = 50


def fast_programmes() -> QuerySet[Programme]:
    """Return the programmes that take applications now or did."""
    return Programme.objects.filter(state__in=("published", "paused")).order_by("slug")


def programme_choices() -> list[tuple[str, str]]:
    """Return the programmes as choices."""
    return [(str(each.pk), str(each)) for each in fast_programmes()]


def batches() -> QuerySet[FastBatch]:
    """Return every batch, the newest first."""
    return FastBatch.objects.select_related("programme").order_by("-opened_at")


def fast_page() -> dict[str, Any]:
    """Return by programme what waits and the open batch; and the batches that are confirmed.

    The list of an open batch may still grow; its seed is shown to nobody before it is confirmed.
    """
    open_batches = {each.programme_id: each for each in batches().filter(confirmed_at=None)}
    lanes = [
        {
            "programme": each,
            "limit_fen": each.edition.review.auto_approve_limit_fen,
            "share_bp": each.edition.review.random_check_bp,
            "cases": fast_lane(each),
            "batch": open_batches.get(each.pk),
        }
        for each in fast_programmes()
        if each.edition.review.auto_approve_limit_fen
    ]
    return {
        "lanes": lanes,
        "done": [_done(each) for each in batches().exclude(confirmed_at=None)[:MOST]],
    }


def _done(batch: FastBatch) -> dict[str, Any]:
    numbers = dict(
        Application.objects.filter(pk__in=batch.chosen).values_list("pk", "application_no")
    )
    return {
        "batch": batch,
        "count": len(batch.cases),
        "chosen": sorted(str(each) for each in numbers.values()),
        "agrees": batch.recomputed() == batch.chosen,
    }


def offered() -> list[Application]:
    """Return what came from lists, the newest first."""
    listed = Application.objects.filter(origin=Application.Origin.NO_APPLICATION)
    return list(listed.select_related("enterprise", "programme").order_by("-created_at")[:MOST])
