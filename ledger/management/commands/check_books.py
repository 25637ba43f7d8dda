"""Check every invariant of the books and the log; exit status 1 when something is found."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ledger.invariants import INVARIANTS, findings


class Command(BaseCommand):
    help = "检查账簿与日志的全部恒等关系；发现问题时逐条列出并以状态 1 结束。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，供程序读取")

    def handle(self, *args: Any, **options: Any) -> None:
        found = findings()
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {"checked": list(INVARIANTS), "findings": [each.as_dict() for each in found]},
                    ensure_ascii=False,
                    indent=2,
                )
            )
        else:
            for each in found:
                self.stdout.write(f"{each.name}: {each.subject}: {each.detail}")
            self.stdout.write(
                f"发现 {len(found)} 处问题。"
                if found
                else f"账簿无误：{len(INVARIANTS)} 项检查全部通过。"
            )
        if found:
            raise SystemExit(1)
