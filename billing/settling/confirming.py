"""Both sides confirm a statement or object to a line; the bureau decides objections."""

from datetime import datetime
from typing import Any
from uuid import uuid5

from django.db import transaction

from billing.models import Confirmation, MonthClose, Objection, Statement, StatementLine, move
from billing.models.statement import Side
from billing.redeeming import statement_digest
from billing.settling.closing import retotal
from billing.settling.postings import book_dismissal, book_reversal
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from providers.models import ProviderSeat
from vouchers.models import EnterpriseSeat

LONGEST_REASON = 1000


@transaction.atomic
def confirm_statement(
    statement: Statement, *, side: str, digest: str, actor: Actor, at: datetime
) -> Confirmation:
    """Say yes to a statement for one side; the second side's yes confirms it.

    Args:
        digest: of the statement as it was shown; another digest means it changed meanwhile.

    Writes: one confirmation, a state row when it was the second, a log entry.

    Raises:
        Refused: no seat there, changed meanwhile, already objected, or the same person for both.
    """
    statement = _taken(statement)
    _need_seat(statement, side, actor)
    known = statement.confirmations.filter(side=side, version=statement.version).first()
    if known is not None:
        return known
    if statement.state not in (Statement.State.IN_REVIEW, Statement.State.DISPUTED):
        raise Refused("wrong_state", "这份对账单不在确认阶段，请刷新页面查看最新状态。")
    if digest != statement.digest:
        raise Refused("changed", "对账单内容已更新，请重新核对后再确认。")
    if statement.objections.filter(side=side, state="open").exists():
        raise Refused("objection_open", "贵方对这份对账单的异议还在处理，办结后才能确认。")
    if statement.confirmations.filter(actor_person=actor.person).exclude(side=side).exists():
        raise Refused("same_person", "同一自然人不能同时代表企业和服务商确认，请由他人办理。")
    confirmation = Confirmation.objects.create(
        statement=statement,
        side=side,
        version=statement.version,
        digest=statement.digest,
        confirmed_at=at,
        actor_id=actor.id,
        actor_name=actor.name,
        actor_person=actor.person,
    )
    _confirm_when_both(statement, actor=actor, at=at)
    body = {
        "statement": statement.pk,
        "side": side,
        "version": statement.version,
        "digest": statement.digest,
    }
    audit.record("statement.confirmed", body, actor=actor, at=at)
    return confirmation


def _confirm_when_both(statement: Statement, *, actor: Actor, at: datetime) -> None:
    """Confirm a statement that both sides said yes to."""
    said_yes = statement.confirmations.filter(version=statement.version).count()
    if said_yes == len(Side.values) and statement.state == Statement.State.IN_REVIEW:
        move(statement, "confirm", actor=actor, at=at)
        statement.save()


@transaction.atomic
def object_statement(
    statement: Statement, *, side: str, ordinal: int, reason: str, actor: Actor, at: datetime
) -> Objection:
    """Object to one line; its public share is held back, the rest may go on.

    Writes: one objection, the held-back amount, state row, log entry (a digest of the reason only).

    Raises:
        Refused: no seat there, too late, no such line, no reason, or already objected.
    """
    statement = _taken(statement)
    _need_seat(statement, side, actor)
    line = _objectable_line(statement, ordinal, reason, at)
    if statement.confirmations.filter(side=side, version=statement.version).exists():
        raise Refused("already_confirmed", "贵方已确认这份对账单，不能再提出异议，请联系数据局。")
    # Lines that take back leave less to hold back than the line itself says.
    amount_fen = min(line.public_fen, statement.public_fen - statement.held_back_fen)
    objection = Objection.objects.create(
        statement=statement,
        line=line,
        side=side,
        reason=reason.strip(),
        amount_fen=amount_fen,
        raised_at=at,
        raised_name=actor.name,
        raised_person=actor.person,
    )
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
    return objection


def _objectable_line(
    statement: Statement, ordinal: int, reason: str, at: datetime
) -> StatementLine:
    """Return the line objected to, or refuse."""
    if statement.state not in (Statement.State.IN_REVIEW, Statement.State.DISPUTED):
        raise Refused("wrong_state", "这份对账单不在确认阶段，不能提出异议。")
    until = statement.close.objections_until
    if until is None or at >= until:
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
def resolve_objection(
    objection: Objection, *, uphold: bool, resolution: str, actor: Actor, at: datetime
) -> Objection:
    """Decide an objection: dismiss it, or uphold it and take the line back by new rows.

    Writes: the decision; when upheld a reversing line, its postings and a new version of the
        statement, which both sides confirm anew; state row, log entry.

    Raises:
        Refused: already decided, no explanation, or decided by who raised it.
    """
    statement = _taken(objection.statement)
    objection = Objection.objects.select_for_update(of=("self",)).get(pk=objection.pk)
    if objection.state != Objection.State.OPEN:
        raise Refused("already_decided", "这项异议已经处理，请刷新页面查看结果。")
    if statement.state not in (Statement.State.DISPUTED, Statement.State.APPROVED):
        raise Refused("wrong_state", "对账单正在签发流程中，请先退回或等签发完成后再处理异议。")
    if not resolution.strip():
        raise Refused("reason_needed", "请写明处理意见。", field="resolution")
    if not actor.person or actor.person == objection.raised_person:
        raise Refused("same_person", "提出异议的人不能处理同一异议，请由他人办理。")
    objection.state = Objection.State.UPHELD if uphold else Objection.State.DISMISSED
    objection.resolved_at, objection.resolved_name = at, actor.name
    objection.resolved_person, objection.resolution = actor.person, resolution.strip()
    objection.save()
    statement.held_back_fen -= objection.amount_fen
    if uphold:
        _take_line_back(statement, objection, actor=actor, at=at)
    elif statement.state == Statement.State.APPROVED:
        book_dismissal(statement, objection.pk, objection.amount_fen, actor=actor, at=at)
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
    return objection


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
    reversal = StatementLine.objects.get(pk=line.pk)
    reversal.pk = uuid5(line.pk, "reversal")
    reversal.reverses = line
    reversal.ordinal = statement.lines.count() + 1
    for name in ("device_milli_seconds", "pflops_hours", "card_hours", "records"):
        setattr(reversal, name, -getattr(line, name))
    for name in ("gross_fen", "metered_fen", "public_fen", "self_fen"):
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


def _move_on(statement: Statement, *, actor: Actor, at: datetime) -> None:
    """Move a statement whose last objection was decided."""
    if statement.objections.filter(state="open").exists():
        return
    if statement.state == Statement.State.DISPUTED:
        move(statement, "settle_dispute", actor=actor, at=at)
        statement.save()  # the database allows one edge at a time
        _confirm_when_both(statement, actor=actor, at=at)
    elif statement.payable_fen == 0:
        move(statement, "pay", actor=actor, at=at, reason="没有应付余额")


def _need_seat(statement: Statement, side: str, actor: Actor) -> None:
    """Refuse somebody who holds no seat on that side of this statement."""
    held: Any
    if side == Side.ENTERPRISE:
        held = EnterpriseSeat.objects.filter(enterprise_id=statement.enterprise_id)
    elif side == Side.PROVIDER:
        held = ProviderSeat.objects.filter(provider_id=statement.provider_id)
    else:
        raise Refused("no_such_side", "只有企业和服务商可以确认对账单。")
    if not held.filter(user_id=actor.id, active=True).exists():
        raise Refused("not_your_statement", "您不是这份对账单的一方，不能办理。")


def _taken(statement: Statement) -> Statement:
    """Lock a statement after its month, always in this order."""
    MonthClose.objects.select_for_update(of=("self",)).get(pk=statement.close_id)
    return (
        Statement.objects.select_for_update(of=("self",))
        .select_related("close", "voucher__programme")
        .get(pk=statement.pk)
    )


def _refresh_month(close: MonthClose) -> None:
    retotal(close)
    close.save()
