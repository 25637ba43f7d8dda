"""A real worker process: it hears the bell, and what it leaves undone is done by the next one."""

import os
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from billing import settling
from billing.models import MonthClose
from config.celery import app
from config.schedule import SCHEDULE
from config.tasks import HANDLERS
from ledger import work
from ledger.models import Work
from tests.billing.reported import let_gaps_stand
from tests.billing.world import CLOSE_AT, OCTOBER, person, small_world
from tests.worker import database_url, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]


def ask() -> Work:
    world, order = small_world()
    world.use(order, hours=500)
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    actor = person("结算员")
    return settling.close_month(OCTOBER, carry_held=False, actor=actor, at=CLOSE_AT)


def reaches(job: Work, state: str) -> bool:
    job.refresh_from_db()
    return job.state == state


def test_every_clock_driven_job_is_known_to_the_worker_and_to_beat():
    app.loader.import_default_modules()
    assert {each["task"] for each in SCHEDULE.values()} <= set(app.tasks)
    assert app.conf.beat_schedule == SCHEDULE
    assert work.RING in app.tasks
    assert {"metering.batch", "billing.close_month", "billing.render_report"} <= set(HANDLERS)


def test_a_month_asked_for_on_a_page_is_closed_by_the_worker_through_the_broker(celery_worker):
    celery_worker.start()
    job = ask()
    wait_for(lambda: reaches(job, "done"), celery_worker.told)
    assert not job.worker.endswith(f":{os.getpid()}")
    assert job.result["statements"] == 1
    assert MonthClose.objects.get().state == "review"


def test_a_month_whose_worker_is_killed_halfway_is_closed_once_by_the_next_worker(celery_worker):
    celery_worker.start()
    with psycopg.connect(database_url()) as somebody:
        job = ask_with_the_month_locked(somebody)
        wait_for(lambda: reaches(job, "running"), celery_worker.told)
        celery_worker.kill()
        somebody.rollback()
    # Nobody tells the house that its worker died: the lease runs out, here a little sooner.
    past = datetime.now(UTC) - timedelta(seconds=1)
    Work.objects.filter(pk=job.pk).update(lease_until=past)
    celery_worker.start(beat=True)
    wait_for(lambda: reaches(job, "done"), celery_worker.told)
    assert (job.attempts, job.fence) == (2, 2)
    assert job.result["statements"] == 1
    assert MonthClose.objects.get().statements.count() == 1


def ask_with_the_month_locked(session: psycopg.Connection) -> Work:
    """Ask while ``session`` holds what the worker will need, so that it stands still midway."""
    session.execute("LOCK TABLE billing_statement IN ACCESS EXCLUSIVE MODE")
    return ask()
