"""Every clock-driven job, each a few lines into an act. The times stand in ``SCHEDULE``."""

import os
import socket
from typing import Any

from celery import shared_task
from celery.schedules import crontab
from django.core.management import call_command

from ledger import clock, work
from providers import metering

HANDLERS: dict[str, work.Handler] = {"metering.batch": metering.run_batch_work}

SCHEDULE: dict[str, dict[str, Any]] = {
    "ring again for work that nobody holds": {"task": "config.tasks.sweep", "schedule": 10.0},
    "check the books every night": {
        "task": "config.tasks.check_books",
        "schedule": crontab(hour=2, minute=30),
    },
}


def worker_name() -> str:
    """Return a name under which people find this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task
def ring() -> int:
    """Do all work that is due (somebody rang)."""
    return work.run_due(HANDLERS, now=clock.now, worker=worker_name())


@shared_task
def sweep() -> int:
    """Do all work that is due (nobody rang, or a worker was lost)."""
    return work.run_due(HANDLERS, now=clock.now, worker=worker_name())


@shared_task
def check_books() -> None:
    """Prove every night that the books are whole; a finding fails the task loudly."""
    call_command("check_books")
