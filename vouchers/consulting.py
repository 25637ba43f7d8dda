"""Take a draft edition through review and public consultation, in the open.

The rules stand still from the moment a draft is sent to review: an opinion and a comment always
speak of the text whose digest they carry. Whoever wants other rules sends the edition back.

Source: 规章制定与行政规范性文件管理 practice: legality and fair-competition review, comments for 7
to 30 days, a public summary of what became of them (to be confirmed by the bureau).
"""

from datetime import datetime, timedelta

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.calendars import work_calendar
from vouchers.models import Consultation, ConsultationComment, EditionOpinion, Programme
from vouchers.programming import taken_programme
from vouchers.states import move, next_number, write_row
from vouchers.workdays import end_of

LEAST_DAYS, MOST_DAYS = 7, 30
LONGEST_COMMENT, SHORTEST_COMMENT = 3000, 5
FLOOD = 5  # comments from one address within an hour
FLOOD_ALL = 300  # comments from everybody within an hour
HOUR = timedelta(hours=1)


@transaction.atomic
def propose_edition(programme: Programme, *, actor: Actor, at: datetime) -> Programme:
    """Send a draft to legality and fair-competition review (送审).

    Writes: who proposed it, state row, log entry with the digest.

    Raises:
        Refused: it is no draft.
    """
    programme = taken_programme(programme)
    move(programme, "propose", actor=actor, at=at)
    programme.proposed_by, programme.proposed_person = actor.name, actor.person
    programme.save()
    body = {"programme": programme.pk, "digest": programme.digest}
    audit.record("programme.propose", body, actor=actor, at=at)
    return programme


@transaction.atomic
def record_opinion(
    programme: Programme,
    kind: str,
    outcome: str,
    *,
    text: str,
    document_no: str,
    actor: Actor,
    at: datetime,
) -> EditionOpinion:
    """Keep what a review said about the text under review.

    Args:
        programme: an edition in review.
        kind: ``legality`` or ``competition``.
        outcome: ``pass`` or ``changes``.
        text: the opinion.
        document_no: number of the opinion's paper.
        actor: who enters it; another person than the proposer.
        at: when.

    Writes: one opinion, state row, log entry.

    Raises:
        Refused: not in review, nothing said, or the proposer reviews the own draft.
    """
    programme = taken_programme(programme)
    _sane_opinion(programme, (kind, outcome, text, document_no), actor)
    made = EditionOpinion.objects.create(
        programme=programme,
        digest=programme.digest,
        kind=kind,
        outcome=outcome,
        text=text.strip(),
        document_no=document_no.strip(),
        given_at=at,
        given_by=actor.name,
        given_person=actor.person,
    )
    word = f"{made.get_kind_display()}：{made.get_outcome_display()}"
    states = (programme.state, programme.state)
    write_row(programme, "opinion", word, states, actor=actor, at=at, reason=made.document_no)
    audit.record(
        "programme.opinion",
        {
            "programme": programme.pk,
            "digest": programme.digest,
            "kind": kind,
            "outcome": outcome,
            "document_no": made.document_no,
        },
        actor=actor,
        at=at,
    )
    return made


@transaction.atomic
def return_edition(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Send an edition back to be changed; a consultation that runs ends with it.

    Raises:
        Refused: no reason, or it is neither in review nor in consultation.
    """
    programme = taken_programme(programme)
    _written(reason, "reason", "请写明退回修改的理由。")
    move(programme, "send_back", actor=actor, at=at, reason=reason.strip())
    programme.proposed_by = programme.proposed_person = ""
    programme.save()
    audit.record("programme.send_back", {"programme": programme.pk}, actor=actor, at=at)
    return programme


@transaction.atomic
def open_consultation(
    programme: Programme, *, days: int, notice: str, actor: Actor, at: datetime
) -> Consultation:
    """Ask everybody for comments for ``days`` days; a last day that is a holiday moves on.

    Writes: one consultation, state row, log entry.

    Raises:
        Refused: a review has not passed this text, or the period is out of its range.
    """
    programme = taken_programme(programme)
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise Refused(
            "period_invalid",
            f"征求意见期应当是 {LEAST_DAYS} 到 {MOST_DAYS} 天。",
            field="days",
        )
    _written(notice, "notice", "请填写征求意见说明（背景、联系人和反馈方式）。")
    if programme.state == Programme.State.IN_REVIEW:
        _passed(programme)
    move(programme, "consult", actor=actor, at=at)
    programme.save()
    last = day_of(at) + timedelta(days=days)
    calendar = work_calendar()
    while not calendar.is_working_day(last):
        last += timedelta(days=1)
    made = Consultation.objects.create(
        programme=programme,
        digest=programme.digest,
        notice=notice.strip(),
        opens_at=at,
        last_day=last,
        ends_at=end_of(last),
    )
    audit.record(
        "programme.consult",
        {
            "programme": programme.pk,
            "digest": programme.digest,
            "consultation": made.pk,
            "last_day": last.isoformat(),
        },
        actor=actor,
        at=at,
    )
    return made


@transaction.atomic
def comment_on_edition(
    consultation: Consultation,
    *,
    typed: dict[str, str],
    sender: str,
    actor: Actor,
    at: datetime,
) -> ConsultationComment:
    """Take in a comment under a real name.

    Args:
        consultation: one that is open.
        typed: ``name``, ``organisation`` (may be empty), ``contact``, ``text``.
        sender: keyed digest of the address it came from.
        actor: the public.
        at: when.

    Writes: one comment with its number; the log keeps a digest of it, no name and no text.

    Raises:
        Refused: the period is over, something is missing, or too many came from one address.
    """
    consultation = Consultation.objects.select_for_update(of=("self",)).get(pk=consultation.pk)
    if not consultation.is_open(at):
        raise Refused(
            "consultation_over", f"征求意见已于 {consultation.last_day} 截止，不再接收意见。"
        )
    told = {name: typed.get(name, "").strip() for name in ("name", "organisation", "contact")}
    told["text"] = typed.get("text", "").strip()
    _sane_comment(told)
    _no_flood(consultation, sender, at)
    made = ConsultationComment.objects.create(
        consultation=consultation,
        comment_no=next_number(f"PTYJ-{day_of(at).year}"),
        received_at=at,
        sender=sender,
        **told,
    )
    audit.record(
        "programme.comment",
        {"consultation": consultation.pk, "comment": made.pk, "comment_no": made.comment_no},
        actor=actor,
        at=at,
    )
    return made


@transaction.atomic
def answer_consultation(
    consultation: Consultation, *, summary: str, actor: Actor, at: datetime
) -> Consultation:
    """Publish what became of the comments (意见采纳情况), once the period is over.

    Raises:
        Refused: the period still runs, nothing is said, or it was answered before.
    """
    programme = taken_programme(consultation.programme)
    consultation = Consultation.objects.select_for_update(of=("self",)).get(pk=consultation.pk)
    if programme.state != Programme.State.CONSULTING or consultation.answered_at:
        raise Refused("consultation_answered", "这次征求意见已经结束，不能再答复。")
    if at < consultation.ends_at:
        raise Refused(
            "consultation_open", f"征求意见到 {consultation.last_day} 24:00 截止，期满后再答复。"
        )
    _written(summary, "summary", "请填写意见采纳情况；没有收到意见的，也请写明。")
    consultation.summary = summary.strip()
    consultation.answered_at, consultation.answered_by = at, actor.name
    consultation.save()
    states = (programme.state, programme.state)
    write_row(programme, "answer", "公布意见采纳情况", states, actor=actor, at=at)
    count = consultation.comments.count()
    audit.record(
        "programme.answer",
        {"programme": programme.pk, "consultation": consultation.pk, "comments": str(count)},
        actor=actor,
        at=at,
    )
    return consultation


def _sane_opinion(programme: Programme, told: tuple[str, str, str, str], actor: Actor) -> None:
    kind, outcome, text, document_no = told
    _in_review(programme)
    if kind not in EditionOpinion.Kind.values or outcome not in EditionOpinion.Outcome.values:
        raise Refused("opinion_invalid", "请选择审查类别和结论。", field="kind")
    _written(text, "text", "请填写审查意见。")
    _written(document_no, "document_no", "请填写审查意见书的文号。")
    if actor.person == programme.proposed_person:
        raise Refused("same_person", f"方案由{programme.proposed_by}送审，审查意见须由另一人登记。")


def _in_review(programme: Programme) -> None:
    if programme.state != Programme.State.IN_REVIEW:
        raise Refused(
            "wrong_state",
            f"“{programme}”当前状态为“{programme.get_state_display()}”，"
            "只有审查中的方案可以登记审查意见。",
        )


def _passed(programme: Programme) -> None:
    """Refuse unless the newest opinion of each kind on this text says yes."""
    for kind in EditionOpinion.Kind:
        newest = (
            programme.opinions.filter(kind=kind, digest=programme.digest)
            .order_by("-given_at", "-id")
            .first()
        )
        if newest is None or newest.outcome != EditionOpinion.Outcome.PASS:
            raise Refused(
                "opinion_missing",
                f"{kind.label}还没有通过，不能公开征求意见。"
                "请登记通过的审查意见，或把方案退回修改。",
            )


def _sane_comment(told: dict[str, str]) -> None:
    _written(told["name"], "name", "请填写真实姓名。")
    _written(told["contact"], "contact", "请填写电话或邮箱，便于核实和答复。")
    for name, most in (("name", 50), ("organisation", 100), ("contact", 100)):
        if len(told[name]) > most:
            raise Refused("comment_invalid", f"这一项不能超过 {most} 个字。", field=name)
    if not SHORTEST_COMMENT <= len(told["text"]) <= LONGEST_COMMENT:
        raise Refused(
            "comment_invalid",
            f"意见内容应当是 {SHORTEST_COMMENT} 到 {LONGEST_COMMENT} 个字。",
            field="text",
        )


def _no_flood(consultation: Consultation, sender: str, at: datetime) -> None:
    recent = ConsultationComment.objects.filter(received_at__gt=at - HOUR)
    flooded = recent.filter(sender=sender).count() >= FLOOD
    if flooded or recent.filter(consultation=consultation).count() >= FLOOD_ALL:
        raise Refused("comment_flood", "提交过于频繁，请一小时后再试，已提交的意见都已收到。")


def _written(text: str, field: str, sentence: str) -> None:
    if not text.strip():
        raise Refused(f"{field}_missing", sentence, field=field)
