"""Django's ``migrate``, which says in the log that the structure of the books is being changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate

from config.health import migrations_are_applied
from ledger.actors import system_actor
from ledger.clock import now
from ledger.maintaining import begin_maintenance, end_maintenance, log_has_begun, open_maintenance


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
        only_looks = options["plan"] or options["check_unapplied"]
        waiting = migrations_are_applied() or options["app_label"]
        if only_looks or not waiting:
            super().handle(*args, **options)
            return
        with declared(f"数据表结构更新（{waiting}）"):
            super().handle(*args, **options)
