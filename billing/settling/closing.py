"""Close a month: look for what stands in the way, cut off, put statements out, finish.

Closing is work that can be cut off anywhere and started again. The cut-off writes all statements as
drafts in one transaction; each draft is then redeemed in a transaction of its own. What was done is
found done, what was not is done, and the end is the same.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from billing.adjustments import earlier_usage, tied_work
from billing.models import MonthClose, Statement, move
from billing.models.state_row import move_set
from billing.planning import digest_of, plan_month, write_plan
from billing.recomputing import recheck
from billing.redeeming import redeem_statements
from billing.settling.postings import book_earlier_computing, book_own_shares
from billing.settling.telling import tell_month_out
from ledger import audit, work
from ledger.actors import Actor
from ledger.periods import SHANGHAI, Month, day_of
from ledger.refusals import Refused
from ledger.rolling import close_period
from providers.metering import Blocker, blockers
from providers.shutting import shut_month
from providers.telling import listeners, tell
from vouchers.calendars import work_calendar
from vouchers.workdays import end_of

KIND = "billing.close_month"
AT_ONCE = 100  # statements put out in one transaction: what a killed worker has to do again
OBJECTION_WORKING_DAYS = 5  # for a month without a statement; editions say their own
CARRIABLE = frozenset(
    {
        "open", "held", "unknown_model", "no_rate", "no_capacity",
        "over_capacity", "over_hold", "suspect_repeat", "late_correction", "under_review",
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
    return _stopping(blockers(month, at=at), carry_held=carry_held)


def _stopping(found: Sequence[Blocker], *, carry_held: bool) -> list[Blocker]:
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
    _judge(month, standing_in_the_way(month, carry_held=carry_held))
    close.carry_held = carry_held
    close.save()
    if known is not None:
        known.payload["carry_held"] = carry_held
        known.save(update_fields=["payload"])
        return work.ask_again(known, actor=actor, at=at)
    payload = {"month": str(month), "carry_held": carry_held}
    return work.request(KIND, key=str(month), payload=payload, actor=actor, at=at)


def _judge(month: Month, found: Sequence[Blocker]) -> None:
    """Refuse a month in which something waits for somebody."""
    if found:
        listed = "；".join(each.text for each in found)
        raise Refused(
            "month_blocked",
            f"{month.title}还有未了结的事项，不能结算：{listed}。"
            "请先处理；挂起和未结束的记录也可以选择转入下期，"
            "上报缺口由供方补齐，或由两人办理缺口说明。",
            details={each.kind: str(each.count) for each in found},
        )


def run_close_work(job: work.Work, progress: Step, *, at_once: int = AT_ONCE) -> dict[str, Any]:
    """Close a month; the handler of the work ``billing.close_month``.

    A second run changes nothing and says so.

    Args:
        at_once: statements put out in one transaction; the result is the same for any number.
    """
    month = Month.parse(job.payload["month"])
    actor, at = work.requester(job), job.requested_at
    close = month_of_text(str(month))
    if close.state not in (MonthClose.State.OPEN, MonthClose.State.CLOSING):
        return {**_outcome(close), "unchanged": True}
    if close.state == MonthClose.State.OPEN:
        progress(0, 0, "正在截止并计价")
        close = cut_off(close, carry_held=bool(job.payload["carry_held"]), actor=actor, at=at)
    _redeem_drafts(close, progress, at_once, actor=actor, at=at)
    close = put_out(close, actor=actor, at=at)
    return {**_outcome(close), "unchanged": False}


@transaction.atomic
def cut_off(close: MonthClose, *, carry_held: bool, actor: Actor, at: datetime) -> MonthClose:
    """Draw the line under a month and write its statements as drafts.

    Writes: the intake of the month shut, the trial balance at its end, draft statements with
        their lines, how the second computation ended, state row, two log entries.

    Raises:
        Refused: something turned up that stands in the way, or the second computation differs;
            then nothing is written.
    """
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if close.state != MonthClose.State.OPEN:
        return close
    month = close.period
    shut_month(month, actor=actor, at=at)
    waiting = blockers(month)
    _judge(month, _stopping(waiting, carry_held=carry_held))
    close.carry_held = carry_held
    close.carried = [
        {
            "kind": each.kind,
            "provider": each.provider.name,
            "provider_id": str(each.provider.pk),
            "count": each.count,
            "text": each.text,
        }
        for each in waiting
    ]
    move(close, "start", actor=actor, at=at)
    plan = plan_month(close, at=at)
    checked = recheck(month, plan.pairs, plan.unstated, at=at)
    write_plan(plan)
    statements = plan.statements
    close.carried += plan.carried
    close.cutoff_at = at
    close.recomputed_lines = checked.lines
    close.recomputed_difference_fen = checked.difference_fen
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
    body = {
        "month": close.month,
        "statements": checked.statements,
        "lines": checked.lines,
        "gross_fen": close.gross_fen,
        "difference_fen": checked.difference_fen,
    }
    audit.record("month.recomputed", body, actor=actor, at=at)
    return close


def _redeem_drafts(
    close: MonthClose, progress: Step, at_once: int, *, actor: Actor, at: datetime
) -> None:
    """Redeem every draft, a piece of the month in each transaction, telling how far it got."""
    drafts = close.statements.filter(state="draft").order_by("statement_no")
    waiting = list(drafts.values_list("pk", flat=True))
    total = close.statement_count
    for begin in range(0, len(waiting), at_once):
        piece = waiting[begin : begin + at_once]
        with transaction.atomic():
            closed = close_statements(close, piece, actor=actor, at=at)
            done = total - len(waiting) + begin + len(piece)
            progress(done, total, f"已出具 {closed[-1].statement_no}")


@transaction.atomic
def close_statements(
    close: MonthClose, ids: Sequence[UUID], *, actor: Actor, at: datetime
) -> list[Statement]:
    """Redeem draft statements of a month and put them before both sides, each once.

    Writes: the redemptions, the memos of the own shares, state rows, a log entry
        ``statement.closed`` for each; all of them or none.
    """
    taken = list(
        Statement.objects.select_for_update(of=("self",))
        .select_related("order__provider", "order__hold", "voucher__programme")
        .prefetch_related("order__parts__hold")
        .filter(pk__in=ids)
        .order_by("statement_no")
    )
    drafts = [each for each in taken if each.state == Statement.State.DRAFT]
    redeem_statements(drafts, close.period, actor=actor, at=at)
    book_own_shares(drafts, actor=actor, at=at)
    for statement in drafts:
        if statement.also_settles:
            book_earlier_computing(statement, _earlier_work(statement), actor=actor, at=at)
    move_set(drafts, "put_out", actor=actor, at=at)
    bodies = [_closed_body(each) for each in drafts]
    entries = audit.record_set("statement.closed", bodies, actor=actor, at=at)
    for statement, entry in zip(drafts, entries, strict=True):
        statement.entry_id = entry.id
    Statement.objects.bulk_update(drafts, ["state", "redemption_id", "entry_id"])
    _tell_ready(drafts, actor, at)
    return taken


def _closed_body(statement: Statement) -> dict[str, Any]:
    return {
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


def _tell_ready(statements: Sequence[Statement], actor: Actor, at: datetime) -> None:
    """Tell the providers that want to be told."""
    listening = listeners("statement.ready")
    for each in statements:
        if each.provider_id not in listening:
            continue
        told = {
            "statement_no": each.statement_no,
            "month": each.month,
            "gross_fen": str(each.gross_fen),
            "public_fen": str(each.public_fen),
        }
        tell(each.order.provider, "statement.ready", told, actor=actor, at=at)


def _earlier_work(statement: Statement) -> dict[str, int]:
    """Return the computing of each earlier month that a statement takes up, GFLOPS-seconds."""
    order = statement.order_id
    return {
        text: tied_work(earlier_usage({order: [Month.parse(text)]}).get(order, []))
        for text in statement.also_settles
    }


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
    tell_month_out(close, last_objection_day(close), at)
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
    return digest_of(close.month, close.statements.order_by("statement_no"))


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
