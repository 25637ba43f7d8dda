"""Write the books as a beancount file, to be checked by bean-check."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ledger.plaintext import export_books


class Command(BaseCommand):
    help = "把总账导出为 beancount 文本，附每个账户的余额断言（容差为零），可用 bean-check 核对。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="要写入的文件，如 books.beancount")

    def handle(self, *args: Any, **options: Any) -> None:
        done = export_books(options["file"])
        self.stdout.write(
            f"已导出 {done.accounts} 个账户、{done.transfers} 笔已入账分录：{options['file']}"
        )
