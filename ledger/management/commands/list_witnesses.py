"""List the witnesses, how far each is, and whether the quorum stands behind a checkpoint."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.exploring import verification_keys
from ledger.refusals import Broken
from ledger.signing import split_note
from ledger.witnessing import Standing, policy, standings, witnessed_checkpoint


class Command(BaseCommand):
    help = "列出各见证方的进度，以及达到法定数的最新检查点。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="以 JSON 输出")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = standings()
            note = witnessed_checkpoint(policy(verification_keys()))
        except Broken as broken:
            raise CommandError(str(broken)) from broken
        size = int(split_note(note)[0].split("\n")[1]) if note else None
        if options["json"]:
            told = {"witnesses": [_as_dict(each) for each in found], "quorum_size": size}
            self.stdout.write(json.dumps(told, ensure_ascii=False))
            return
        for each in found:
            at = each.at.isoformat() if each.at else "从未"
            self.stdout.write(
                f"{each.witness} {each.url} 已见证 {each.size} 条（{at}），落后 {each.behind} 条"
            )
        if not found:
            self.stdout.write("没有设置见证方（LOG_WITNESSES）")
        self.stdout.write(f"达到法定数的最新检查点：{'还没有' if size is None else size}")


def _as_dict(standing: Standing) -> dict[str, Any]:
    return {
        "witness": standing.witness,
        "url": standing.url,
        "keys": standing.keys,
        "size": standing.size,
        "at": standing.at.isoformat() if standing.at else None,
        "behind": standing.behind,
    }
