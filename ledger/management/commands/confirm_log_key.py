"""Confirm a proposed change of the log's keys, as another person than the one who proposed it."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.clock import now
from ledger.management.persons import signed_in
from ledger.refusals import Broken, Refused
from ledger.rotating import confirm_proposal


class Command(BaseCommand):
    help = "确认他人提议的日志密钥引入或停用；自下一个检查点起生效。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("proposal", type=UUID, help="提议编号")
        parser.add_argument("--person", required=True, help="确认人的账号")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = signed_in(options["person"], "ledger.change_log_key")
        try:
            key = confirm_proposal(options["proposal"], actor=actor, at=now())
        except (Refused, Broken) as error:
            raise CommandError(f"未能确认：{error}") from error
        self.stdout.write(f"已生效：{key.text}")
