"""Try a month: plan it, compute it a second time, keep the result, post nothing.

A trial may be asked for whenever the month is open, also while it still runs. What came in since
the trial before shows as its difference.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from billing.models import MonthClose, Trial
from billing.planning import Plan, digest_of_plan, plan_month
from billing.recomputing import recheck
from billing.settling.closing import Step, month_of_text, standing_in_the_way
from ledger import audit, work
from ledger.actors import Actor
from ledger.periods import Month
from ledger.refusals import Refused

KIND = "billing.try_month"
STEPS = 3


@transaction.atomic
def ask_trial(month: Month, *, actor: Actor, at: datetime) -> work.Work:
    """Ask for a trial of an open month; while one is under way, the same is given.

    Writes: one piece of work.

    Raises:
        Refused: the month is cut off already.
    """
    if month_of_text(str(month)).state != MonthClose.State.OPEN:
        raise Refused(
            "month_cut_off", f"{month.title}已截止，不再试算；结算结果见对账单。", field="month"
        )
    number = Trial.objects.of_month(month).count() + 1
    key = f"{month}#{number}"
    known = work.find(KIND, key)
    if known is not None and known.state == work.Work.State.DEAD:
        return work.ask_again(known, actor=actor, at=at)
    payload = {"month": str(month), "number": number}
    return work.request(KIND, key=key, payload=payload, actor=actor, at=at)


def trial_job(month: Month) -> work.Work | None:
    """Return the trial of a month that is under way or failed, if there is one."""
    number = Trial.objects.of_month(month).count() + 1
    return work.find(KIND, f"{month}#{number}")


def run_trial_work(job: work.Work, progress: Step) -> dict[str, Any]:
    """Try a month; the handler of the work ``billing.try_month``.

    Writes: one trial, one log entry; a second run finds the trial and writes nothing.

    Raises:
        Refused: the month was cut off meanwhile, or the second computation differs.
    """
    month, number = Month.parse(job.payload["month"]), int(job.payload["number"])
    known = Trial.objects.of_month(month).filter(number=number).first()
    if known is None:
        progress(0, STEPS, "正在汇总用量并计价")
        known = _try(month, number, progress, job)
    progress(STEPS, STEPS, "试算完成")
    return {"month": str(month), "number": known.number, "digest": known.digest}


def _try(month: Month, number: int, progress: Step, job: work.Work) -> Trial:
    actor, at = work.requester(job), job.requested_at
    with _one_moment():
        close = month_of_text(str(month))
        if close.state != MonthClose.State.OPEN:
            raise Refused("month_cut_off", f"{month.title}已截止，不再试算。")
        plan = plan_month(close, at=at)
        checked = recheck(month, plan.pairs, plan.unstated, at=at)
        waiting = standing_in_the_way(month, carry_held=False, at=at)
    progress(STEPS - 1, STEPS, "已独立重算，正在保存")
    with transaction.atomic():
        trial = Trial.objects.create(
            month=str(month),
            number=number,
            asked_at=at,
            asked_id=actor.id,
            asked_name=actor.name,
            digest=digest_of_plan(month, plan),
            statement_count=len(plan.drafts),
            lines=sum(len(each.lines) for each in plan.drafts),
            gross_fen=sum(each.gross_fen for each in plan.statements),
            public_fen=sum(each.public_fen for each in plan.statements),
            recomputed_lines=checked.lines,
            recomputed_difference_fen=checked.difference_fen,
            blockers=sum(each.count for each in waiting),
            amounts=_amounts(plan),
            carried=plan.carried,
        )
        body = {
            "month": trial.month,
            "number": trial.number,
            "statements": trial.statement_count,
            "gross_fen": trial.gross_fen,
            "public_fen": trial.public_fen,
            "digest": trial.digest,
            "recomputed_lines": trial.recomputed_lines,
            "recomputed_difference_fen": trial.recomputed_difference_fen,
        }
        audit.record("month.tried", body, actor=actor, at=at)
    return trial


@contextmanager
def _one_moment() -> Iterator[None]:
    """Let every question see the same state, though uploads go on meanwhile."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _amounts(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "order_no": each.order.order_no,
            "provider": each.provider.name,
            "enterprise": each.enterprise.name,
            "gross_fen": each.gross_fen,
            "public_fen": each.public_fen,
            "records": each.records,
        }
        for each in plan.statements
    ]


@dataclass(frozen=True)
class Change:
    """How one order differs between two trials; an amount of None stands for: was not there.

    Units: fen.
    """

    order_no: str
    provider: str
    enterprise: str
    word: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def changes_between(before: Trial | None, after: Trial) -> list[Change]:
    """Return what is new, gone or changed since the trial before, by order number."""
    earlier = before.by_order() if before else {}
    later = after.by_order()
    found = []
    for order_no in sorted({*earlier, *later}):
        old, new = earlier.get(order_no), later.get(order_no)
        if old == new:
            continue
        named = new or old or {}
        word = "新增" if old is None else "消失" if new is None else "金额变化"
        found.append(
            Change(order_no, str(named["provider"]), str(named["enterprise"]), word, old, new)
        )
    return found
