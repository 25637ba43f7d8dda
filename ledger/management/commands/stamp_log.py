"""Have the newest checkpoint stamped by the time stamp authority."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ledger.clock import now
from ledger.refusals import Broken
from ledger.sealing import latest_checkpoint
from ledger.stamping import stamp_newest, stamped


class Command(BaseCommand):
    help = "为最新检查点申请可信时间戳（RFC 3161）；已有的不重复申请。"

    def handle(self, *args: Any, **options: Any) -> None:
        newest = latest_checkpoint()
        if not settings.LOG_TSA_URL or newest is None:
            self.stdout.write("没有设置时间戳机构（LOG_TSA_URL），或日志还没有检查点")
            return
        known = stamped(newest.size)
        try:
            made = stamp_newest(now())
        except Broken as broken:
            raise CommandError(f"不能申请时间戳：{broken}") from broken
        if made is None and not known:
            raise CommandError("没有取得有效的时间戳，原因见日志")
        for each in [made] if made else known:
            fresh = "" if made else "（此前已取得）"
            self.stdout.write(f"{each.size} {each.at.isoformat()} {each.tsa}{fresh}")
