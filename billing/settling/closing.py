"""Close a month: look for what stands in the way, cut off, put statements out, finish.

Closing is work that can be cut off anywhere and started again. The cut-off writes all statements as
drafts in one transaction; each draft is then redeemed in a transaction of its own. What was done is
found done, what was not is done, and the end is the same.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum

from billing.adjustments import order_usage, tied_work
from billing.models import MonthClose, Statement, move
from billing.redeeming import plan_statements, redeem_statement
from billing.settling.postings import book_earlier_computing, book_own_share
from ledger import audit, work
from ledger.actors import Actor
from ledger.periods import SHANGHAI, Month, day_of
from ledger.refusals import Refused
from ledger.rolling import close_period
from providers.metering import Blocker, blockers
from providers.shutting import shut_month
from vouchers.calendars import work_calendar
from vouchers.workdays import end_of

KIND = "billing.close_month"
OBJECTION_WORKING_DAYS = 5  # for a month without a statement; editions say their own
CARRIABLE = frozenset(
    {
        "open", "held", "unknown_model", "no_rate", "no_capacity",
        "over_capacity", "over_hold", "suspect_repeat", "late_correction",
    }
)  # fmt: skip

Step = Callable[[int, int, str], None]


def month_of_text(month: str) -> MonthClose:
    """Return the month's row, made on first use."""
    close, _ = MonthClose.objects.get_or_create(month=str(Month.parse(month)))
    return close


def standing_in_the_way(
    month: Month, *, carry_held: bool, at: datetime | None = None
) -> list[Blocker]:
    """Return what keeps a month from being closed; conflicts and gaps cannot go over to later."""
    found = blockers(month, at=at)
    return [each for each in found if not (carry_held and each.kind in CARRIABLE)]


@transaction.atomic
def close_month(month: Month, *, carry_held: bool = False, actor: Actor, at: datetime) -> work.Work:
    """Ask for a month to be closed; asking again gives the same piece of work.

    Args:
        month: a month that is over.
        carry_held: take records that are held or still open over to later months; without it they
            stand in the way. Nothing is ever dropped.

    Writes: the month's row, one piece of work.

    Raises:
        Refused: the month is not over, an earlier one is still open, or something is in the way.
    """
    close = month_of_text(str(month))
    known = work.find(KIND, str(month))
    if known is not None and known.state != work.Work.State.DEAD:
        return known
    if at < month.end_at:
        raise Refused("month_not_over", f"{month.title}尚未结束，结束后才能结算。", field="month")
    _judge_blockers(month, carry_held=carry_held)
    close.carry_held = carry_held
    close.save()
    if known is not None:
        known.payload["carry_held"] = carry_held
        known.save(update_fields=["payload"])
        return work.ask_again(known, actor=actor, at=at)
    payload = {"month": str(month), "carry_held": carry_held}
    return work.request(KIND, key=str(month), payload=payload, actor=actor, at=at)


def _judge_blockers(month: Month, *, carry_held: bool) -> None:
    """Refuse a month in which something waits for somebody."""
    found = standing_in_the_way(month, carry_held=carry_held)
    if found:
        listed = "；".join(each.text for each in found)
        raise Refused(
            "month_blocked",
            f"{month.title}还有未了结的事项，不能结算：{listed}。"
            "请先处理；挂起和未结束的记录也可以选择转入下期，"
            "上报缺口由供方补齐，或由两人办理缺口说明。",
            details={each.kind: str(each.count) for each in found},
        )


def run_close_work(job: work.Work, progress: Step) -> dict[str, Any]:
    """Close a month; the handler of the work ``billing.close_month``.

    A second run changes nothing and says so.
    """
    month = Month.parse(job.payload["month"])
    actor, at = work.requester(job), job.requested_at
    close = month_of_text(str(month))
    if close.state not in (MonthClose.State.OPEN, MonthClose.State.CLOSING):
        return {**_outcome(close), "unchanged": True}
    if close.state == MonthClose.State.OPEN:
        progress(0, 0, "正在截止并计价")
        close = cut_off(close, carry_held=bool(job.payload["carry_held"]), actor=actor, at=at)
    _redeem_drafts(close, progress, actor=actor, at=at)
    close = put_out(close, actor=actor, at=at)
    return {**_outcome(close), "unchanged": False}


@transaction.atomic
def cut_off(close: MonthClose, *, carry_held: bool, actor: Actor, at: datetime) -> MonthClose:
    """Draw the line under a month and write its statements as drafts.

    Writes: the intake of the month shut, the trial balance at its end, draft statements with
        their lines, state row, log entry.

    Raises:
        Refused: something turned up that stands in the way.
    """
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if close.state != MonthClose.State.OPEN:
        return close
    month = close.period
    shut_month(month, actor=actor, at=at)
    _judge_blockers(month, carry_held=carry_held)
    close.carry_held = carry_held
    close.carried = [
        {
            "kind": each.kind,
            "provider": each.provider.name,
            "provider_id": str(each.provider.pk),
            "count": each.count,
            "text": each.text,
        }
        for each in blockers(month)
    ]
    move(close, "start", actor=actor, at=at)
    plan = plan_statements(close, at=at)
    statements = plan.statements
    close.carried += plan.carried
    close.cutoff_at = at
    close.statement_count = len(statements)
    close.gross_fen = sum(each.gross_fen for each in statements)
    close.public_fen = sum(each.public_fen for each in statements)
    close.save()
    body = {
        "month": close.month,
        "statements": close.statement_count,
        "gross_fen": close.gross_fen,
        "public_fen": close.public_fen,
        "carried": sum(each["count"] for each in close.carried),
        "trial_balance": close_period(month, at),
    }
    audit.record("month.cut_off", body, actor=actor, at=at)
    return close


def _redeem_drafts(close: MonthClose, progress: Step, *, actor: Actor, at: datetime) -> None:
    """Redeem every draft, one transaction each, telling how far it got."""
    waiting = list(
        close.statements.filter(state="draft").order_by("statement_no").values_list("pk", flat=True)
    )
    total = close.statement_count
    for place, pk in enumerate(waiting, start=total - len(waiting) + 1):
        with transaction.atomic():
            statement = close_statement(pk, actor=actor, at=at)
            progress(place, total, f"已出具 {statement.statement_no}")


@transaction.atomic
def close_statement(pk: Any, *, actor: Actor, at: datetime) -> Statement:
    """Redeem one draft statement and put it before both sides, once.

    Writes: the redemption, the memo of the own share, state row, log entry ``statement.closed``.
    """
    statement = (
        Statement.objects.select_for_update(of=("self",))
        .select_related("close", "order__hold", "voucher__programme")
        .get(pk=pk)
    )
    if statement.state != Statement.State.DRAFT:
        return statement
    redeem_statement(statement, actor=actor, at=at)
    book_own_share(statement, actor=actor, at=at)
    earlier = {
        text: tied_work(order_usage(statement.order, Month.parse(text)))
        for text in statement.also_settles
    }
    book_earlier_computing(statement, earlier, actor=actor, at=at)
    move(statement, "put_out", actor=actor, at=at)
    body = {
        "statement": statement.pk,
        "statement_no": statement.statement_no,
        "month": statement.month,
        "order": statement.order_id,
        "gross_fen": statement.gross_fen,
        "public_fen": statement.public_fen,
        "self_fen": statement.self_fen,
        "device_milli_seconds": str(statement.device_milli_seconds),
        "binding": statement.binding,
        "digest": statement.digest,
    }
    statement.entry_id = audit.record("statement.closed", body, actor=actor, at=at).id
    statement.save()
    return statement


@transaction.atomic
def put_out(close: MonthClose, *, actor: Actor, at: datetime) -> MonthClose:
    """Open the time for confirmation and objection.

    Writes: state row, digest of all statements, last day for objections, log entry.

    Raises:
        Refused: the calendar of the year is not known, so no period can be counted.
    """
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if close.state != MonthClose.State.CLOSING:
        return close
    move(close, "put_out", actor=actor, at=at)
    close.put_out_at = at
    last_day = work_calendar().add_working_days(day_of(at), objection_days(close))
    close.objections_until = end_of(last_day)
    close.digest = month_digest(close)
    close.save()
    body = {
        "month": close.month,
        "statements": close.statement_count,
        "digest": close.digest,
        "objections_until": close.objections_until,
    }
    audit.record("month.put_out", body, actor=actor, at=at)
    return close


def objection_days(close: MonthClose) -> int:
    """Return the longest objection period of the editions concerned."""
    statements = close.statements.select_related("voucher__programme")
    programmes = {each.voucher.programme_id: each.voucher.programme for each in statements}
    days = [each.edition.settlement.objection_working_days for each in programmes.values()]
    return max(days, default=OBJECTION_WORKING_DAYS)


def last_objection_day(close: MonthClose) -> datetime | None:
    """Return the last Shanghai day on which an objection counts, for showing."""
    if close.objections_until is None:
        return None
    return (close.objections_until - timedelta(seconds=1)).astimezone(SHANGHAI)


def month_digest(close: MonthClose) -> str:
    """Return the digest of everything a month pays: each statement, its version, what is held."""
    hashed = hashlib.sha256(f"month/{close.month}\n".encode())
    for each in close.statements.order_by("statement_no"):
        said = (
            f"{each.statement_no} {each.version} {each.digest} "
            f"{each.public_fen} {each.held_back_fen} {each.provider_id}\n"
        )
        hashed.update(said.encode())
    return hashed.hexdigest()


def retotal(close: MonthClose) -> None:
    """Bring the month's sums and digest up to its statements; the caller saves."""
    found = close.statements.aggregate(
        gross=Sum("gross_fen", default=0), public=Sum("public_fen", default=0)
    )
    close.gross_fen, close.public_fen = found["gross"], found["public"]
    close.digest = month_digest(close)


def _outcome(close: MonthClose) -> dict[str, Any]:
    return {
        "month": close.month,
        "state": close.state,
        "statements": close.statement_count,
        "gross_fen": str(close.gross_fen),
        "public_fen": str(close.public_fen),
        "digest": close.digest,
        "carried": close.carried,
    }
