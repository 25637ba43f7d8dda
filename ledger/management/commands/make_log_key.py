"""Make the log's first signing keys, introduce them in the log, and print all that count."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.audit import ensure_keys
from ledger.clock import now
from ledger.refusals import Broken


class Command(BaseCommand):
    help = "生成日志的首批签名密钥（已有则不变），并逐行输出可公开的验证密钥。"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keys = ensure_keys(now())
        except Broken as broken:
            raise CommandError(f"未能准备日志密钥：{broken}") from broken
        for key in keys:
            self.stdout.write(key.text)
