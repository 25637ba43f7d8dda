"""What lies on the bureau's desk: cases given to people, a note, and everything to be found."""

from billing.hits import SOURCES
from billing.management.demonstration.cast import Cast, when
from vouchers import assigning, reading, searching
from vouchers.models import Application


def dispatch(cast: Cast) -> None:
    """Give the open cases but the newest to the reviewer, note a call, index what there is."""
    chief, reviewer = cast.actor("approver"), cast.actor("reviewer")
    at = when("2026-11-18 09:00")
    open_cases = Application.objects.handed_in().exclude(state__in=assigning.OVER)
    for case in open_cases.order_by("-submitted_at")[1:]:
        assigning.assign_case(case, cast.users["reviewer"], actor=chief, at=at)
    waiting = open_cases.waiting_for("in_second_review").first()
    if waiting:
        text = "已电话核实：合同单价与备案价一致，卡型以合同附件为准。"
        reading.add_note(waiting, text, actor=reviewer, at=at)
    searching.catch_up(SOURCES)
