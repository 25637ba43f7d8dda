"""Propose that a signing key stops; another person confirms it with confirm_log_key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.clock import now
from ledger.management.persons import signed_in
from ledger.refusals import Refused
from ledger.rotating import propose_retirement


class Command(BaseCommand):
    help = "提议停用一个日志签名密钥，由另一人用 confirm_log_key 确认后生效。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key_id", help="密钥标识（list_log_keys 列出的八位十六进制）")
        parser.add_argument("--reason", required=True, help="原因（记入公开日志，勿写人名）")
        parser.add_argument("--person", required=True, help="提议人的账号")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = signed_in(options["person"], "ledger.change_log_key")
        try:
            entry = propose_retirement(options["key_id"], options["reason"], actor=actor, at=now())
        except Refused as error:
            raise CommandError(f"未能提议：{error}") from error
        self.stdout.write(f"已提议，编号 {entry.id}。请另一人七天内运行：")
        self.stdout.write(f"  manage.py confirm_log_key {entry.id} --person 账号")
