"""Write docs/openapi.json, or say with ``--check`` what differs from the checked-in one."""

import difflib
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers.openapi import document_text

RENEW = "manage.py describe_interface"
_MOST_LINES = 60


class Command(BaseCommand):
    """Keep the checked-in OpenAPI document equal to the interface."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Ask whether to compare only."""
        parser.add_argument("--check", action="store_true", help="只比较，不写文件")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the document, or compare and fail with the difference."""
        file = settings.BASE_DIR / "docs" / "openapi.json"
        made = document_text()
        kept = file.read_text(encoding="utf-8") if file.exists() else ""
        if not options["check"]:
            file.write_text(made, encoding="utf-8")
            self.stdout.write(f"docs/openapi.json：{'没有变化' if made == kept else '已更新'}")
            return
        if made == kept:
            self.stdout.write("接口描述与 docs/openapi.json 一致")
            return
        lines = list(
            difflib.unified_diff(
                kept.splitlines(), made.splitlines(), "docs/openapi.json", "接口", lineterm="", n=2
            )
        )
        shown = lines[:_MOST_LINES]
        if len(lines) > len(shown):
            shown.append(f"…… 还有 {len(lines) - len(shown)} 行")
        self.stdout.write("\n".join(shown))
        raise CommandError(
            f"接口与检入的描述不一致。确认这是有意的改动后运行：.venv/bin/python {RENEW}"
        )
