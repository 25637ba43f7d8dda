"""Propose a new signing key of a kind; another person confirms it with confirm_log_key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.clock import now
from ledger.keyfiles import STEMS
from ledger.management.persons import signed_in
from ledger.refusals import Broken, Refused
from ledger.rotating import propose_key
from ledger.signing import Algorithm


class Command(BaseCommand):
    help = "提议更换日志签名密钥：生成新密钥并记入日志，由另一人用 confirm_log_key 确认后生效。"

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = [each.value for each in STEMS]
        parser.add_argument("--algorithm", required=True, choices=kinds, help="哪种算法的密钥")
        parser.add_argument("--reason", required=True, help="原因（记入公开日志，勿写人名）")
        parser.add_argument("--person", required=True, help="提议人的账号")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = signed_in(options["person"], "ledger.change_log_key")
        kind = Algorithm(options["algorithm"])
        try:
            entry = propose_key(kind, options["reason"], actor=actor, at=now())
        except (Refused, Broken) as error:
            raise CommandError(f"未能提议：{error}") from error
        self.stdout.write(f"已提议，编号 {entry.id}。请另一人七天内运行：")
        self.stdout.write(f"  manage.py confirm_log_key {entry.id} --person 账号")
