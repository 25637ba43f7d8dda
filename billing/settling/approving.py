"""Finance puts a month forward, another person approves it; then it is owed."""

from datetime import datetime

from django.db import transaction

from billing.certifying import issue_certificate
from billing.models import MonthClose, Statement, move
from billing.models.state_row import who_did, write_row
from billing.settling.closing import month_digest, retotal
from billing.settling.noting import issue_notes
from billing.settling.outcomes import tell_approved
from billing.settling.postings import book_approval
from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.refusals import Refused
from providers.models import Order
from providers.ordering import complete_order


@transaction.atomic
def prepare_settlement(close: MonthClose, *, actor: Actor, at: datetime) -> MonthClose:
    """Put a month forward for approval; asking again after a change renews the digest.

    Writes: statements moved, preparer and digest on the month, state rows, log entry.

    Raises:
        Refused: a statement still waits for one side, or the month is not under review.
    """
    close = _taken(close)
    if close.state != MonthClose.State.REVIEW:
        raise Refused("wrong_state", "只有“待确认”的月份可以提请签发，请刷新页面查看最新状态。")
    waiting = _not_answered(close)
    if waiting:
        raise Refused(
            "not_confirmed",
            f"还有 {len(waiting)} 份对账单未经双方答复：{'、'.join(waiting[:5])}。"
            "请提醒双方确认；有异议的行可以暂扣，其余部分照常签发。",
            details={"count": str(len(waiting))},
        )
    answered = close.statements.filter(state__in=["confirmed", "disputed"]).order_by("pk")
    for statement in answered.select_for_update(of=("self",)):
        move(statement, "prepare", actor=actor, at=at)
        statement.save()
    retotal(close)
    close.prepared_name, close.prepared_person, close.prepared_at = actor.name, actor.person, at
    close.save()
    write_row(close, "prepare", "提请签发", (close.state,) * 2, actor=actor, at=at)
    body = {"month": close.month, "digest": close.digest, **_sums(close)}
    audit.record("settlement.prepared", body, actor=actor, at=at)
    return close


def _not_answered(close: MonthClose) -> list[str]:
    """Return the numbers of statements that one side has not answered."""
    return sorted(
        {
            each.statement_no
            for side in ("enterprise", "provider")
            for each in close.statements.all().waiting_for(side)
        }
    )


def _sums(close: MonthClose) -> dict[str, int]:
    statements = list(close.statements.all())
    return {
        "statements": len(statements),
        "public_fen": sum(each.public_fen for each in statements),
        "held_back_fen": sum(each.held_back_fen for each in statements),
    }


@transaction.atomic
def approve_settlement(close: MonthClose, *, digest: str, actor: Actor, at: datetime) -> MonthClose:
    """Approve a prepared month: from here on it is owed (400 per statement, 410 held back).

    Args:
        digest: of the list as it was shown; if anything changed since, nothing is approved.

    Writes: postings, statements and month moved, state rows, one log entry with both persons.

    Raises:
        Refused: not prepared, changed, or approved by who prepared it.
    """
    close = _taken(close)
    if close.state in (MonthClose.State.CLOSED, MonthClose.State.PAID):
        raise Refused("already_approved", "本月结算已经签发，请刷新页面查看。")
    if close.state != MonthClose.State.REVIEW or not close.prepared_person:
        raise Refused("not_prepared", "本月结算还没有提请签发。")
    if not actor.person or actor.person == close.prepared_person:
        raise Refused("same_person", "您是提请人，须由他人签发。")
    if digest != close.digest or digest != month_digest(close) or _changed_since(close):
        raise Refused("changed", "提请之后内容有变化，请重新核对清单；必要时请财务重新提请。")
    preparer = who_did(close, "prepare")
    for statement in close.statements.select_for_update(of=("self",)).select_related(
        "voucher__programme"
    ):
        book_approval(statement, preparer=preparer, actor=actor, at=at)
        move(statement, "approve", actor=actor, at=at)
        statement.save()  # the database allows one edge at a time
        if not statement.by_claim:
            issue_certificate(statement, actor=actor, at=at)
        if statement.is_settled:
            move(statement, "pay", actor=actor, at=at, reason="没有应付金额")
            statement.save()
    close.approved_name, close.approved_person, close.approved_at = actor.name, actor.person, at
    move(close, "close", actor=actor, at=at)
    close.save()
    issue_notes(close, actor=actor, at=at)
    audit.record(
        "settlement.approved",
        {"month": close.month, "digest": close.digest, **_sums(close)},
        actor=actor,
        at=at,
        auth={"approvals": [preparer.for_log(), actor.for_log()]},
    )
    tell_approved(close, actor=actor, at=at)
    return close


def _changed_since(close: MonthClose) -> bool:
    """Tell whether a statement left the prepared state after the month was put forward."""
    return close.statements.exclude(state="prepared").exists()


@transaction.atomic
def return_settlement(close: MonthClose, *, reason: str, actor: Actor, at: datetime) -> MonthClose:
    """Send a prepared month back to finance, with the reason.

    Writes: statements moved back, preparer cleared, state rows, log entry.
    """
    close = _taken(close)
    if close.state != MonthClose.State.REVIEW or not close.prepared_person:
        raise Refused("not_prepared", "本月结算没有待签发的提请。")
    if not reason.strip():
        raise Refused("reason_needed", "请写明退回理由。", field="reason")
    prepared = close.statements.filter(state="prepared").order_by("pk")
    for statement in prepared.select_for_update(of=("self",)):
        event = "send_back_disputed" if statement.held_back_fen else "send_back"
        move(statement, event, actor=actor, at=at, reason=reason)
        statement.save()
    close.prepared_name = close.prepared_person = ""
    close.prepared_at = None
    close.save()
    write_row(close, "return", "退回", (close.state,) * 2, actor=actor, at=at, reason=reason)
    audit.record("settlement.returned", {"month": close.month}, actor=actor, at=at)
    return close


@transaction.atomic
def finish_month(close: MonthClose, *, actor: Actor, at: datetime) -> MonthClose:
    """Finish a month whose statements are all paid, and let go of orders that are over.

    An order whose provider still has records waiting keeps its hold for them, and so does one
    whose statements may still be claimed.

    Writes: month moved, orders completed (the rest of their holds released), log entry.

    Raises:
        Refused: something is unpaid or in dispute.
    """
    close = _taken(close)
    if close.state == MonthClose.State.PAID:
        return close
    unpaid = close.statements.exclude(state="paid")
    if close.state != MonthClose.State.CLOSED or unpaid.exists():
        owed = sum(each.payable_fen for each in unpaid)
        raise Refused(
            "not_paid",
            f"还有 {unpaid.count()} 份对账单未办结（未付 {yuan_text(owed)} 元或有异议未处理），"
            "全部付款后才能办结本月。",
        )
    waiting = {each["provider_id"] for each in close.carried}
    done = []
    claimable = Statement.objects.all().still_to_claim()
    over = Order.objects.finished(close.period.end_at).exclude(provider_id__in=waiting)
    for order in over.exclude(pk__in=claimable.values("order")):
        complete_order(order, actor=actor, at=at)
        done.append(str(order.pk))
    for batch in close.payments.filter(state__in=["paid", "partly_returned"]).order_by("batch_no"):
        batch.closed_at = at
        move(batch, "finish", actor=actor, at=at)
        batch.save()
    move(close, "finish", actor=actor, at=at)
    close.paid_at = at
    close.save()
    audit.record("month.finished", {"month": close.month, "orders": done}, actor=actor, at=at)
    return close


def _taken(close: MonthClose) -> MonthClose:
    return MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
