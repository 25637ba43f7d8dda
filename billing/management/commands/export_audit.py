"""Write the audit bundle of a month, to be checked offline by anybody."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.models import Report
from billing.reporting import report_path
from ledger.packing import export_audit
from ledger.periods import Month
from ledger.refusals import Refused
from ledger.standalone import verifier_program


class Command(BaseCommand):
    help = "导出一个月的审计包（zip）：日志、试算表、条目格式、报告和单文件核验程序。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="导出到哪个文件，例如 2026-10.zip")
        parser.add_argument("--month", help="月份，例如 2026-10")
        parser.add_argument(
            "--verifier-only", action="store_true", help="只写出单文件核验程序 voucher-verify.pyz"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            if options["verifier_only"]:
                path.write_bytes(verifier_program())
                self.stdout.write(f"核验程序：{path}")
                return
            month = Month.parse(options["month"] or "")
            reports = Report.objects.finished().filter(month=str(month))
            papers = {each.report_no: report_path(each) for each in reports}
            packed = export_audit(path, month, papers)
        except (Refused, OSError, ValueError, IndexError) as error:
            raise CommandError(f"未能导出：{error}") from error
        self.stdout.write(
            f"{month} 审计包：{packed.manifest.entries} 条日志、"
            f"{packed.manifest.checkpoints} 个检查点、{packed.papers} 份报告，"
            f"{packed.size} 字节，写入 {path}\n"
            f"树根 {packed.manifest.root}\n"
            f"核验：python voucher-verify.pyz {path}"
        )
