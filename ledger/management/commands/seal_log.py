"""Seal the log about each second until told to stop (SIGTERM or Ctrl-C)."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connection

from ledger.audit import seal
from ledger.clock import now
from ledger.refusals import Broken
from ledger.sealing import Reached, adopt_mark

INTERVAL_SECONDS = 1.0


def pass_by(place: str) -> None:
    """Go on, whatever place a seal has come to; tests of crashes hand in another one."""


class Command(BaseCommand):
    help = "为日志条目封存位置并签发检查点；默认每秒一次，直到收到停止信号。"
    reached: Reached = staticmethod(pass_by)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="只封存一次")
        parser.add_argument(
            "--adopt-mark",
            action="store_true",
            help="以数据库中最新的检查点重建封存标记（仅限人工核对后使用）",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["adopt_mark"]:
            adopted = adopt_mark()
            self.stdout.write(f"已采用检查点 {adopted.size}" if adopted else "尚无检查点")
            return
        stop = threading.Event()
        if not options["once"]:
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, lambda *_: stop.set())
        while True:
            sealed = self._seal()
            if options["once"] or stop.is_set():
                return
            # More may be waiting after a full batch: go on at once.
            if not sealed and stop.wait(INTERVAL_SECONDS):
                return

    def _seal(self) -> bool:
        try:
            checkpoint = seal(now(), self.reached)
        except Broken as broken:
            raise CommandError(f"拒绝签发检查点：{broken}") from broken
        except (OperationalError, InterfaceError) as error:
            # The database is restarting: committed entries wait, the next round finds them.
            self.stderr.write(f"数据库暂不可用：{error}")
            connection.close()
            return False
        except OSError as error:
            # Nothing was signed that anybody has seen: the next round does it again.
            self.stderr.write(f"封存标记未能写入：{error}")
            return False
        if checkpoint:
            self.stdout.write(f"检查点 {checkpoint.size} {checkpoint.root_hex}")
            self.stdout.flush()
        return checkpoint is not None
