"""Bind this new log to the last good checkpoint of an old one, by two persons."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.bundles import parse_keys
from ledger.clock import now
from ledger.management.persons import signed_in
from ledger.refusals import Refused
from ledger.rotating import continue_log
from ledger.signing import NoteError


class Command(BaseCommand):
    help = "密钥失控后启用新日志时，把旧日志最后一个可信检查点写入新日志；两人依次输入密码。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("checkpoint", type=Path, help="旧日志最后一个可信检查点的文件")
        parser.add_argument("--vkey", type=Path, required=True, help="旧日志的验证密钥文件")
        parser.add_argument("--reason", required=True, help="原因（记入公开日志，勿写人名）")
        parser.add_argument("--person", required=True, help="经办人的账号")
        parser.add_argument("--second", required=True, help="另一人的账号")

    def handle(self, *args: Any, **options: Any) -> None:
        right = "ledger.change_log_key"
        actor = signed_in(options["person"], right)
        second = signed_in(options["second"], right)
        try:
            note = options["checkpoint"].read_text(encoding="utf-8")
            keys = parse_keys(options["vkey"].read_text(encoding="utf-8").split())
            entry = continue_log(
                note, keys, options["reason"], second=second, actor=actor, at=now()
            )
        except (Refused, NoteError, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"未能续接：{error}") from error
        self.stdout.write(f"已续接，日志条目 {entry.id}")
