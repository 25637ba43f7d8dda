"""Look after the raw bytes of uploads: check them against their digests, remove what may go.

manage.py kept_uploads --check      every kept file against the digest of its batch
manage.py kept_uploads --remove     what is older than RAW_KEPT_DAYS and no longer needed
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger import clock
from ledger.actors import system_actor
from providers.retaining import damaged_bodies, remove_bodies, sweep_leftovers

SAID = {"missing": "文件不在", "changed": "内容与摘要不符"}


class Command(BaseCommand):
    help = "核对上传原始文件与摘要（--check），或清理已过保存期且不再需要的文件（--remove）。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--check", action="store_true", help="逐个核对，有不符时以状态 1 结束")
        what.add_argument("--remove", action="store_true", help="清理，并写入日志")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
        else:
            self._remove()

    def _check(self) -> None:
        found = 0
        for batch, what in damaged_bodies():
            found += 1
            self.stdout.write(f"{batch.pk} {batch.body_sha256} {SAID[what]}")
        if found:
            raise CommandError(f"{found} 个批次的原始文件有问题，请从备份恢复。")
        self.stdout.write("全部原始文件与摘要一致。")

    def _remove(self) -> None:
        at = clock.now()
        bodies = size = 0
        while (gone := remove_bodies(actor=system_actor("kept-uploads"), at=at)).bodies:
            bodies += gone.bodies
            size += gone.size_bytes
        leftovers = sweep_leftovers(at)
        self.stdout.write(
            f"已清理 {bodies} 个过期原始文件（{size} 字节）、{leftovers} 个遗留文件。"
        )
