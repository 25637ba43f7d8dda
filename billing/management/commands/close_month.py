"""Close a month from the command line, by the same piece of work the pages ask for."""

import os
import socket
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.settling import close_month, run_close_work
from ledger import clock, work
from ledger.actors import system_actor
from ledger.amounts import yuan_text
from ledger.periods import Month
from ledger.refusals import Refused

KIND = "billing.close_month"
PAUSE_SECONDS = 1


class Command(BaseCommand):
    help = "结算一个月：截止、计价、核销并出具对账单。可随时中断，再次运行会接着办，不会重复。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="月份，例如 2026-10")
        parser.add_argument(
            "--carry-held", action="store_true", help="把挂起和未结束的记录转入下期（不丢弃）"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            month = Month.parse(options["month"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        known = work.find(KIND, str(month))
        done_before = known is not None and known.state == work.Work.State.DONE
        try:
            job = close_month(
                month,
                carry_held=options["carry_held"],
                actor=system_actor("close_month"),
                at=clock.now(),
            )
        except Refused as refused:
            self.stderr.write(refused.message)
            sys.exit(1)
        if not job.is_over:
            job = self.wait_for(job)
        self.tell(job, unchanged=done_before)

    def wait_for(self, job: work.Work) -> work.Work:
        """Do the work here, telling how far it is; a worker may be doing it already."""

        def telling(claimed: work.Work, progress: work.Progress) -> dict[str, Any]:
            def both(done: int, total: int, message: str = "") -> None:
                progress(done, total, message)
                self.stdout.write(f"  {done}/{total} {message}")

            return run_close_work(claimed, both)

        worker = f"close_month@{socket.gethostname()}:{os.getpid()}"
        told = ""
        while not job.is_over:
            work.run_due({KIND: telling}, now=clock.now, worker=worker)
            job.refresh_from_db()
            if not job.is_over:  # another worker holds it, or it failed and is due again soon
                news = f"  {job.done}/{job.total} {job.message}（{job.get_state_display()}）"
                if news != told:
                    self.stdout.write(news)
                told = news
                time.sleep(PAUSE_SECONDS)
                job.refresh_from_db()
        return job

    def tell(self, job: work.Work, *, unchanged: bool) -> None:
        """Print how it ended; the exit status says whether it did."""
        if job.state != work.Work.State.DONE or job.result is None:
            self.stderr.write(f"{job.get_state_display()}：{job.error or '正由另一进程办理'}")
            sys.exit(1)
        result = job.result
        self.stdout.write(
            f"{result['month']}：{result['statements']} 份对账单，"
            f"服务总价 {yuan_text(int(result['gross_fen']))} 元，"
            f"券抵扣 {yuan_text(int(result['public_fen']))} 元。"
        )
        for each in result["carried"]:
            self.stdout.write(f"  转入下期：{each['text']}")
        if unchanged:
            self.stdout.write("本月先前已结算，本次没有改变任何内容。")
        self.stdout.write(f"摘要 {result['digest']}")
