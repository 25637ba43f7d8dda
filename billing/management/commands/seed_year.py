"""Play a demonstration year: twelve months through the real acts, each closed, paid, reported."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from billing.management.demonstration import settled, summary, year
from billing.management.demonstration.cast import Cast, when
from billing.models import MonthClose, Report
from ledger import audit
from ledger.amounts import yuan_text
from vouchers.models import Programme, Voucher
from vouchers.positions import voucher_positions

PAPER_WIDTH = 150


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--months", type=int, default=12, choices=range(1, 13), help="只演到第几个月"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Programme.objects.exists():
            raise CommandError("数据库里已有政策批次：演示只在空库上进行。")
        self.told = Console(highlight=False, soft_wrap=True)
        if not self.told.is_terminal:
            self.told.width = PAPER_WIDTH
        say = settled.Say(lambda line: self.told.print(f"  {line}", markup=False), patience=0)
        audit.ensure_key(when("2025-11-28 08:00"))
        cast = Cast()
        cast.staff()
        _, vouchers = year.begin(cast, say)
        shops = year.open_shops(cast, vouchers)
        for month in year.MONTHS[: options["months"]]:
            year.upload(shops, month, say)
            year.settle(cast, month, say)
        if options["months"] == len(year.MONTHS):
            year.end(when("2027-01-20 02:00"), say)
        settled.seal_everything(say)
        self.tell(cast)
        last = MonthClose.objects.order_by("month")[options["months"] - 1]
        reports = list(last.reports.order_by("report_no"))
        summary.write(cast, vouchers, last, reports, shops[0][0], [])
        self.told.print(f"  摘要：{summary.summary_path()}", markup=False)

    def tell(self, cast: Cast) -> None:
        """Print the year as a table, what became of the vouchers, and who may look."""
        table = Table(title="2026 年逐月结算", title_justify="left")
        for head in ("月份", "状态", "对账单", "总价（元）", "券抵扣（元）", "独立重算"):
            table.add_column(head, justify="left" if head in ("月份", "状态") else "right")
        for each in MonthClose.objects.order_by("month"):
            table.add_row(
                each.month,
                each.get_state_display(),
                str(each.statement_count),
                yuan_text(each.gross_fen),
                yuan_text(each.public_fen),
                f"差异 {each.recomputed_difference_fen} 分，{each.recomputed_lines} 行",
            )
        self.told.print(table)
        vouchers = list(Voucher.objects.order_by("voucher_no"))
        positions = voucher_positions(vouchers)
        for voucher in vouchers:
            found = positions[voucher.pk]
            self.told.print(
                f"  {voucher.voucher_no}：面额 {yuan_text(found.face)}，"
                f"已核销 {yuan_text(found.redeemed)}，已失效 {yuan_text(found.expired)}",
                markup=False,
            )
        self.told.print(f"  报告 {Report.objects.filter(state='ready').count()} 份")
        for login in cast.logins():
            line = f"{login['role']}：{login['username']} / {login['password']}"
            self.told.print(f"  {line}", markup=False)
