"""Settle a closed month from the command line, each step in the name of the person who takes it."""

from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from billing import reporting, settling
from billing.models import MonthClose, PaymentBatch, PaymentLine
from billing.settling.signing import BUREAU
from ledger import clock, work
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.periods import Month
from ledger.refusals import Refused

#: Step -> the rights of which one is needed, as on the pages, and the role in which it is taken.
RIGHTS = {
    "prepare": (("billing.prepare_settlement",), "finance"),
    "approve": (("billing.approve_settlement",), "approver"),
    "export": (("billing.release_payment",), "finance"),
    "sign": (("billing.approve_settlement", "billing.release_payment"), "staff"),
    "send": (("billing.release_payment",), "finance"),
    "pay": (("billing.release_payment",), "finance"),
    "finish": (("billing.close_month",), "finance"),
    "report": (("billing.prepare_settlement", "billing.release_payment"), "finance"),
}
REPORT_KIND = reporting.KIND


class Command(BaseCommand):
    help = (
        "办理已出具对账单的月份：prepare 提请，approve 签发，export 导出付款清单，"
        "sign 签署下一环节，send 送国库，pay 登记付款，finish 办结，report 生成报告。"
        "每一步以 --as 指明的账号办理，权限与页面相同。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="月份，例如 2026-10")
        parser.add_argument("step", choices=sorted(RIGHTS))
        parser.add_argument("--as", dest="username", required=True, help="办理人的账号")
        parser.add_argument(
            "--digest", default="", help="approve：核对过的清单摘要，缺省为当前摘要"
        )
        parser.add_argument("--reference", default="", help="pay：银行流水号的前缀")
        parser.add_argument("--paid-on", default="", help="pay：付款日期，例如 2026-11-16")

    def handle(self, *args: Any, **options: Any) -> None:
        close = self.month_of(options["month"])
        step: str = options["step"]
        actor = self.person(options["username"], step)
        try:
            told = getattr(self, f"do_{step}")(close, actor, clock.now(), options)
        except Refused as refused:
            raise CommandError(refused.message) from refused
        self.stdout.write(f"{close.month}：{told}（{actor.name}）")

    def month_of(self, text: str) -> MonthClose:
        """Return the month that is meant."""
        try:
            month = Month.parse(text)
        except ValueError as error:
            raise CommandError(str(error)) from error
        close = MonthClose.objects.filter(month=str(month)).first()
        if close is None:
            raise CommandError(f"{month.title}还没有结算，请先运行 close_month {month}。")
        return close

    def person(self, username: str, step: str) -> Actor:
        """Return the person who takes a step, who needs the right that the page asks for."""
        rights, role = RIGHTS[step]
        user: Any = get_user_model().objects.filter(username=username, is_active=True).first()
        if user is None or not any(user.has_perm(each) for each in rights):
            raise CommandError(f"账号 {username} 不存在，或没有办理这一步的权限。")
        return Actor(
            kind="user",
            id=str(user.pk),
            name=user.display_name,
            role=role,
            person=user.person_hash,
        )

    def do_prepare(self, close: MonthClose, actor: Actor, at: datetime, _: Any) -> str:
        prepared = settling.prepare_settlement(close, actor=actor, at=at)
        return f"已提请签发，摘要 {prepared.digest}"

    def do_approve(self, close: MonthClose, actor: Actor, at: datetime, given: Any) -> str:
        digest = given["digest"] or close.digest
        approved = settling.approve_settlement(close, digest=digest, actor=actor, at=at)
        return f"已签发，券抵扣 {yuan_text(approved.public_fen)} 元"

    def do_export(self, close: MonthClose, actor: Actor, at: datetime, _: Any) -> str:
        batch = settling.export_payment_list(close, actor=actor, at=at)
        return f"付款清单 {batch.batch_no} 已生成"

    def do_sign(self, close: MonthClose, actor: Actor, at: datetime, _: Any) -> str:
        batch = self.batch_of(close)
        step = settling.next_step(batch)
        side = "approve_settlement" if step in BUREAU else "release_payment"
        if not get_user_model().objects.get(pk=actor.id).has_perm(f"billing.{side}"):
            raise CommandError(f"付款清单 {batch.batch_no} 的这一环节须由另一方签署。")
        settling.sign_batch(batch, step=step, digest=batch.sha256, actor=actor, at=at)
        return f"付款清单 {batch.batch_no} 已签署"

    def do_send(self, close: MonthClose, actor: Actor, at: datetime, _: Any) -> str:
        batch = settling.send_batch(self.batch_of(close), actor=actor, at=at)
        return f"付款清单 {batch.batch_no}：{batch.get_state_display()}"

    def batch_of(self, close: MonthClose) -> PaymentBatch:
        """Return the month's newest list that was not dropped."""
        batch = close.payments.exclude(state="dropped").last()
        if batch is None:
            raise CommandError(f"{close.month} 还没有付款清单，请先运行 export。")
        return batch

    def do_pay(self, close: MonthClose, actor: Actor, at: datetime, given: Any) -> str:
        if not given["reference"]:
            raise CommandError("请用 --reference 写明银行流水号的前缀，逐笔加序号。")
        try:
            paid_on = date.fromisoformat(given["paid_on"]) if given["paid_on"] else at.date()
        except ValueError as error:
            raise CommandError("请按 2026-11-16 这样的形式写付款日期。") from error
        waiting = PaymentLine.objects.filter(batch__close=close, state="sent")
        lines = list(waiting.order_by("batch__batch_no", "ordinal"))
        for number, line in enumerate(lines, start=1):
            settling.record_payment(
                line,
                bank_reference=f"{given['reference']}-{number:03d}",
                paid_on=paid_on,
                actor=actor,
                at=at,
            )
        return f"已登记 {len(lines)} 笔付款"

    def do_finish(self, close: MonthClose, actor: Actor, at: datetime, _: Any) -> str:
        settling.finish_month(close, actor=actor, at=at)
        return "已办结"

    def do_report(self, close: MonthClose, actor: Actor, at: datetime, _: Any) -> str:
        report = reporting.make_report(close, actor=actor, at=at)
        handlers: dict[str, work.Handler] = {REPORT_KIND: reporting.run_report_work}
        work.run_due(handlers, now=clock.now, worker="settle_month")
        report.refresh_from_db()
        return f"报告 {report.report_no}（{report.get_state_display()}）"
