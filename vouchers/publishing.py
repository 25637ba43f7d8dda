"""Publish the proposed support and end the public notice (公示)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.calendars import work_calendar
from vouchers.courier import tell
from vouchers.models import Application, NoticeItem, PublicNotice
from vouchers.states import move, next_number, write_row
from vouchers.workdays import end_of


@transaction.atomic
def publish_notice(
    applications: Sequence[Application], *, title: str = "", actor: Actor, at: datetime
) -> PublicNotice:
    """Publish the proposed support (公示); the period is counted in Chinese working days.

    The day of posting is not counted. A year whose holidays are unknown is refused.

    Writes: notice, one line per application, state rows, log entry.

    Raises:
        Refused: empty list, several editions in one list, an application that is not proposed.
    """
    taken = list(
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .filter(pk__in={each.pk for each in applications})
        .order_by("pk")
    )
    if not taken:
        raise Refused("notice_empty", "请至少选择一件拟支持的申请。", field="applications")
    programme = taken[0].programme
    if any(each.programme_id != programme.pk for each in taken):
        raise Refused("notice_mixed", "一次公示只能包含同一方案的申请，请分开公示。")
    starts_on = day_of(at)
    days = programme.edition.review.notice_working_days
    last_day = work_calendar().add_working_days(starts_on, days)
    notice = PublicNotice.objects.create(
        notice_no=next_number(f"PTSLG-{starts_on.year}"),
        programme=programme,
        title=title.strip() or f"关于{starts_on.year}年算力券拟支持企业名单的公示",
        starts_on=starts_on,
        last_day=last_day,
        ends_at=end_of(last_day),
        published_at=at,
    )
    write_row(notice, "publish", "发布公示", ("", notice.state), actor=actor, at=at)
    by_number = sorted(taken, key=lambda each: each.application_no or "")
    for line_no, application in enumerate(by_number, start=1):
        move(application, "put_on_notice", actor=actor, at=at, reason=notice.notice_no)
        application.save()
        NoticeItem.objects.create(
            notice=notice,
            application=application,
            line_no=line_no,
            amount_fen=application.proposed_fen or 0,
        )
        tell(application, "notice_begun", at, notice_no=notice.notice_no, last_day=last_day)
    audit.record("notice.publish", _for_log(notice, by_number), actor=actor, at=at)
    return notice


def _for_log(notice: PublicNotice, lines: Sequence[Application]) -> dict[str, Any]:
    return {
        "notice": notice.pk,
        "notice_no": notice.notice_no,
        "last_day": notice.last_day.isoformat(),
        "lines": [{"application": each.pk, "amount_fen": each.proposed_fen} for each in lines],
    }


@transaction.atomic
def close_notice(notice: PublicNotice, *, actor: Actor, at: datetime) -> PublicNotice:
    """End a public notice once its last working day is over.

    Writes: state rows of the notice and of each application on it, log entry.

    Raises:
        Refused: the period is not over.
    """
    notice = PublicNotice.objects.select_for_update(of=("self",)).get(pk=notice.pk)
    if notice.state == PublicNotice.State.PUBLISHED and at < notice.ends_at:
        raise Refused(
            "notice_running",
            f"公示到 {notice.last_day} 24:00 期满，现在还不能结束。",
            details={"last_day": notice.last_day.isoformat()},
        )
    move(notice, "close", actor=actor, at=at)
    notice.closed_at = at
    notice.save()
    on_list = (
        Application.objects.select_for_update(of=("self",))
        .filter(notice_item__notice=notice, state=Application.State.IN_NOTICE)
        .order_by("pk")
    )
    closed = list(on_list)
    for application in closed:
        move(application, "finish_notice", actor=actor, at=at, reason=notice.notice_no)
        application.save()
        tell(application, "notice_ended", at, notice_no=notice.notice_no)
    audit.record(
        "notice.close",
        {"notice": notice.pk, "applications": [each.pk for each in closed]},
        actor=actor,
        at=at,
    )
    return notice
