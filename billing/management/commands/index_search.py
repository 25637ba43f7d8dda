"""Give everything that people search for its row; ``--afresh`` writes all rows anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.hits import SOURCES
from vouchers import searching


class Command(BaseCommand):
    help = "补齐快速查找的条目：manage.py index_search [--afresh]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--afresh", action="store_true", help="全部重写")

    def handle(self, *args: Any, **options: Any) -> None:
        written = searching.catch_up(SOURCES, afresh=options["afresh"])
        self.stdout.write(f"已写入 {written} 条。")
