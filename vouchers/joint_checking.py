"""Ask other departments about a case and keep what each answered (联审).

Silence is no consent: a case goes on only when every department of the edition has answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor, system_actor
from ledger.refusals import Refused
from vouchers import gates
from vouchers.models import Application, JointReply, StateRow
from vouchers.states import move

CLEAR, HIT = JointReply.Outcome.CLEAR, JointReply.Outcome.HIT


@dataclass(frozen=True)
class Answer:
    """What a department answered: ``clear`` or ``hit``, the number of its paper, its words."""

    department: str
    outcome: str
    document_no: str
    text: str = ""


def open_joint_check(application: Application, *, at: datetime) -> Application:
    """Pass a case through where the edition names no department; the row says by which rule.

    Part of the act that agrees to support, in its transaction. Writes: state row, if so.
    """
    review = application.programme.edition.review
    if not review.joint_departments:
        told = f"本方案未设联审部门，按规则直接通过（{review.clause}）。"
        move(application, "propose", actor=system_actor("joint-check"), at=at, reason=told)
        application.save()
    return application


@transaction.atomic
def record_joint_reply(
    application: Application, answer: Answer, *, actor: Actor, at: datetime
) -> Application:
    """Keep a department's answer; the last clear one lets the case go on, a hit sends it back.

    Writes: reply, state row when the case moves, log entry.

    Raises:
        Refused: not in joint check, a department that is not asked or answered already, no
            document number, or a hit without words.
    """
    application = gates.taken(application)
    _sane(application, answer)
    round_no = round_of(application)
    if application.joint_replies.filter(round_no=round_no, department=answer.department).exists():
        raise Refused("reply_twice", f"“{answer.department}”在本轮已经答复，不能再登记一次。")
    JointReply.objects.create(
        application=application,
        round_no=round_no,
        department=answer.department,
        outcome=answer.outcome,
        document_no=answer.document_no.strip(),
        text=answer.text.strip(),
        recorded_at=at,
        recorded_by=actor.name,
    )
    if answer.outcome == HIT:
        told = f"{answer.department}（{answer.document_no.strip()}）：{answer.text.strip()}"
        move(application, "hit", actor=actor, at=at, internal=told)
        application.save()
    elif not waiting_for(application):
        told = f"联审部门均已答复无异常：{'、'.join(_departments(application))}。"
        move(application, "propose", actor=actor, at=at, reason=told)
        application.save()
    audit.record(
        "application.joint_reply",
        {
            "application": application.pk,
            "department": answer.department,
            "outcome": answer.outcome,
            "document_no": answer.document_no.strip(),
        },
        actor=actor,
        at=at,
    )
    return application


def waiting_for(application: Application) -> list[str]:
    """Return the departments that have not answered in this round."""
    there = application.joint_replies.filter(round_no=round_of(application))
    answered = set(there.values_list("department", flat=True))
    return [each for each in _departments(application) if each not in answered]


def round_of(application: Application) -> int:
    """Return the number of the current round: how often the case was sent to joint check."""
    return StateRow.objects.of(application).filter(event="agree").count()


def _departments(application: Application) -> Sequence[str]:
    return application.programme.edition.review.joint_departments


def _sane(application: Application, answer: Answer) -> None:
    if application.state != Application.State.JOINT_CHECK:
        raise Refused(
            "wrong_state",
            f"当前状态为“{application.get_state_display()}”，不在联审中，不能登记答复。",
        )
    if answer.department not in _departments(application):
        raise Refused("unknown_department", "请从联审部门名单中选择部门。", field="department")
    if answer.outcome not in JointReply.Outcome.values:
        raise Refused("unknown_outcome", "请选择答复结果：无异常或有情况。", field="outcome")
    if not answer.document_no.strip():
        raise Refused("document_missing", "请填写复函文号，口头答复不作依据。", field="document_no")
    if answer.outcome == HIT and not answer.text.strip():
        raise Refused("reason_missing", "有情况的答复请写明内容。", field="text")
