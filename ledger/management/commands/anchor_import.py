"""Take in the receipt that another chain gave for a checkpoint."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger.actors import system_actor
from ledger.anchoring import import_receipt, read_receipt
from ledger.clock import now
from ledger.refusals import Refused


class Command(BaseCommand):
    help = "登记外部链返回的凭证文件（原样保存，按摘要识别）。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="凭证文件")
        parser.add_argument("--size", type=int, required=True, help="对应检查点的长度")
        parser.add_argument("--source", required=True, help="来源名称，例如 浦江数链")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            kept, fresh = import_receipt(
                read_receipt(options["file"]),
                size=options["size"],
                source=options["source"],
                actor=system_actor("anchor_import"),
                at=now(),
            )
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        word = "已登记" if fresh else "此前已登记"
        self.stdout.write(
            f"{word}：{kept.source} 长度 {kept.size} 凭证 {kept.receipt_sha256.hex()}"
        )
