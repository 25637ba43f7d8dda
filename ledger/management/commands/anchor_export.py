"""Write the files by which a checkpoint is anchored on another chain."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.anchoring import AnchorSink
from ledger.clock import now
from ledger.sealing import checkpoint_at, latest_checkpoint
from ledger.stamping import stamped


class Command(BaseCommand):
    help = "导出检查点的锚定材料（供写入浦江数链等外部链），默认为最新检查点。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", type=int, help="检查点的长度")

    def handle(self, *args: Any, **options: Any) -> None:
        size = options["size"]
        checkpoint = latest_checkpoint() if size is None else checkpoint_at(size)
        if checkpoint is None:
            raise CommandError("没有这个检查点" if size is not None else "日志还没有检查点")
        tokens = stamped(checkpoint.size)
        token = tokens[0].token if tokens else None
        for each in AnchorSink().export(checkpoint, token, now()):
            self.stdout.write(str(each))
