"""What the pages about objections show, inside the bureau and to anybody."""

from datetime import datetime
from typing import Any

from ledger.periods import day_of
from vouchers import pages
from vouchers.models import (
    Application,
    NoticeObjection,
    PublicNotice,
    Reconsideration,
    StateRow,
)
from vouchers.models.objection import NoticeObjectionQuerySet

MOST = 100
OPEN_ON_NOTICE = (Application.State.IN_NOTICE, Application.State.OBJECTION)


def all_objections() -> NoticeObjectionQuerySet:
    """Return every objection with its line and case."""
    return NoticeObjection.objects.with_case()


def lists(at: datetime) -> dict[str, Any]:
    """Return what waits and what is settled, the oldest deadline first."""
    today = day_of(at)
    waiting = all_objections().unsettled().order_by("due_on", "received_at")
    settled = all_objections().exclude(decided_at__isnull=True).order_by("-decided_at")
    looks = Reconsideration.objects.select_related("application__enterprise")
    return {
        "waiting": [{"objection": each, "late": today > each.due_on} for each in waiting],
        "settled": settled[:MOST],
        "looks": [
            {"asked": each, "late": today > each.due_on}
            for each in looks.filter(outcome="").order_by("due_on")
        ],
        "looked": looks.exclude(outcome="").order_by("-decided_at")[:MOST],
    }


def history(found: NoticeObjection) -> list[dict[str, Any]]:
    """Return the moves of an objection."""
    return pages.timeline(StateRow.objects.of(found), inside=True)


def lines_to_object(notice: PublicNotice) -> list[tuple[str, str]]:
    """Return the lines of a notice that an objection may be made to, as choices."""
    items = notice.items.select_related("application__enterprise")
    return [
        (str(each.pk), f"{each.line_no}. {each.application.enterprise.name}")
        for each in items
        if each.application.state in OPEN_ON_NOTICE
    ]


def receipt(notice: PublicNotice, objection_no: str) -> NoticeObjection | None:
    """Return the objection with a number on a notice; its page names nobody."""
    if not objection_no:
        return None
    found = all_objections().filter(item__notice=notice, objection_no=objection_no[:30])
    return found.first()
