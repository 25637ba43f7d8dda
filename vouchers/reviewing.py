"""Accept, review, publish and approve: two people for every decision, in the open."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.calendars import work_calendar
from vouchers.models import Application, Enterprise, NoticeItem, PublicNotice
from vouchers.states import move, next_number, write_row
from vouchers.workdays import end_of

DECISIONS = ("pass", "reject", "return")


@transaction.atomic
def accept_application(application: Application, *, actor: Actor, at: datetime) -> Application:
    """Take an application on (受理).

    Writes: state row, log entry.

    Raises:
        Refused: the enterprise is not verified yet, or the application is not waiting for this.
    """
    application = _taken(application)
    if application.enterprise.state != Enterprise.State.ACTIVE:
        raise Refused(
            "enterprise_not_active",
            f"企业当前为“{application.enterprise.get_state_display()}”，"
            "请先在办件页核验企业，再受理。",
        )
    move(application, "accept", actor=actor, at=at)
    application.save()
    audit.record("application.accept", {"application": application.pk}, actor=actor, at=at)
    return application


@transaction.atomic
def first_review(
    application: Application,
    decision: str,
    *,
    approved_fen: int | None = None,
    reason: str,
    internal: str = "",
    clause: str = "",
    actor: Actor,
    at: datetime,
) -> Application:
    """First review (初审): recommend support or refusal, or ask the enterprise for a supplement.

    Args:
        application: an accepted application.
        decision: ``pass``, ``reject`` or ``return`` (补正).
        approved_fen: amount to support, for ``pass``; at most what was asked for.
        reason: what the enterprise will read.
        internal: what only the bureau reads.
        clause: the rule a refusal rests on.
        actor: the first reviewer.
        at: when.

    Writes: recommendation, state row, log entry.

    Raises:
        Refused: no reason, no clause for a refusal, an amount out of range, support against a
            hard criterion, or no more rounds of supplement.
    """
    application = _taken(application)
    _sane_decision(decision, reason)
    if decision == "return":
        return _ask_supplement(application, reason, internal, actor, at)
    if decision == "pass":
        _supportable(application, approved_fen, reason)
    elif not clause.strip():
        raise Refused("clause_missing", "不予支持须写明依据的条款。", field="clause")
    move(application, "recommend", actor=actor, at=at, reason=reason, internal=internal)
    application.recommendation = decision
    application.proposed_fen = approved_fen if decision == "pass" else None
    application.clause = clause
    application.first_reviewer_name = actor.name
    application.first_reviewer_person = actor.person
    application.first_reviewed_at = at
    application.second_reviewer_name = application.second_reviewer_person = ""
    application.save()
    audit.record(
        "application.first_review",
        {
            "application": application.pk,
            "recommendation": decision,
            "proposed_fen": application.proposed_fen,
            "clause": clause,
        },
        actor=actor,
        at=at,
    )
    return application


@transaction.atomic
def second_review(
    application: Application,
    decision: str,
    *,
    reason: str = "",
    internal: str = "",
    actor: Actor,
    at: datetime,
) -> Application:
    """Second review (复审) by another natural person: agree, or send back with a reason.

    Args:
        application: one with a recommendation.
        decision: ``agree`` or ``return`` (to the first reviewer).
        reason: why; needed to send back.
        internal: what only the bureau reads.
        actor: the second reviewer.
        at: when.

    Writes: decision, state row, log entry.

    Raises:
        Refused: the same natural person, or no reason to send back.
    """
    application = _taken(application)
    if decision not in ("agree", "return"):
        raise Refused("unknown_decision", "请选择：同意、退回初审。")
    _other_person(application, actor)
    if decision == "return" and not (reason + internal).strip():
        raise Refused("reason_missing", "退回须写明理由。", field="reason")
    event = _second_event(application, decision)
    move(application, event, actor=actor, at=at, reason=reason, internal=internal)
    if decision == "agree":
        application.second_reviewer_name = actor.name
        application.second_reviewer_person = actor.person
        application.second_reviewed_at = at
    application.save()
    audit.record(
        "application.second_review",
        {"application": application.pk, "decision": decision, "event": event},
        actor=actor,
        at=at,
    )
    return application


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
    audit.record(
        "notice.publish",
        {
            "notice": notice.pk,
            "notice_no": notice.notice_no,
            "last_day": last_day.isoformat(),
            "lines": [
                {"application": each.pk, "amount_fen": each.proposed_fen} for each in by_number
            ],
        },
        actor=actor,
        at=at,
    )
    return notice


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
    audit.record(
        "notice.close",
        {"notice": notice.pk, "applications": [each.pk for each in closed]},
        actor=actor,
        at=at,
    )
    return notice


@transaction.atomic
def approve_application(application: Application, *, actor: Actor, at: datetime) -> Application:
    """Decide for support after the notice (审定); not by the first reviewer.

    The amount is the one that was on public notice.

    Writes: approved amount, state row, log entry.

    Raises:
        Refused: the first reviewer approves, or the notice is not over.
    """
    application = _taken(application)
    _other_person(application, actor)
    move(application, "approve", actor=actor, at=at)
    application.approved_fen = application.proposed_fen
    application.approver_name, application.approver_person = actor.name, actor.person
    application.approved_at = at
    application.save()
    audit.record(
        "application.approve",
        {"application": application.pk, "approved_fen": application.approved_fen},
        actor=actor,
        at=at,
    )
    return application


def _sane_decision(decision: str, reason: str) -> None:
    if decision not in DECISIONS:
        raise Refused("unknown_decision", "请选择：建议支持、要求补正、建议不予支持。")
    if not reason.strip() and decision != "pass":
        raise Refused("reason_missing", "请写明理由，企业会看到这段文字。", field="reason")


def _ask_supplement(
    application: Application, reason: str, internal: str, actor: Actor, at: datetime
) -> Application:
    """Ask for everything that is missing, once; the enterprise has working days to answer."""
    review = application.programme.edition.review
    if application.supplement_rounds >= review.supplement_max_rounds:
        raise Refused(
            "supplement_rounds",
            f"补正最多 {review.supplement_max_rounds} 次，已用完。请按现有材料提出建议。",
            clause=review.clause,
        )
    due = work_calendar().add_working_days(day_of(at), review.supplement_working_days)
    move(application, "ask_supplement", actor=actor, at=at, reason=reason, internal=internal)
    application.supplement_rounds += 1
    application.supplement_due_on = due
    application.save()
    audit.record(
        "application.ask_supplement",
        {"application": application.pk, "due_on": due.isoformat()},
        actor=actor,
        at=at,
    )
    return application


def _supportable(application: Application, approved_fen: int | None, reason: str) -> None:
    """Refuse support that the verdict or the amount does not carry."""
    verdict = application.verdict or {}
    failed = [
        each["title"]
        for each in verdict.get("criteria", [])
        if each["hard"] and each["outcome"] == "fail"
    ]
    if failed:
        raise Refused(
            "verdict_failed",
            f"自动核验有硬性条件不符合：{'、'.join(failed)}。"
            "请要求补正，或建议不予支持；不能建议支持。",
        )
    if not approved_fen or not 0 < approved_fen <= application.requested_fen:
        raise Refused(
            "amount_invalid",
            f"核定金额须大于 0 且不超过申请金额 {yuan_text(application.requested_fen)} 元。",
            field="approved",
        )
    if approved_fen != application.requested_fen and not reason.strip():
        raise Refused("reason_missing", "核定金额与申请金额不同，请写明理由。", field="reason")


def _other_person(application: Application, actor: Actor) -> None:
    if not actor.person or actor.person == application.first_reviewer_person:
        raise Refused("same_person", "您是这件申请的初审人，须由他人复核。")


def _second_event(application: Application, decision: str) -> str:
    if decision == "return":
        return "send_back"
    support = application.recommendation == Application.Recommendation.SUPPORT
    return "propose" if support else "reject"


def _taken(application: Application) -> Application:
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=application.pk)
    )
