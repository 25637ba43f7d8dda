"""A side objects to a line, may withdraw; the bureau decides within its days; versions are kept.

Source: domain.md 2.9 (5 working days to object, 10 for the bureau), product 77.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid5

from django.db import transaction

from billing.models import MonthClose, Objection, Statement, StatementLine, StatementVersion, move
from billing.redeeming import statement_digest
from billing.settling.closing import retotal
from billing.settling.confirming import confirm_when_both, need_seat, taken
from billing.settling.outcomes import tell_decided, tell_objected, tell_withdrawn
from billing.settling.postings import book_dismissal, book_reversal
from billing.settling.serving import may_still_object
from billing.statement_files import Kind, keep_files
from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.calendars import work_calendar
from vouchers.evidence import Upload

LONGEST_REASON = 1000
DECISION_WORKING_DAYS = 10  # for the bureau, from the day of the objection


@transaction.atomic
def object_statement(
    statement: Statement,
    *,
    side: str,
    ordinal: int,
    reason: str,
    actor: Actor,
    at: datetime,
    files: Sequence[Upload] = (),
) -> Objection:
    """Object to one line; its public share is held back, the rest may go on.

    Args:
        files: evidence; each is looked into and kept in quarantine until it was scanned.

    Writes: one objection with the day by which it is decided, its files, the held-back amount,
        state row, log entry (a digest of the reason only), messages to all concerned.

    Raises:
        Refused: no seat there, too late, no such line, no reason, already objected, or a file that
            will not do.
    """
    statement = taken(statement)
    need_seat(statement, side, actor)
    line = _objectable_line(statement, side, ordinal, reason, at)
    if statement.confirmations.filter(side=side, version=statement.version, basis="said").exists():
        raise Refused("already_confirmed", "贵方已确认这份对账单，不能再提出异议，请联系数据局。")
    # Lines that take back leave less to hold back than the line itself says.
    amount_fen = min(line.public_fen, statement.public_fen - statement.held_back_fen)
    objection = Objection.objects.create(
        statement=statement,
        line=line,
        side=side,
        reason=reason.strip(),
        amount_fen=amount_fen,
        due_on=work_calendar().add_working_days(day_of(at), DECISION_WORKING_DAYS),
        raised_at=at,
        raised_name=actor.name,
        raised_person=actor.person,
    )
    keep_files(statement, Kind.OBJECTION, objection.pk, list(files), actor=actor, at=at)
    statement.held_back_fen += amount_fen
    if statement.state == Statement.State.IN_REVIEW:
        move(statement, "dispute", actor=actor, at=at, reason=f"第 {ordinal} 行")
    statement.save()
    _refresh_month(statement.close)
    body = {
        "statement": statement.pk,
        "objection": objection.pk,
        "side": side,
        "line": ordinal,
        "amount_fen": amount_fen,
    }
    audit.record("statement.objected", body, actor=actor, at=at)
    tell_objected(objection, actor=actor, at=at)
    return objection


def _objectable_line(
    statement: Statement, side: str, ordinal: int, reason: str, at: datetime
) -> StatementLine:
    """Return the line objected to, or refuse."""
    if statement.state not in (Statement.State.IN_REVIEW, Statement.State.DISPUTED):
        raise Refused("wrong_state", "这份对账单不在确认阶段，不能提出异议。")
    if not may_still_object(statement, side, at):
        raise Refused(
            "too_late",
            "异议期限已过。确有错误的，请联系区数据局，可在以后月份作为调整办理。",
            clause="对账异议期限",
        )
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Refused("reason_needed", "请写明异议理由（1 至 1000 字）。", field="reason")
    line = statement.lines.filter(ordinal=ordinal, reverses__isnull=True).first()
    if line is None or StatementLine.objects.filter(reverses=line).exists():
        raise Refused("no_such_line", "没有这一行明细，请从列表中选择。", field="ordinal")
    if line.device_milli_seconds < 0:
        raise Refused(
            "adjustment_line",
            "这一行冲减以前月份，由两人准许的更正而来；不同意请联系区数据局。",
            field="ordinal",
        )
    if line.objections.filter(state="open").exists():
        raise Refused("objection_open", "这一行已有异议在处理。", field="ordinal")
    return line


@transaction.atomic
def withdraw_objection(
    objection: Objection, *, side: str, reason: str, actor: Actor, at: datetime
) -> Objection:
    """Take an objection back, by the person who raised it; its line counts again in full.

    Writes: the withdrawal, the held-back amount, state row, log entry; on an approved statement
        the posting that the amount is owed after all. Asking again changes nothing.

    Raises:
        Refused: decided already, raised by somebody else, or no seat there.
    """
    statement, objection = _taken_both(objection)
    need_seat(statement, side, actor)
    if objection.state == Objection.State.WITHDRAWN and objection.side == side:
        return objection
    if objection.state != Objection.State.OPEN:
        raise Refused("already_decided", "这项异议已经处理，不能撤回。请刷新页面查看结果。")
    if objection.side != side or not actor.person or actor.person != objection.raised_person:
        raise Refused("not_the_objector", "异议只能由提出人本人撤回。")
    if statement.state not in (Statement.State.DISPUTED, Statement.State.APPROVED):
        raise Refused("wrong_state", "对账单正在签发流程中，请等签发完成后再撤回。")
    objection.state = Objection.State.WITHDRAWN
    objection.resolution = reason.strip()[:LONGEST_REASON]
    _close(objection, statement, actor, at)
    if statement.state == Statement.State.APPROVED:
        book_dismissal(statement, objection.pk, objection.amount_fen, actor=actor, at=at)
    _finish(objection, statement, actor=actor, at=at)
    tell_withdrawn(objection, actor=actor, at=at)
    return objection


@transaction.atomic
def resolve_objection(
    objection: Objection, *, uphold: bool, resolution: str, actor: Actor, at: datetime
) -> Objection:
    """Decide an objection: dismiss it, or uphold it and take the line back by new rows.

    Writes: the decision; when upheld a reversing line, its postings and a new version of the
        statement, which both sides confirm anew; state row, log entry, messages to both sides.

    Raises:
        Refused: already decided, no explanation, or decided by who raised it.
    """
    statement, objection = _taken_both(objection)
    if objection.state != Objection.State.OPEN:
        raise Refused("already_decided", "这项异议已经处理，请刷新页面查看结果。")
    if statement.state not in (Statement.State.DISPUTED, Statement.State.APPROVED):
        raise Refused("wrong_state", "对账单正在签发流程中，请先退回或等签发完成后再处理异议。")
    if not resolution.strip():
        raise Refused("reason_needed", "请写明处理意见。", field="resolution")
    if not actor.person or actor.person == objection.raised_person:
        raise Refused("same_person", "提出异议的人不能处理同一异议，请由他人办理。")
    objection.state = Objection.State.UPHELD if uphold else Objection.State.DISMISSED
    objection.resolution = resolution.strip()
    _close(objection, statement, actor, at)
    if uphold:
        _take_line_back(statement, objection, actor=actor, at=at)
    elif statement.state == Statement.State.APPROVED:
        book_dismissal(statement, objection.pk, objection.amount_fen, actor=actor, at=at)
    _finish(objection, statement, actor=actor, at=at)
    tell_decided(objection, actor=actor, at=at)
    return objection


def _close(objection: Objection, statement: Statement, actor: Actor, at: datetime) -> None:
    """Write who ended an objection, and let go of what it held back."""
    objection.resolved_at, objection.resolved_name = at, actor.name
    objection.resolved_person = actor.person
    objection.save()
    statement.held_back_fen -= objection.amount_fen


def _finish(objection: Objection, statement: Statement, *, actor: Actor, at: datetime) -> None:
    """Move the statement on, bring its month up, and tell the log."""
    _move_on(statement, actor=actor, at=at)
    statement.save()
    _refresh_month(statement.close)
    body = {
        "statement": statement.pk,
        "objection": objection.pk,
        "decision": str(objection.state),
        "amount_fen": objection.amount_fen,
        "version": statement.version,
        "digest": statement.digest,
    }
    audit.record("objection.decided", body, actor=actor, at=at)


def _take_line_back(
    statement: Statement, objection: Objection, *, actor: Actor, at: datetime
) -> None:
    """Reverse a line by a new one and bring the statement's sums and version up."""
    line = objection.line
    if statement.public_fen < line.public_fen or statement.self_fen < line.self_fen:
        raise Refused(
            "below_zero",
            "冲减这一行后对账单将为负数：本单另有冲减以前月份的行。请改为驳回，"
            "并由供方以更正办理。",
        )
    book_reversal(statement, line, objection.pk, actor=actor, at=at)
    if not statement.versions.exists():
        made_at = statement.close.put_out_at or statement.generated_at
        keep_version(statement, "月度结算出具", made_at)
    reversal = StatementLine.objects.get(pk=line.pk)
    reversal.pk = uuid5(line.pk, "reversal")
    reversal.reverses = line
    reversal.ordinal = statement.lines.count() + 1
    for name in ("device_milli_seconds", "pflops_hours", "card_hours", "records"):
        setattr(reversal, name, -getattr(line, name))
    for name in ("gross_fen", "credit_fen", "metered_fen", "public_fen", "self_fen"):
        setattr(reversal, name, -getattr(line, name))
    reversal.save(force_insert=True)
    statement.gross_fen -= line.gross_fen
    statement.public_fen -= line.public_fen
    statement.self_fen -= line.self_fen
    statement.device_milli_seconds -= line.device_milli_seconds
    statement.compute_gflops_s -= line.device_milli_seconds * line.gflops // 1000
    statement.pflops_hours -= line.pflops_hours
    statement.records -= line.records
    statement.version += 1
    statement.digest = statement_digest(statement, statement.lines.all())
    keep_version(statement, f"异议成立，冲减第 {line.ordinal} 行", at)


def keep_version(statement: Statement, reason: str, at: datetime) -> StatementVersion:
    """Keep what a statement says now as one version of it. Writes: one row."""
    return StatementVersion.objects.create(
        statement=statement,
        version=statement.version,
        digest=statement.digest,
        line_count=statement.lines.count(),
        gross_fen=statement.gross_fen,
        public_fen=statement.public_fen,
        self_fen=statement.self_fen,
        made_at=at,
        reason=reason,
    )


def _move_on(statement: Statement, *, actor: Actor, at: datetime) -> None:
    """Move a statement whose last objection was decided."""
    if statement.objections.filter(state="open").exists():
        return
    if statement.state == Statement.State.DISPUTED:
        move(statement, "settle_dispute", actor=actor, at=at)
        statement.save()  # the database allows one edge at a time
        confirm_when_both(statement, actor=actor, at=at)
    elif statement.is_settled:
        move(statement, "pay", actor=actor, at=at, reason="没有应付余额")


def _taken_both(objection: Objection) -> tuple[Statement, Objection]:
    """Lock an objection after its statement."""
    statement = taken(objection.statement)
    return statement, Objection.objects.select_for_update(of=("self",)).get(pk=objection.pk)


def _refresh_month(close: MonthClose) -> None:
    retotal(close)
    close.save()
