"""Record what the bank did with what was sent; pay nothing twice."""

import hashlib
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from billing.bank_files import LONGEST_REFERENCE
from billing.models import MonthClose, PaymentBatch, PaymentItem, PaymentLine, Statement, move
from billing.settling.postings import book_payment, book_return
from billing.settling.telling import tell_paid
from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused

#: A line in one of these states may still change what its list comes to.
OPEN = ["waiting", "suspended", "sent"]


@transaction.atomic
def record_payment(
    line: PaymentLine, *, bank_reference: str, paid_on: date, actor: Actor, at: datetime
) -> PaymentLine:
    """Record that the bank paid one line; the same reference again changes nothing.

    Writes: postings (420) per statement, the line, state rows, log entry.

    Raises:
        Refused: not sent yet, already paid under another reference, or the reference was used.
    """
    line = taken_line(line)
    reference = bank_reference.strip()
    if line.state == PaymentLine.State.PAID and line.bank_reference == reference:
        return line
    _judge_payment(line, reference, paid_on, actor, at)
    for item in items_of(line):
        book_payment(item, actor=actor, at=at)
        statement = item.statement
        statement.paid_fen += item.amount_fen
        if statement.is_settled:
            move(statement, "pay", actor=actor, at=at, reason=reference)
        statement.save()
    move(line, "pay", actor=actor, at=at, reason=reference)
    line.bank_reference, line.paid_on = reference, paid_on
    line.recorded_name, line.recorded_at = actor.name, at
    line.save()
    settle_batch(line.batch, actor=actor, at=at)
    body = {
        "payment": line.pk,
        "batch": line.batch_id,
        "amount_fen": line.amount_fen,
        "paid_on": paid_on.isoformat(),
        "reference_sha256": hashlib.sha256(reference.encode()).hexdigest(),
    }
    audit.record("payment.recorded", body, actor=actor, at=at)
    tell_paid(line, actor=actor, at=at)
    return line


def _judge_payment(
    line: PaymentLine, reference: str, paid_on: date, actor: Actor, at: datetime
) -> None:
    """Refuse a record of payment that cannot be true or is not this person's to make."""
    if line.state == PaymentLine.State.PAID:
        raise Refused(
            "already_paid",
            f"这笔款项已登记付款（流水号 {line.bank_reference}），不能重复付款。",
        )
    if line.state in (PaymentLine.State.RETURNED, PaymentLine.State.FAILED):
        raise Refused("already_returned", "这笔款项未付成，请重新导出付款清单后在新清单上登记。")
    _must_be_sent(line)
    if not actor.person or actor.person == line.batch.approved_person:
        raise Refused("same_person", "签发人不能登记付款，请由财务办理。")
    if not reference or len(reference) > LONGEST_REFERENCE:
        raise Refused("reference_needed", "请填写银行流水号。", field="bank_reference")
    if PaymentLine.objects.filter(bank_reference=reference).exclude(pk=line.pk).exists():
        raise Refused(
            "reference_used", "这个银行流水号已登记在另一笔付款上，请核对。", field="bank_reference"
        )
    if paid_on > day_of(at):
        raise Refused("paid_in_future", "付款日期不能晚于今天。", field="paid_on")


def _must_be_sent(line: PaymentLine) -> None:
    if line.state != PaymentLine.State.SENT:
        raise Refused(
            "step_order",
            f"这笔款项的状态为“{line.get_state_display()}”，还没有送国库，不能登记银行结果。"
            "请先完成清单的审批、复核和送国库。",
        )


@transaction.atomic
def record_failure(line: PaymentLine, *, reason: str, actor: Actor, at: datetime) -> PaymentLine:
    """Record that the bank did not carry out a payment; what it was to pay is owed as before.

    Writes: the line, items ended, state row, log entry. No posting: no money left.

    Raises:
        Refused: not sent, or no reason.
    """
    line = taken_line(line)
    if line.state == PaymentLine.State.FAILED:
        return line
    _must_be_sent(line)
    _need_reason(reason)
    end_items(line)
    _close_short(line, "fail", reason, actor, at)
    body = {"payment": line.pk, "batch": line.batch_id, "amount_fen": line.amount_fen}
    audit.record("payment.failed", body, actor=actor, at=at)
    return line


@transaction.atomic
def record_return(line: PaymentLine, *, reason: str, actor: Actor, at: datetime) -> PaymentLine:
    """Record that the bank sent a payment back; what it paid is owed again.

    Writes: postings (430) per statement, items ended, state rows, log entry. The next payment list
        takes the amounts up again.
    """
    line = taken_line(line)
    if line.state == PaymentLine.State.RETURNED:
        return line
    _need_reason(reason)
    for item in items_of(line):
        _not_claimed(item.statement)
        book_return(item, actor=actor, at=at)
        statement = item.statement
        statement.paid_fen -= item.amount_fen
        if statement.state == Statement.State.PAID:
            move(statement, "bounce", actor=actor, at=at, reason=reason)
        statement.save()
    end_items(line)
    _close_short(line, "give_back", reason, actor, at)
    body = {"payment": line.pk, "batch": line.batch_id, "amount_fen": line.amount_fen}
    audit.record("payment.returned", body, actor=actor, at=at)
    return line


def _not_claimed(statement: Statement) -> None:
    """Refuse a return of money that a decision claims back: it is a receipt of the claim."""
    case = statement.clawbacks.exclude(decided_at=None).first()
    if case:
        raise Refused(
            "claimed_back",
            f"对账单 {statement.statement_no} 已作出追回决定（{case.case_no}），"
            "退回的款项请登记为追回到账。",
        )


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("reason_needed", "请填写银行说明的原因。", field="reason")


def _close_short(line: PaymentLine, event: str, reason: str, actor: Actor, at: datetime) -> None:
    """Move a line that did not arrive, and its list with it."""
    move(line, event, actor=actor, at=at, reason=reason)
    line.returned_reason, line.returned_at = reason.strip()[:200], at
    line.save()
    settle_batch(line.batch, actor=actor, at=at)


def settle_batch(batch: PaymentBatch, *, actor: Actor, at: datetime) -> None:
    """Move a list that was sent to where its lines stand; the caller holds the month.

    Writes: the list and a state row, where it moves.
    """
    batch = PaymentBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    states = set(batch.lines.values_list("state", flat=True))
    short = bool(states & {"failed", "returned", "withdrawn"})
    event = ""
    if batch.state == "sent" and not states & set(OPEN):
        event = "fall_short" if short else "complete"
    elif batch.state in ("paid", "closed") and short:
        event = "fall_short"
    if event:
        move(batch, event, actor=actor, at=at)
        batch.save()


def taken_line(line: PaymentLine) -> PaymentLine:
    """Lock a payment after its month."""
    found = PaymentLine.objects.select_related("batch").get(pk=line.pk)
    MonthClose.objects.select_for_update(of=("self",)).get(pk=found.batch.close_id)
    return (
        PaymentLine.objects.select_for_update(of=("self",))
        .select_related("batch__close", "provider", "enterprise")
        .get(pk=line.pk)
    )


def items_of(line: PaymentLine) -> list[PaymentItem]:
    """Return the live parts of a payment with their statements, locked in order."""
    return list(
        line.items.filter(active=True)
        .select_related("statement__voucher__programme", "line")
        .select_for_update(of=("self", "statement"))
        .order_by("statement__statement_no")
    )


def end_items(line: PaymentLine) -> None:
    """End the parts of a payment: what they were to pay may be listed again."""
    for item in line.items.filter(active=True):
        item.active = False
        item.save()
    for offset in line.offsets.filter(active=True, booked_at=None):
        offset.active = False
        offset.save()


def line_named(pk: UUID | str) -> PaymentLine | None:
    """Return one payment line."""
    lines = PaymentLine.objects.select_related("batch__close", "provider", "enterprise")
    return lines.filter(pk=pk).first()
