"""Check a report's PDF: render it again from the stored content and compare every byte."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from billing.checking import verify_bytes


class Command(BaseCommand):
    help = "核对一份结算报告 PDF：重新生成并逐字节比较；不一致时指出最先不同的部分。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="PDF 文件路径")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify_bytes(Path(options["file"]).read_bytes())
        number = f"{verdict.report.report_no}：" if verdict.report else ""
        self.stdout.write(f"{number}{verdict.sentence}")
        if verdict.answer not in ("genuine", "superseded"):
            sys.exit(1)
