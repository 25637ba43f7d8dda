"""Verify the log in the house: entries, leaves, tiles, checkpoints, journal rows."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ledger.inspecting import inspect_log
from ledger.sealing import latest_checkpoint


class Command(BaseCommand):
    help = "在库内核验日志：重算每条摘要、树根与签名，并与账簿逐行比对；发现问题以状态 1 结束。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，供程序读取")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = options["json"] or not self.stderr.isatty()
        found = inspect_log(None if quiet else self._progress)
        if options["json"]:
            self.stdout.write(
                json.dumps([each.as_dict() for each in found], ensure_ascii=False, indent=2)
            )
        else:
            for each in found:
                self.stdout.write(f"{each.name}: {each.subject}: {each.detail}")
            newest = latest_checkpoint()
            size = newest.size if newest else 0
            self.stdout.write(
                f"发现 {len(found)} 处不一致。"
                if found
                else f"日志无误：{size} 条已封存条目、全部检查点与账簿逐行相符。"
            )
        if found:
            raise SystemExit(1)

    def _progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r已核验 {done} / {total}", ending="")
