"""Check a document's PDF: lay it out again from the stored content and compare every byte.

Exit codes: 0 genuine, 1 altered, 2 unknown, 3 genuine but superseded, 4 data unchanged but saved
anew or its signature touched.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.checking import ANSWERS, verify_bytes


class Command(BaseCommand):
    help = "核对一份结算文件 PDF：重新生成并逐字节比较，检查签名；不一致时指出最先不同的部分。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="PDF 文件路径")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = Path(options["file"]).read_bytes()
        except OSError as error:
            raise CommandError(f"读不到文件 {options['file']}：{error.strerror}") from error
        verdict = verify_bytes(content)
        number = f"{verdict.report.report_no}：" if verdict.report else ""
        self.stdout.write(f"{number}{verdict.sentence}")
        if code := ANSWERS[verdict.answer]:
            sys.exit(code)
