"""Hold one payment of a list back, let it go again by two persons, or take it off its list."""

from datetime import datetime

from django.db import transaction

from billing.models import PaymentHold, PaymentLine, move
from billing.settling.paying import end_items, settle_batch, taken_line
from billing.settling.signing import put_hold
from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused


@transaction.atomic
def suspend_payment(
    line: PaymentLine, *, kind: str, reason: str, actor: Actor, at: datetime
) -> PaymentLine:
    """Hold a payment back before it is sent; one person is enough to stop (court freeze, doubt).

    Args:
        kind: one of ``PaymentHold.Kind``.

    Writes: the line moved, the reason, state row, log entry.

    Raises:
        Refused: sent already, no reason, or no such kind.
    """
    line = taken_line(line)
    if line.state == PaymentLine.State.SUSPENDED:
        return line
    _reason(reason)
    if kind not in PaymentHold.Kind.values:
        raise Refused("kind_unknown", "请选择暂停的类别。", field="kind")
    if line.state != PaymentLine.State.WAITING:
        raise Refused(
            "already_sent",
            f"这笔款项为“{line.get_state_display()}”，不能再暂停。已送国库的请联系开户行止付，"
            "按回单登记失败或退汇。",
        )
    put_hold(line, kind, reason.strip(), actor=actor, at=at)
    return line


@transaction.atomic
def release_payment(line: PaymentLine, *, reason: str, actor: Actor, at: datetime) -> PaymentLine:
    """Let a suspended payment go: the first person asks with a reason, another one agrees.

    A changed account or name is never released: the payment is taken off the list and approved
    anew with the account of today.

    Writes: who asked; with the second person the line moved, the hold ended; state row, log entry.

    Raises:
        Refused: not suspended, no reason, one person twice, or the account changed.
    """
    line = taken_line(line)
    if line.state != PaymentLine.State.SUSPENDED:
        raise Refused("wrong_state", "这笔款项没有暂停，请刷新页面查看。")
    hold = PaymentHold.objects.select_for_update(of=("self",)).get(line=line, ended_at=None)
    if hold.kind == PaymentHold.Kind.ACCOUNT:
        raise Refused(
            "new_approval_needed",
            "收款账户或户名有变更，不能解除暂停。请撤回这笔款项，重新导出清单并审批。",
        )
    if not actor.person or actor.person == hold.asked_person:
        raise Refused("same_person", "解除暂停须两人办理，请由另一人同意。")
    if not hold.asked_person:
        _reason(reason)
        hold.asked_at, hold.asked_name = at, actor.name
        hold.asked_person, hold.asked_reason = actor.person, reason.strip()[:300]
        hold.save()
        _log("payment.ask_release", line, hold, actor, at)
        return line
    _end(hold, actor, at)
    move(line, "release", actor=actor, at=at, reason=hold.asked_reason)
    line.save()
    _log("payment.released", line, hold, actor, at)
    return line


@transaction.atomic
def withdraw_payment(line: PaymentLine, *, reason: str, actor: Actor, at: datetime) -> PaymentLine:
    """Take a payment off its list before it is sent; what it lists is owed as before.

    Writes: the line moved, its items ended, an open hold ended, state row, log entry.

    Raises:
        Refused: sent already, or no reason.
    """
    line = taken_line(line)
    if line.state == PaymentLine.State.WITHDRAWN:
        return line
    _reason(reason)
    move(line, "withdraw", actor=actor, at=at, reason=reason)
    line.returned_reason, line.returned_at = reason.strip()[:200], at
    line.save()
    end_items(line)
    for hold in line.holds.filter(ended_at=None).select_for_update(of=("self",)):
        _end(hold, actor, at)
    settle_batch(line.batch, actor=actor, at=at)
    body = {"payment": line.pk, "batch": line.batch_id, "amount_fen": line.amount_fen}
    audit.record("payment.withdrawn", body, actor=actor, at=at)
    return line


def _end(hold: PaymentHold, actor: Actor, at: datetime) -> None:
    hold.ended_at, hold.ended_name = at, actor.name
    hold.ended_person = "" if actor.person == hold.asked_person else actor.person
    hold.save()


def _log(entry: str, line: PaymentLine, hold: PaymentHold, actor: Actor, at: datetime) -> None:
    body = {"payment": line.pk, "batch": line.batch_id, "kind": hold.kind}
    audit.record(entry, body, actor=actor, at=at)


def _reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("reason_needed", "请写明理由和依据。", field="reason")
