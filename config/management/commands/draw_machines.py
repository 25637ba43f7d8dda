"""Draw the life cycle of every kind of thing into docs/machines."""

from django.conf import settings
from django.core.management.base import BaseCommand

from config.machines import pages


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: object, **options: object) -> None:
        folder = settings.BASE_DIR / "docs" / "machines"
        folder.mkdir(parents=True, exist_ok=True)
        wanted = pages()
        for stale in set(folder.glob("*.md")) - {folder / name for name in wanted}:
            stale.unlink()
        for name, text in wanted.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(wanted)} pages in docs/machines")
