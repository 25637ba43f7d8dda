"""A second look at a refusal: asked once, decided by people who had no part in it (复核)."""

from datetime import date, datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates
from vouchers.calendars import work_calendar
from vouchers.models import Application, Reconsideration, StateRow
from vouchers.notices import tell_enterprise, tell_staff
from vouchers.states import move
from vouchers.wording import clean_text

#: Whoever made one of these moves had a part in the first decision.
DECIDING = ("refuse_acceptance", "recommend", "agree", "reject", "hit", "uphold_objection")
LONGEST = 2000
Outcome = Reconsideration.Outcome


@transaction.atomic
def ask_reconsideration(
    application: Application, statement: str, *, actor: Actor, at: datetime
) -> Reconsideration:
    """Ask for a second look at a refusal; once, within the working days of the edition.

    Writes: request, state row, clock marks, log entry, messages.

    Raises:
        Refused: not refused, too late, asked before, no reason, or not an administrator's seat.
    """
    application = gates.taken(application)
    gates.entitled(application.enterprise, actor)
    if Reconsideration.objects.filter(application=application).exists():
        raise Refused(
            "reconsidered_once",
            "复核只能申请一次，这件申请已经复核过。仍有异议的，可以依法申请行政复议或提起诉讼。",
        )
    last_day = last_day_to_ask(application)
    if last_day and day_of(at) > last_day:
        raise Refused(
            "reconsider_late",
            f"申请复核的期限到 {last_day} 24:00，已经过了。可以依法申请行政复议或提起诉讼。",
            clause=application.programme.edition.review.clause,
        )
    text = _clean(statement)
    move(application, "ask_reconsider", actor=actor, at=at, reason=text)
    application.save()
    review = application.programme.edition.review
    due_on = work_calendar().add_working_days(day_of(at), review.review_working_days)
    asked = Reconsideration.objects.create(
        application=application, asked_at=at, asked_by=actor.name, statement=text, due_on=due_on
    )
    audit.record("application.ask_reconsider", {"application": application.pk}, actor=actor, at=at)
    told = {"application_no": application.application_no, "due_on": due_on}
    tell_enterprise(application.enterprise, "reconsideration_asked", told, about=application, at=at)
    tell_staff("vouchers.handle_objection", "case_reconsider", told, about=application, at=at)
    return asked


@transaction.atomic
def decide_reconsideration(
    asked: Reconsideration, outcome: str, reply: str, *, actor: Actor, at: datetime
) -> Reconsideration:
    """Stay with the refusal, or take it back and have the case reviewed anew.

    Args:
        asked: a request that waits.
        outcome: ``upheld`` or ``overturned``.
        reply: the reasons, for the enterprise.
        actor: somebody who had no part in the first decision.
        at: when.

    Writes: outcome, state row, clock marks, log entry, message. Overturned, the names of the
        first reviewers leave the case; their moves stay in its history.

    Raises:
        Refused: somebody who had a part in the decision, no reply, decided already.
    """
    asked = Reconsideration.objects.select_for_update(of=("self",)).get(pk=asked.pk)
    application = gates.taken(asked.application)
    if outcome not in Outcome.values:
        raise Refused("unknown_outcome", "请选择：维持原决定，或撤销原决定重新审核。")
    if not actor.person or actor.person in persons_who_decided(application):
        raise Refused("same_person", "您参与过原决定，复核须由未参与的人员办理。")
    if not reply.strip():
        raise Refused("reply_missing", "请写明复核理由，企业会看到这段文字。", field="reply")
    event = "uphold" if outcome == Outcome.UPHELD else "overturn"
    move(application, event, actor=actor, at=at, reason=reply.strip())
    if outcome == Outcome.OVERTURNED:
        _begin_anew(application)
    application.save()
    asked.outcome, asked.reply = outcome, reply.strip()
    asked.decider_name, asked.decider_person = actor.name, actor.person
    asked.decided_at = at
    asked.save()
    audit.record(
        "application.reconsider",
        {"application": application.pk, "outcome": outcome},
        actor=actor,
        at=at,
    )
    told = {
        "application_no": application.application_no,
        "outcome": asked.get_outcome_display(),
        "reason": asked.reply,
    }
    tell_enterprise(
        application.enterprise, "reconsideration_decided", told, about=application, at=at
    )
    return asked


def last_day_to_ask(application: Application) -> date | None:
    """Return the last day on which a second look may be asked for; None if it was not refused."""
    row = StateRow.objects.of(application).filter(to_state="rejected").last()
    if row is None:
        return None
    days = application.programme.edition.review.reconsider_working_days
    return work_calendar().add_working_days(day_of(row.at), days)


def persons_who_decided(application: Application) -> set[str]:
    """Return the natural persons who had a part in the decision that is looked at."""
    rows = StateRow.objects.of(application).filter(event__in=DECIDING).exclude(actor_person="")
    persons = set(rows.values_list("actor_person", flat=True))
    persons |= set(application.objections.values_list("finder_person", flat=True))
    return persons | set(application.objections.values_list("decider_person", flat=True)) - {""}


def _clean(statement: str) -> str:
    if not statement.strip():
        raise Refused("reason_missing", "请写明申请复核的理由。", field="statement")
    try:
        return clean_text(statement, longest=LONGEST, lines=True)
    except ValueError as wrong:
        raise Refused("not_understood", f"{wrong}。", field="statement") from wrong


def _begin_anew(application: Application) -> None:
    application.recommendation = application.clause = ""
    application.proposed_fen = application.approved_fen = application.approved_at = None
    application.approver_name = application.approver_person = ""
    application.co_approver_name = application.co_approver_person = ""
    application.first_reviewer_name = application.first_reviewer_person = ""
    application.second_reviewer_name = application.second_reviewer_person = ""
    application.first_reviewed_at = application.second_reviewed_at = None
