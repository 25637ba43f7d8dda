"""Fourth part of the story: the month is closed, confirmed, approved, paid and reported."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from billing import reporting, settling
from billing.management.demonstration.cast import Cast, later, when
from billing.models import Claim, MonthClose, PaymentBatch, Report, Statement
from ledger import audit, clock, work
from ledger.periods import Month
from ledger.refusals import Broken
from providers.models import Provider

OCTOBER = Month(2026, 10)
PATIENCE_SECONDS = 8.0  # how long a worker may take to pick work up before we do it ourselves
LONGEST_SECONDS = 600.0
SEALED_WITHIN_SECONDS = 120.0
PAUSE_SECONDS = 0.2
HANDLERS: dict[str, work.Handler] = {
    "billing.close_month": settling.run_close_work,
    "billing.render_report": reporting.run_report_work,
}


@dataclass(frozen=True)
class Say:
    """How the story is told, and how long it waits for a worker.

    Args:
        line: prints one line.
        patience: seconds a worker may take to pick work up before we do it ourselves.
    """

    line: Callable[[str], None]
    patience: float = PATIENCE_SECONDS

    def __call__(self, text: str) -> None:
        """Tell one line."""
        self.line(text)


def close(cast: Cast, say: Say, month: Month, at: datetime) -> MonthClose:
    """Close a month as work of the worker, and show how far it is."""
    job = settling.close_month(month, actor=cast.actor("finance"), at=at)
    done = wait_for(job, say)
    result = done.result or {}
    say(f"月结完成：对账单 {result['statements']} 份，摘要 {result['digest'][:16]}…")
    return MonthClose.objects.get(month=str(month))


def confirm(cast: Cast, month_close: MonthClose, say: Say) -> None:
    """One enterprise objects and is answered; then both sides confirm every statement."""
    statements = list(month_close.statements.order_by("statement_no"))
    questioned = next(s for s in statements if s.enterprise.uscc == "91310107MAFAKE115E")
    objection = settling.object_statement(
        questioned,
        side="enterprise",
        ordinal=1,
        reason="10 月 12 日的作业时长与我方记录相差 10 分钟，请核对。",
        actor=cast.actor("sme2"),
        at=when("2026-11-05 09:30"),
    )
    say(f"{questioned.statement_no} 企业提出异议：{objection.reason}")
    settling.resolve_objection(
        objection,
        uphold=False,
        resolution="已核对签名原始记录，时长一致；差异来自贵方日志时区。",
        actor=cast.actor("approver"),
        at=when("2026-11-05 15:00"),
    )
    for statement in statements:
        confirm_both(cast, statement, when("2026-11-06 10:00"))


def confirm_both(cast: Cast, statement: Statement, at: datetime) -> None:
    """Let provider and enterprise say yes to a statement, a minute apart."""
    enterprise = statement.enterprise.seats.get().user.username
    provider = statement.provider.seats.get().user.username
    for minute, (side, username) in enumerate((("provider", provider), ("enterprise", enterprise))):
        statement.refresh_from_db()
        settling.confirm_statement(
            statement,
            side=side,
            digest=statement.digest,
            actor=cast.actor(username),
            at=later(at, minutes=minute),
        )


def approve(cast: Cast, month_close: MonthClose, at: datetime) -> MonthClose:
    """Put a month forward; another person approves it a day later."""
    prepared = settling.prepare_settlement(month_close, actor=cast.actor("finance"), at=at)
    return settling.approve_settlement(
        prepared, digest=prepared.digest, actor=cast.actor("approver"), at=later(at, days=1)
    )


def pay(cast: Cast, approved: MonthClose, say: Say) -> MonthClose:
    """List what an approved month owes, sign, pay and finish."""
    batch = settling.export_payment_list(
        approved, actor=cast.actor("finance2"), at=when("2026-11-12 10:00")
    )
    _sign_and_send(cast, batch)
    for number, line in enumerate(batch.lines.order_by("ordinal"), start=1):
        settling.record_payment(
            line,
            bank_reference=f"演示回单-20261116-{number:03d}",
            paid_on=date(2026, 11, 16),
            actor=cast.actor("finance2"),
            at=when("2026-11-16 15:00"),
        )
    say(f"拨付清单 {batch.batch_no} 已登记回单")
    return settling.finish_month(approved, actor=cast.actor("finance"), at=when("2026-11-16 16:00"))


def _sign_and_send(cast: Cast, batch: PaymentBatch) -> None:
    """Two of the bureau and two of finance sign the list, each another person; then it is sent."""
    signers = ("approver", "approver2", "finance", "finance3")
    for hour, (step, username) in enumerate(zip(settling.steps_of(batch), signers, strict=True)):
        settling.sign_batch(
            batch,
            step=step,
            digest=batch.sha256,
            actor=cast.actor(username),
            at=later(when("2026-11-12 11:00"), minutes=60 * hour),
        )
    settling.send_batch(batch, actor=cast.actor("finance2"), at=when("2026-11-13 09:00"))


def report(cast: Cast, month_close: MonthClose, say: Say) -> list[Report]:
    """Seal the log, then print the month: for the bureau, each provider, one enterprise; papers."""
    seal_everything(say)
    mine = {"statements__close": month_close}
    largest = month_close.statements.order_by("-public_fen", "statement_no").first()
    subjects: list[Any] = [None, *Provider.objects.filter(**mine).distinct().order_by("name")]
    if largest is not None:
        subjects += [largest.enterprise, largest]
    subjects += month_close.payments.all()
    made = [
        reporting.make_report(
            month_close, each, actor=cast.actor("finance"), at=when("2026-11-17 10:00")
        )
        for each in subjects
    ]
    for each in made:
        job = work.find("billing.render_report", str(each.pk))
        if job is None:
            raise Broken("a report without its work")
        wait_for(job, say)
        each.refresh_from_db()
    return made


def seal_everything(say: Say) -> None:
    """Wait for the sealer until nothing waits; where this process may seal, it need not wait.

    An entry is final only when no older transaction still runs.
    """
    begun = time.monotonic()
    told = False
    while audit.unsealed():
        waited = time.monotonic() - begun
        if waited > SEALED_WITHIN_SECONDS:
            raise Broken("the log could not be sealed: no sealer, or a transaction stays open")
        if waited >= say.patience and audit.may_seal():
            audit.seal(clock.now())
        elif waited > PATIENCE_SECONDS and not told:
            say("等待日志封存（manage.py seal_log 应在运行）")
            told = True
        time.sleep(PAUSE_SECONDS)


def wait_for(job: work.Work, say: Say) -> work.Work:
    """Wait for the worker; without one, do the work here, by the same handler."""
    begun = time.monotonic()
    told = ""
    while not job.is_over:
        waited = time.monotonic() - begun
        if job.state == work.Work.State.QUEUED and waited >= say.patience:
            if say.patience:
                say("没有后台进程应答，在本进程内办理")
            work.run_due(HANDLERS, now=clock.now, worker="seed_demo")
        if waited > LONGEST_SECONDS:
            raise Broken(f"{job} is not done after {LONGEST_SECONDS:.0f} s")
        time.sleep(PAUSE_SECONDS)
        job.refresh_from_db()
        if job.message and job.message != told:
            told = job.message
            say(f"  {told}（{job.done}/{job.total}）")
    if job.state != work.Work.State.DONE:
        raise Broken(f"{job}: {job.error}")
    return job


def facts(month_close: MonthClose, reports: list[Report]) -> dict[str, Any]:
    """Return what the summary says of the settled month."""
    return {
        "month": month_close.month,
        "state": month_close.state,
        "statements": [
            {
                "statement_no": each.statement_no,
                "enterprise": each.enterprise.name,
                "provider": each.provider.name,
                "state": each.state,
                "state_label": each.get_state_display(),
                "gross_fen": each.gross_fen,
                "public_fen": each.public_fen,
                "self_fen": each.self_fen,
                "pflops_hours": str(each.pflops_hours),
            }
            for each in month_close.statements.order_by("statement_no")
        ],
        "claims": [
            {
                "claim_no": each.claim_no,
                "enterprise": each.statement.enterprise.name,
                "state": each.state,
                "state_label": each.get_state_display(),
                "expected_fen": each.expected_fen,
                "granted_fen": each.granted_fen,
            }
            for each in Claim.objects.with_parties().order_by("claim_no")
        ],
        "reports": [
            {
                "report_no": each.report_no,
                "kind": each.kind,
                "path": str(reporting.report_path(each)),
                "sha256": each.sha256,
                "check_code": each.check_code,
                "pages": each.pages,
            }
            for each in reports
        ],
    }
