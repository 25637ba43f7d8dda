"""Export the sealed log into one file for offline verification."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.exporting import export_log
from ledger.refusals import Refused


class Command(BaseCommand):
    help = "把已封存的日志导出为一个文件，可用 python -m ledger.verifying 离线核验。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="导出到哪个文件")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            manifest = export_log(path)
        except (Refused, OSError) as error:
            raise CommandError(f"未能导出：{error}") from error
        self.stdout.write(
            f"已导出 {manifest.entries} 条日志、{manifest.checkpoints} 个检查点到 {path}\n"
            f"树根 {manifest.root}\n"
            f"核验：python -m ledger.verifying {path}"
        )
