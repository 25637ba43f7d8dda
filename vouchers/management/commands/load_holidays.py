"""Load the holidays of a year: from the package, or from a file in the holiday-cn form (JSON)."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import chinese_calendar
from chinese_calendar.constants import Holiday as Named
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger import clock
from vouchers.calendars import store_year


class Command(BaseCommand):
    help = "载入某年的节假日安排：manage.py load_holidays 2027 [--file 2027.json]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("year", type=int)
        parser.add_argument("--file", help="holiday-cn 格式的 JSON 文件")

    def handle(self, *args: Any, **options: Any) -> None:
        year = options["year"]
        days = _from_file(Path(options["file"]), year) if options["file"] else _from_package(year)
        if not days:
            raise CommandError(
                f"没有 {year} 年的节假日安排。请在国务院办公厅公布后用 --file 载入。"
            )
        source = options["file"] or "chinesecalendar"
        fresh = store_year(year, days, source=Path(source).name, at=clock.now())
        self.stdout.write(f"{year} 年：共 {len(days)} 天，新增 {fresh} 天。")


def _from_file(path: Path, year: int) -> list[tuple[date, bool, str]]:
    told = json.loads(path.read_text(encoding="utf-8"))
    rows = [(date.fromisoformat(d["date"]), bool(d["isOffDay"]), d["name"]) for d in told["days"]]
    return [row for row in rows if row[0].year == year]


def _from_package(year: int) -> list[tuple[date, bool, str]]:
    words = {each.value: each.chinese for each in Named}
    rows = [(day, True, words[name]) for day, name in chinese_calendar.holidays.items()]
    rows += [(day, False, words[name]) for day, name in chinese_calendar.workdays.items()]
    return sorted(row for row in rows if row[0].year == year)
