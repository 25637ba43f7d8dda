"""Check every invariant of the house; exit status 1 when something is found."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.invariants import INVARIANTS
from ledger.invariants import Finding, findings


class Command(BaseCommand):
    help = "检查账簿、算力券、用量、结算与日志的全部恒等关系；发现问题时逐条列出并以状态 1 结束。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="以 JSON 输出，供程序读取")
        parser.add_argument(
            "--only", action="append", metavar="NAME", help="只检查这一项；可以多次给出"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["only"] or list(INVARIANTS)
        unknown = [each for each in names if each not in INVARIANTS]
        if unknown:
            known = "、".join(INVARIANTS)
            raise CommandError(f"没有这一项：{'、'.join(unknown)}。可选：{known}")
        found = findings({each: INVARIANTS[each] for each in names})
        self._tell(names, found, as_json=options["json"])
        if found:
            raise SystemExit(1)

    def _tell(self, names: list[str], found: list[Finding], *, as_json: bool) -> None:
        if as_json:
            told = {"checked": names, "findings": [each.as_dict() for each in found]}
            self.stdout.write(json.dumps(told, ensure_ascii=False, indent=2))
            return
        for each in found:
            self.stdout.write(f"{each.name}: {each.subject}: {each.detail}")
        self.stdout.write(
            f"发现 {len(found)} 处问题。" if found else f"账簿无误：{len(names)} 项检查全部通过。"
        )
