"""Django's ``migrate``, which says in the log that the structure of the books is being changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ledger.actors import system_actor
from ledger.clock import now
from ledger.maintaining import begin_maintenance, end_maintenance, log_has_begun, open_maintenance

MOST_NAMED = 10


def waiting() -> list[str]:
    """Return the migrations that have not been applied, e.g. ``ledger.0007_roles``."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{each.app_label}.{each.name}" for each, _ in plan]


@contextmanager
def declared(reason: str) -> Iterator[None]:
    """Open a maintenance around a change, unless one is open or there is no log yet."""
    if not log_has_begun() or open_maintenance(now()) is not None:
        yield
        return
    actor = system_actor("migrate")
    begin_maintenance(reason, actor=actor, at=now())
    try:
        yield
    finally:
        end_maintenance(actor=actor, at=now())


class Command(DjangoMigrate):
    def handle(self, *args: Any, **options: Any) -> None:
        wanted = waiting() or [each for each in (options["app_label"],) if each]
        if options["plan"] or options["check_unapplied"] or not wanted:
            super().handle(*args, **options)
            return
        named = "、".join(wanted[:MOST_NAMED]) + ("等" if len(wanted) > MOST_NAMED else "")
        with declared(f"数据表结构更新：{named}"):
            super().handle(*args, **options)
