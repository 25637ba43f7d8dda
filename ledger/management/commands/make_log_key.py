"""Make the log's signing key, introduce it in the log, and print its verification key."""

from typing import Any

from django.core.management.base import BaseCommand

from ledger.audit import ensure_key
from ledger.clock import now


class Command(BaseCommand):
    help = "生成日志签名密钥（已有则不变），并输出可公开的验证密钥。"

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(ensure_key(now()).text)
