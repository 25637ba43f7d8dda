"""Bring a database up to what the code needs: tables, roles, log key, static files."""

from argparse import ArgumentParser
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from config.health import migrations_are_applied
from ledger.audit import publish_schemas
from ledger.clock import now


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-static", action="store_true", help="leave static files alone")

    def handle(self, *args: object, **options: object) -> None:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
        if waiting := migrations_are_applied():
            self.stdout.write(f"正在建立或更新数据表（{waiting.split()[0]} 项，新库约需十几秒）……")
            self.stdout.flush()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("prepare_roles", stdout=StringIO())
        call_command("sync_roles", strict=True, stdout=StringIO(), stderr=self.stderr)
        call_command("make_log_key", stdout=StringIO())
        publish_schemas(now())
        if not options["no_static"]:
            call_command("collectstatic", verbosity=0, interactive=False)
