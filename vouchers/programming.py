"""Load, publish, pause and close editions of a programme."""

from datetime import datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.models import Programme
from vouchers.models.application import OPEN_STATES
from vouchers.rulebook_reader import digest_of, parse_edition, read_rules
from vouchers.states import move, write_row
from vouchers.workdays import end_of

MOST_SCORE = 100


@transaction.atomic
def load_edition(text: str, *, actor: Actor, at: datetime) -> Programme:
    """Take in an edition file as a draft; the same file again gives the same programme.

    Writes: one programme row (or its rules replaced while a draft), one log entry.

    Raises:
        Refused: the file is faulty, or this edition was published with other rules.
    """
    rules = parse_edition(text)
    edition = read_rules(rules)
    digest = digest_of(rules)
    known = (
        Programme.objects.select_for_update(of=("self",))
        .filter(slug=edition.slug, edition_no=edition.edition_no)
        .first()
    )
    if known and known.digest == digest:
        return known
    if known and known.state != Programme.State.DRAFT:
        raise Refused(
            "edition_locked",
            f"方案“{known}”的状态为“{known.get_state_display()}”，规则不能再改。"
            "审查或征求意见中的请先退回修改；已经发布的请把 edition_no 加一，作为新版载入。",
            field="edition.edition_no",
        )
    programme = known or Programme(slug=edition.slug, edition_no=edition.edition_no)
    return keep_draft(programme, rules, "载入方案", actor=actor, at=at)


@transaction.atomic
def keep_draft(
    programme: Programme, rules: dict[str, Any], word: str, *, actor: Actor, at: datetime
) -> Programme:
    """Write the rules of a draft, new or changed; a part of an act, inside its transaction.

    Args:
        programme: a draft, saved or not.
        rules: plain values.
        word: what was done, for the state row.
        actor: who.
        at: when.

    Writes: the programme row, a state row, a log entry with the digest.

    Raises:
        Refused: a rule is missing, unknown, contradictory or out of its range.
    """
    edition = read_rules(rules)
    before = "" if programme._state.adding else programme.state
    programme.title, programme.kind = edition.title, edition.kind
    programme.rules, programme.digest = rules, edition.digest
    programme.cap_fen = edition.caps.enterprise_year_fen
    programme.save()
    write_row(programme, "load", word, (before, programme.state), actor=actor, at=at)
    audit.record(
        "programme.load",
        {"programme": programme.pk, "slug": edition.slug, "digest": edition.digest},
        actor=actor,
        at=at,
    )
    return programme


@transaction.atomic
def publish_edition(
    programme: Programme, *, document_no: str, actor: Actor, at: datetime
) -> Programme:
    """Publish an edition as a normative document; from here on its rules are locked.

    Writes: state row, log entry with the digest of the rules.

    Raises:
        Refused: its consultation is not over and answered, no document number, or the same person
            who proposed it.
    """
    programme = taken_programme(programme)
    if programme.state == Programme.State.CONSULTING:
        _publishable(programme, document_no, actor)
    move(programme, "publish", actor=actor, at=at)
    programme.published_at = programme.locked_at = at
    programme.published_by, programme.published_person = actor.name, actor.person
    programme.document_no = document_no.strip()
    programme.save()
    audit.record(
        "programme.publish",
        {"programme": programme.pk, "edition": programme.edition_no, "digest": programme.digest},
        actor=actor,
        at=at,
    )
    return programme


def _publishable(programme: Programme, document_no: str, actor: Actor) -> None:
    last = programme.consultations.order_by("-opens_at").first()
    if last is None or last.answered_at is None or last.digest != programme.digest:
        raise Refused(
            "consultation_open",
            f"“{programme}”的公开征求意见还没有结束并答复，不能发布。"
            "请在征求意见期满后填写意见采纳情况。",
        )
    if not document_no.strip():
        raise Refused(
            "document_missing",
            "请填写规范性文件文号，例如 普数据规〔2026〕1号。",
            field="document_no",
        )
    if actor.person == programme.proposed_person:
        raise Refused(
            "same_person",
            f"方案由{programme.proposed_by}送审，发布须由另一人办理。",
        )


def pause_programme(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Stop taking applications for a while; the reason is public."""
    return _turn(programme, "pause", reason, actor, at)


def resume_programme(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Take applications again."""
    return _turn(programme, "resume", reason, actor, at)


def close_programme(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Take no more applications under this edition; issued vouchers live on."""
    return _turn(programme, "close", reason, actor, at)


@transaction.atomic
def settle_programme(programme: Programme, *, reason: str, actor: Actor, at: datetime) -> Programme:
    """Enter settlement (清算): no application is undecided and every voucher has run out.

    Raises:
        Refused: an application still waits, or the last day of use is not over.
    """
    programme = taken_programme(programme)
    cut_off = programme.edition.validity.cut_off
    if programme.state == Programme.State.CLOSED:
        still = [each for each in OPEN_STATES if each not in ("draft", "waitlisted")]
        waiting = programme.applications.filter(state__in=still)
        if count := waiting.count():
            raise Refused(
                "cases_open", f"还有 {count} 件申请没有办结，不能进入清算。请先办结或退回。"
            )
        if at < end_of(cut_off):
            raise Refused("programme_running", f"用券截止日 {cut_off} 还没有过，不能进入清算。")
    return _turn(programme, "settle", reason, actor, at)


@transaction.atomic
def evaluate_programme(
    programme: Programme, *, score: int, document_no: str, actor: Actor, at: datetime
) -> Programme:
    """Keep the result of the performance evaluation (绩效评价), 0 to 100 points.

    Raises:
        Refused: a score outside its range, no document number, or not in settlement.
    """
    programme = taken_programme(programme)
    if not 0 <= score <= MOST_SCORE:
        raise Refused("score_invalid", "绩效评价得分应当是 0 到 100 的整数。", field="score")
    if not document_no.strip():
        raise Refused("document_missing", "请填写绩效评价报告的文号。", field="document_no")
    reason = f"绩效评价 {score} 分，{document_no.strip()}"
    move(programme, "evaluate", actor=actor, at=at, reason=reason)
    programme.evaluation_score, programme.evaluation_no = score, document_no.strip()
    programme.save()
    audit.record(
        "programme.evaluate",
        {"programme": programme.pk, "score": str(score), "document_no": document_no.strip()},
        actor=actor,
        at=at,
    )
    return programme


def archive_programme(
    programme: Programme, *, reason: str, actor: Actor, at: datetime
) -> Programme:
    """Put an evaluated edition away; nothing about it changes any more."""
    return _turn(programme, "archive", reason, actor, at)


@transaction.atomic
def _turn(programme: Programme, event: str, reason: str, actor: Actor, at: datetime) -> Programme:
    programme = taken_programme(programme)
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由，理由会公开。", field="reason")
    move(programme, event, actor=actor, at=at, reason=reason)
    programme.save()
    audit.record(f"programme.{event}", {"programme": programme.pk}, actor=actor, at=at)
    return programme


def taken_programme(programme: Programme) -> Programme:
    """Lock an edition and return it as it stands now."""
    return Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
