"""Ask for what is missing, all at once; let a request lapse that nobody answered (补正)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates
from vouchers.calendars import work_calendar
from vouchers.courier import tell
from vouchers.models import Application, SupplementItem
from vouchers.questions import BY_CODE, show
from vouchers.states import move

ANSWER, FILE = SupplementItem.Kind.ANSWER, SupplementItem.Kind.FILE


@dataclass(frozen=True)
class Asked:
    """One thing to mend: a question (``step.field``) or a slot for a file, and why."""

    kind: str
    place: str
    reason: str
    example: str = ""


@transaction.atomic
def ask_supplement(
    application: Application,
    items: Sequence[Asked],
    *,
    reason: str = "",
    internal: str = "",
    actor: Actor,
    at: datetime,
) -> Application:
    """Ask for everything that is missing, once (一次性告知); the review's clock waits meanwhile.

    Only the questions and files named are open to the enterprise; without items all of them are.

    Args:
        application: one under review.
        items: what to mend, each with its reason.
        reason: what the enterprise reads above the list; needed when there is no list.
        internal: what only the bureau reads.
        actor: who reviews.
        at: when; the working days count from here.

    Writes: items with the value that stands there, deadline, state row, clock marks, log entry.

    Raises:
        Refused: no more rounds, an item without a reason, twice or unknown.
    """
    application = gates.taken(application)
    review = application.programme.edition.review
    if application.supplement_rounds >= review.supplement_max_rounds:
        raise Refused(
            "supplement_rounds",
            f"补正最多 {review.supplement_max_rounds} 次，已用完。请按现有材料提出建议。",
            clause=review.clause,
        )
    if not items and not reason.strip():
        raise Refused("reason_missing", "请写明理由，企业会看到这段文字。", field="reason")
    round_no = application.supplement_rounds + 1
    rows = [_row(application, each, round_no) for each in _sane(application, items)]
    SupplementItem.objects.bulk_create(rows)
    due = work_calendar().add_working_days(day_of(at), review.supplement_working_days)
    told = reason.strip() or "；".join(f"{each.title}：{each.reason}" for each in rows)
    move(application, "ask_supplement", actor=actor, at=at, reason=told, internal=internal)
    application.supplement_rounds = round_no
    application.supplement_due_on = due
    application.save()
    audit.record(
        "application.ask_supplement",
        {"application": application.pk, "due_on": due.isoformat()},
        actor=actor,
        at=at,
    )
    tell(application, "supplement_asked", at, due_on=due, reason=told)
    return application


@transaction.atomic
def lapse_application(application: Application, *, actor: Actor, at: datetime) -> Application:
    """Let an application lapse: nobody answered a supplement, or a draft lay too long.

    Writes: state row, clock marks, log entry.

    Raises:
        Refused: there is still time.
    """
    application = gates.taken(application)
    if application.state == Application.State.DRAFT:
        days = application.programme.edition.review.draft_days
        if at < application.saved_at + timedelta(days=days):
            raise Refused("draft_in_time", f"草稿保存未满 {days} 天，不能按逾期处理。")
        reason = f"草稿超过 {days} 天没有保存。"
    else:
        due = application.supplement_due_on
        if due and day_of(at) <= due:
            raise Refused("supplement_in_time", f"补正期限到 {due} 24:00，现在还没有逾期。")
        reason = f"补正期限 {due} 已过，没有收到补正。"
    move(application, "lapse", actor=actor, at=at, reason=reason)
    application.save()
    audit.record("application.lapse", {"application": application.pk}, actor=actor, at=at)
    if application.submitted_at:
        tell(application, "application_lapsed", at, due_on=application.supplement_due_on)
    return application


def lapsing(at: datetime) -> list[Application]:
    """Return the applications whose time to answer is over; drafts are judged by the act."""
    supplement = Application.objects.filter(state="supplement", supplement_due_on__lt=day_of(at))
    drafts = Application.objects.filter(state="draft").select_related("programme")
    old = [
        each
        for each in drafts.order_by("saved_at")
        if at >= each.saved_at + timedelta(days=each.programme.edition.review.draft_days)
    ]
    return [*supplement.order_by("pk"), *old]


def _sane(application: Application, items: Sequence[Asked]) -> Sequence[Asked]:
    for each in items:
        if not each.reason.strip():
            title = title_of(application, each.kind, each.place)
            raise Refused("reason_missing", f"请写明“{title}”为什么要补正。", field=each.place)
    places = [(each.kind, each.place) for each in items]
    if len(set(places)) < len(places):
        raise Refused("item_twice", "同一事项列了两次，请合并成一条。")
    return items


def _row(application: Application, asked: Asked, round_no: int) -> SupplementItem:
    return SupplementItem(
        application=application,
        round_no=round_no,
        kind=asked.kind,
        place=asked.place,
        title=title_of(application, asked.kind, asked.place),
        reason=asked.reason.strip(),
        example=asked.example.strip(),
        original=_original(application, asked),
    )


def title_of(application: Application, kind: str, place: str) -> str:
    """Return the words of a question or of a slot for a file.

    Raises:
        Refused: there is no such place.
    """
    if kind == ANSWER:
        step, _, name = place.partition(".")
        for each in BY_CODE[step].questions if step in BY_CODE else ():
            if each.name == name:
                return each.label
    for slot in application.programme.edition.evidence if kind == FILE else ():
        if slot.code == place:
            return slot.title
    raise Refused("unknown_item", "没有这个补正事项，请从列表中选择。", field=place)


def _original(application: Application, asked: Asked) -> str:
    """Return what stands there now, as people read it."""
    if asked.kind == FILE:
        there = application.attachments.standing().filter(slot=asked.place).first()
        return there.file_name if there else ""
    step, _, name = asked.place.partition(".")
    question = next(each for each in BY_CODE[step].questions if each.name == name)
    value = (application.answers.get(step) or {}).get(name)
    return show(question, value, application.programme.edition)
