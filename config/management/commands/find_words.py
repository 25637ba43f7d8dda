"""Bring the catalogues of the second language up to the source, and say what is missing."""

from argparse import ArgumentParser
from typing import Any

import polib
from django.core.management.base import BaseCommand, CommandError

from config.gathering import given, texts
from config.tongue import CATALOGUES, catalogue


class Command(BaseCommand):
    """Add new Chinese texts to the catalogue, take out what the source no longer says."""

    help = "更新英文词条文件：加入新的中文词条，去掉不再使用的；--check 只检查是否齐全。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take ``--check``."""
        parser.add_argument("--check", action="store_true", help="缺少英文时以非零状态结束")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the catalogues, or only say what is missing."""
        found = texts()
        told = given() | catalogue().whole
        missing = sorted(text for text in found if text not in told)
        if options["check"]:
            for text in missing:
                self.stdout.write(f"{sorted(found[text])[0]}: {text}")
            if missing:
                raise CommandError(f"{len(missing)} 条没有英文")
            return
        write(found, told)
        self.stdout.write(f"词条 {len(found)}，缺少英文 {len(missing)}")


def write(found: dict[str, set[str]], english: dict[str, str]) -> None:
    """Write one catalogue a room, in the order of its files: neighbours stand together."""
    books: dict[str, polib.POFile] = {}
    last = ""
    for text, places in sorted(found.items(), key=lambda each: (min(each[1]), each[0])):
        place = min(places)
        room = place.split("/")[0]
        book = books.setdefault(room, polib.POFile(wrapwidth=0))
        told = place if place != last else ""  # the first of a file names it for all
        book.append(polib.POEntry(msgid=text, msgstr=english.get(text, ""), comment=told))
        last = place
    for room, book in books.items():
        book.metadata = {"Language": "en", "Content-Type": "text/plain; charset=UTF-8"}
        book.save(str(CATALOGUES / f"{room}.po"))
