"""Door: two questions of a machine: is the process alive, and may it be sent work?"""

from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe
from kombu.exceptions import KombuError, OperationalError

from config.celery import app
from ledger import clock
from ledger.refusals import Broken
from ledger.rights import public
from ledger.sealing import sealing_lag

BROKER_SECONDS = 2  # a probe that hangs is worse than one that says no


def database_answers() -> str:
    """Return an empty text when a statement runs, else what is wrong."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    return ""


def migrations_are_applied() -> str:
    """Return an empty text when no migration waits."""
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return type(error).__name__
    return f"{len(waiting)} waiting" if waiting else ""


def broker_answers() -> str:
    """Return an empty text when the broker can be reached."""
    try:
        with app.connection_for_write(connect_timeout=BROKER_SECONDS) as broker:
            broker.ensure_connection(
                max_retries=1, interval_start=0, interval_step=0, timeout=BROKER_SECONDS
            )
    except (KombuError, OperationalError, OSError) as error:
        return type(error).__name__
    return ""


def sealing_lag_seconds() -> int | None:
    """Return for how many seconds the oldest entry has waited for the sealer, if it can be told.

    A number to watch, not a reason to send nobody here: requests are served while the log waits.
    """
    try:
        return sealing_lag(clock.now()).oldest // timedelta(seconds=1)
    except (DatabaseError, Broken):
        return None


READINESS: dict[str, Callable[[], str]] = {
    "database": database_answers,
    "migrations": migrations_are_applied,
    "broker": broker_answers,
}


@public
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Say that the process answers; asks neither database nor broker."""
    return JsonResponse({"status": "alive"})


@public
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether requests may be sent here: database, migrations and broker."""
    faults = {name: check() for name, check in READINESS.items()}
    ready = not any(faults.values())
    body = {
        "status": "ready" if ready else "not ready",
        "checks": {name: "fail" if fault else "ok" for name, fault in faults.items()},
        "sealing_lag_seconds": sealing_lag_seconds() if not faults["database"] else None,
    }
    return JsonResponse(body, status=200 if ready else 503)


urlpatterns = [path("livez", livez, name="livez"), path("readyz", readyz, name="readyz")]
