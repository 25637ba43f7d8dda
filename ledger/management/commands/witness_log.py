"""Have the newest checkpoint cosigned by the witnesses, each minute or once."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.clock import now
from ledger.refusals import Broken
from ledger.witnessing import Outcome, witness_newest

INTERVAL_SECONDS = 60
WORDS = {
    "cosigned": "已见证",
    "current": "此前已见证",
    "silent": "没有应答",
    "refused": "未予见证",
    "invalid": "应答无效",
    "disagrees": "与其所见不一致（请立即核查）",
}


class Command(BaseCommand):
    help = "请各见证方为最新检查点签名；默认每分钟一次，直到收到停止信号。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="只请一次；所见不一致时状态为 1")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        if not options["once"]:
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, lambda *_: stop.set())
        while True:
            outcomes = self._ask()
            if options["once"]:
                if any(each.state == "disagrees" for each in outcomes):
                    raise CommandError("有见证方所见与本日志不一致")
                return
            if stop.wait(INTERVAL_SECONDS):
                return

    def _ask(self) -> list[Outcome]:
        try:
            outcomes = witness_newest(now())
        except Broken as broken:
            raise CommandError(f"不能请求见证：{broken}") from broken
        if not outcomes:
            self.stdout.write("没有设置见证方，或日志还没有检查点")
        for each in outcomes:
            told = f"{each.witness} {each.size} {WORDS[each.state]} {each.detail}"
            self.stdout.write(told.rstrip())
        return outcomes
