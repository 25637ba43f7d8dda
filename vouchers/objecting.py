"""Objections to a public notice: received from anybody, handled by two people (公示异议).

An objection stops the one case it is about; the others on the list go on. Who objected is known
to those who handle it and to nobody else; the log keeps a digest.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates
from vouchers.calendars import work_calendar
from vouchers.conflicts import refuse_if_conflicted
from vouchers.courier import tell
from vouchers.evidence import Looked, keep, look_into, safe_name
from vouchers.models import Application, NoticeItem, NoticeObjection
from vouchers.notices import tell_staff
from vouchers.states import move, next_number, write_row
from vouchers.wording import clean_mail, clean_name, clean_phone, clean_text

Finding = NoticeObjection.Finding
EVENTS = {
    Finding.UPHELD: "uphold",
    Finding.DISMISSED: "dismiss",
    Finding.NOT_ADMITTED: "refuse",
}
LONGEST = 2000
SHORTEST = 10
MOST_UNSETTLED = 20  # objections to one line that wait; more is a flood


@dataclass(frozen=True)
class Objector:
    """Who objects and what about: typed by anybody, cleaned before it is kept."""

    name: str
    phone: str
    statement: str
    evidence: str
    signature: str
    body: str = ""
    mail: str = ""
    file_name: str = ""
    file: bytes = b""


@transaction.atomic
def object_to_notice(
    item: NoticeItem, told: Objector, *, actor: Actor, at: datetime, key: UUID
) -> NoticeObjection:
    """Receive an objection to one line of a notice, until the midnight that ends it.

    Args:
        item: the line.
        told: who objects, why, with which evidence; signed with the real name.
        actor: the public door.
        at: when; the server's moment decides.
        key: asking again with the same key gives the same receipt.

    Writes: objection, state rows of objection and case, clock marks, log entry with a digest,
        messages to the bureau and to the enterprise (without the objector).

    Raises:
        Refused: the notice is over, a name or telephone is missing, no evidence, not signed.
    """
    known = NoticeObjection.objects.filter(key=key).first()
    if known:
        return known
    item = NoticeItem.objects.select_related("notice").get(pk=item.pk)
    application = gates.taken(item.application)
    _in_time(item, application, at)
    fields, looked = _clean(told)
    review = application.programme.edition.review
    due_on = work_calendar().add_working_days(day_of(at), review.objection_working_days)
    objection = NoticeObjection.objects.create(
        objection_no=next_number(f"PTSLY-{day_of(at).year}"),
        key=key,
        item=item,
        application=application,
        received_at=at,
        due_on=due_on,
        **fields,
        **_kept(told, looked),
    )
    write_row(objection, "receive", "收到异议", ("", objection.state), actor=actor, at=at)
    if application.state == Application.State.IN_NOTICE:
        move(application, "object", actor=actor, at=at, reason="公示期内收到实名书面异议。")
        application.save()
        tell(application, "objection_received", at)
    audit.record("notice.object", _for_log(objection), actor=actor, at=at)
    _tell_handlers(objection, at)
    return objection


@transaction.atomic
def accept_objection(objection: NoticeObjection, *, actor: Actor, at: datetime) -> NoticeObjection:
    """Take an objection on (受理异议). Writes: state row, log entry."""
    objection = _taken(objection)
    refuse_if_conflicted(actor, objection.application.enterprise)
    move(objection, "accept", actor=actor, at=at)
    objection.save()
    audit.record("notice.objection_accept", {"objection": objection.pk}, actor=actor, at=at)
    return objection


@transaction.atomic
def investigate_objection(
    objection: NoticeObjection, finding: str, text: str, *, actor: Actor, at: datetime
) -> NoticeObjection:
    """Say what the look into an objection found; another person decides.

    Raises:
        Refused: no words, an unknown finding, or a finding on something not taken on.
    """
    objection = _taken(objection)
    refuse_if_conflicted(actor, objection.application.enterprise)
    if finding not in Finding.values:
        raise Refused(
            "unknown_finding", "请选择核查结论：成立、不成立或不予受理。", field="finding"
        )
    if not text.strip():
        raise Refused("reason_missing", "请写明核查了什么、查到什么。", field="text")
    waiting = objection.state == NoticeObjection.State.RECEIVED
    if waiting and finding != Finding.NOT_ADMITTED:
        raise Refused("not_accepted", "这件异议还没有受理。请先受理，再写核查结论。")
    move(objection, "investigate", actor=actor, at=at, internal=text.strip())
    objection.finding, objection.finding_text = finding, text.strip()
    objection.finder_name, objection.finder_person = actor.name, actor.person
    objection.save()
    audit.record(
        "notice.objection_investigate",
        {"objection": objection.pk, "finding": finding},
        actor=actor,
        at=at,
    )
    return objection


@transaction.atomic
def return_objection(
    objection: NoticeObjection, *, reason: str, actor: Actor, at: datetime
) -> NoticeObjection:
    """Send an objection back to be looked into again.

    Raises:
        Refused: the same natural person, or no reason.
    """
    objection = _taken(objection)
    _other_person(objection, actor)
    if not reason.strip():
        raise Refused("reason_missing", "退回须写明理由。", field="reason")
    move(objection, "send_back", actor=actor, at=at, internal=reason.strip())
    objection.save()
    audit.record("notice.objection_return", {"objection": objection.pk}, actor=actor, at=at)
    return objection


@transaction.atomic
def decide_objection(
    objection: NoticeObjection, *, reply: str, clause: str = "", actor: Actor, at: datetime
) -> NoticeObjection:
    """Decide an objection as it was found, with the written reply; by another natural person.

    Upheld: the case is refused. Otherwise, once no objection waits any more, the case goes on:
    back on notice while that runs, else past it.

    Args:
        objection: one that was looked into.
        reply: what the objector is answered.
        clause: the rule a refusal of the case rests on.
        actor: who decides.
        at: when.

    Writes: reply, state rows of objection and case, clock marks, log entry, messages.

    Raises:
        Refused: the same natural person, no reply, no clause for a refusal.
    """
    objection = _taken(objection)
    _other_person(objection, actor)
    if not reply.strip():
        raise Refused("reply_missing", "请写明给异议人的书面答复。", field="reply")
    finding = Finding(objection.finding or Finding.DISMISSED)
    if finding == Finding.UPHELD and not clause.strip():
        raise Refused("clause_missing", "异议成立须写明依据的条款。", field="clause")
    move(objection, EVENTS[finding], actor=actor, at=at, reason=reply.strip())
    objection.reply, objection.clause = reply.strip(), clause.strip()
    objection.decider_name, objection.decider_person = actor.name, actor.person
    objection.decided_at = at
    objection.save()
    application = gates.taken(objection.application)
    if application.state == Application.State.OBJECTION:
        _move_on(application, objection, actor, at)
    audit.record(
        "notice.objection_decide",
        {"objection": objection.pk, "application": application.pk, "outcome": objection.state},
        actor=actor,
        at=at,
    )
    return objection


def _move_on(
    application: Application, objection: NoticeObjection, actor: Actor, at: datetime
) -> None:
    """Let the case go where the decision leads; it waits while another objection does."""
    notice = objection.item.notice
    if objection.state == NoticeObjection.State.UPHELD:
        application.clause = objection.clause
        event, reason = "uphold_objection", f"公示异议经核查成立。依据：{objection.clause}。"
    elif application.objections.unsettled().exists():
        return
    else:
        event = "resume_notice" if at < notice.ends_at else "dismiss_objection"
        reason = "公示异议经核查不成立。"
    move(application, event, actor=actor, at=at, reason=reason)
    application.save()
    outcome = objection.get_state_display()
    tell(application, "objection_decided", at, outcome=outcome, reason=reason)


def _in_time(item: NoticeItem, application: Application, at: datetime) -> None:
    if not item.notice.published_at <= at < item.notice.ends_at:
        raise Refused(
            "notice_over",
            f"公示已于 {item.notice.last_day} 24:00 期满，不再接收异议。"
            "期满后发现问题的，可以向区数据局举报。",
        )
    if application.state not in (Application.State.IN_NOTICE, Application.State.OBJECTION):
        raise Refused("not_on_notice", "这一条目已经处理完毕，不再接收异议。")
    if application.objections.unsettled().count() >= MOST_UNSETTLED:
        raise Refused(
            "objections_many", "这一条目已有多件异议正在核查，请直接联系区数据局补充材料。"
        )


def _clean(told: Objector) -> tuple[dict[str, str], Looked | None]:
    """Return what is kept of an objection; refuse one that nobody stands for."""
    fields = {
        "objector_name": _word(clean_name, told.name, "name"),
        "objector_phone": _word(clean_phone, told.phone, "phone"),
        "objector_mail": _word(clean_mail, told.mail, "mail") if told.mail.strip() else "",
        "objector_body": _long(told.body, "body", 100) if told.body.strip() else "",
        "statement": _long(told.statement, "statement", LONGEST),
        "evidence": _long(told.evidence, "evidence", LONGEST),
    }
    for name in ("statement", "evidence"):
        if len(fields[name]) < SHORTEST:
            raise Refused(
                "too_short",
                f"请写清楚，至少 {SHORTEST} 个字：哪一条、什么问题、依据什么。",
                field=name,
            )
    signature = " ".join(told.signature.split())
    if signature != fields["objector_name"]:
        raise Refused("not_signed", "异议须实名。请在签名处写与姓名一致的全名。", field="signature")
    looked = look_into(told.file, told.file_name) if told.file else None
    return fields | {"signature": signature}, looked


def _word(clean: Callable[[str], str], typed: str, field: str) -> str:
    try:
        return clean(typed)
    except ValueError as wrong:
        raise Refused("not_understood", f"{wrong}。", field=field) from wrong


def _long(typed: str, field: str, longest: int) -> str:
    return _word(lambda text: clean_text(text, longest=longest, lines=True), typed, field)


def _kept(told: Objector, looked: Looked | None) -> dict[str, str]:
    if looked is None:
        return {}
    return {
        "file_name": safe_name(told.file_name),
        "file_sha256": looked.sha256,
        "file_type": looked.content_type,
        "file_path": keep(looked.content),
    }


def _digest(objection: NoticeObjection) -> str:
    text = json.dumps(objection.hidden(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{objection.key}{text}".encode()).hexdigest()


def _for_log(objection: NoticeObjection) -> dict[str, Any]:
    """Return what the log may know: which line of which notice, and a digest of the rest."""
    return {
        "objection": objection.pk,
        "notice": objection.item.notice_id,
        "application": objection.application_id,
        "digest": _digest(objection),
    }


def _tell_handlers(objection: NoticeObjection, at: datetime) -> None:
    """Tell those who handle objections; what the objector wrote stays out of messages."""
    context = {
        "application_no": objection.application.application_no,
        "due_on": objection.due_on,
        "reason": "请登录后台查看。",
    }
    tell_staff(
        "vouchers.handle_objection", "case_objected", context, about=objection.application, at=at
    )


def _other_person(objection: NoticeObjection, actor: Actor) -> None:
    refuse_if_conflicted(actor, objection.application.enterprise)
    if not actor.person or actor.person == objection.finder_person:
        raise Refused("same_person", "您是这件异议的核查人，须由他人决定。")


def _taken(objection: NoticeObjection) -> NoticeObjection:
    return (
        NoticeObjection.objects.select_for_update(of=("self",))
        .select_related("item__notice", "application__enterprise")
        .get(pk=objection.pk)
    )
