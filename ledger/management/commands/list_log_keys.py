"""List every key of the log with the sizes of the checkpoints that bear its line."""

from typing import Any

from django.core.management.base import BaseCommand

from ledger.keys import key_history
from ledger.merkle import MAX_SIZE


class Command(BaseCommand):
    help = "列出日志的全部签名密钥：所属的树、算法、标识、生效与停用时的日志大小。"

    def handle(self, *args: Any, **options: Any) -> None:
        history = key_history()
        for each in history.spans:
            sizes = f"{_size(each.first)}–{'' if each.last is None else _size(each.last)}"
            told = (each.suite, each.key.algorithm.value, each.key.key_id.hex(), sizes)
            self.stdout.write("\t".join(told))
        for fault in history.faults:
            self.stdout.write(f"第 {fault.index} 条密钥条目不成立：{fault.sentence}")


def _size(size: int) -> str:
    """Return a size; where the entry is not sealed yet, it is not known."""
    return "待封存" if size >= MAX_SIZE else str(size)
