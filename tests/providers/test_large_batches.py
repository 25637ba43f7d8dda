"""A large batch in a real worker: seen while it runs, finished once whoever dies on the way."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ledger.identifiers import new_id
from ledger.models import Work
from providers import metering
from providers.models import UsageBatch, UsageRecord
from tests.providers.world import CLERK, LATER, World
from tests.worker import database_url, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.django_db(transaction=True)]
ROWS = 6_000
START = datetime(2026, 10, 2, tzinfo=UTC)


def send(there: World, key, rows: int = ROWS) -> UsageBatch:
    """Upload more than can be waited for."""
    lines = ["record_id,order_no,device_model,device_count,started_at,ended_at"]
    for number in range(rows):
        begin = START + timedelta(minutes=number // 8)
        end = begin + timedelta(minutes=1)
        lines.append(
            f"r-{number},{there.order.order_no},nvidia-a100,1,{begin:%Y-%m-%dT%H:%M:%SZ},"
            f"{end:%Y-%m-%dT%H:%M:%SZ}"
        )
    upload = metering.Upload("\n".join(lines).encode(), "text/csv")
    taken = metering.take_upload(
        there.provider, upload, provider_key=None, livemode=True, actor=CLERK, at=LATER, key=key,
        later=True,
    )  # fmt: skip
    return taken.batch


def job_of(batch: UsageBatch) -> Work:
    return Work.objects.get(key=str(batch.pk))


def finished(batch: UsageBatch) -> bool:
    batch.refresh_from_db()
    return batch.status != "processing"


def lease_runs_out(batch: UsageBatch) -> None:
    """Nobody tells the house that a worker died: its lease runs out, here a little sooner."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    Work.objects.filter(key=str(batch.pk)).update(lease_until=past)


def held_up(session: psycopg.Connection) -> None:
    """Hold what the worker needs after it has read and judged everything."""
    session.execute("LOCK TABLE providers_usageidentity IN EXCLUSIVE MODE")


def stands_still(batch: UsageBatch) -> bool:
    """Say whether everything has been read, seen from outside the worker's transaction."""
    told = metering.progress_of(batch)
    return told is not None and "正在核对并入账" in told["step"]


def counted_once(batch: UsageBatch, rows: int = ROWS) -> None:
    assert batch.counts["accepted"] == UsageRecord.objects.count() == rows
    assert UsageRecord.objects.values("record_id").distinct().count() == rows


def test_how_far_a_batch_is_is_seen_while_its_transaction_is_open(celery_worker):
    celery_worker.start()
    there = World()
    with psycopg.connect(database_url("superuser")) as somebody:
        held_up(somebody)
        batch = send(there, new_id())
        wait_for(lambda: stands_still(batch), celery_worker.told)
        told = metering.progress_of(batch)
        assert told["bytes_read"] == told["bytes"] == batch.body_size
        assert f"{ROWS:,}" in told["step"]
        assert not UsageRecord.objects.exists()
    wait_for(lambda: finished(batch), celery_worker.told)
    counted_once(batch)
    assert metering.progress_of(batch) is None


def test_a_batch_whose_worker_is_killed_midway_is_counted_once_by_the_next(celery_worker):
    celery_worker.start()
    there = World()
    with psycopg.connect(database_url("superuser")) as somebody:
        held_up(somebody)
        batch = send(there, new_id())
        wait_for(lambda: stands_still(batch), celery_worker.told)
        celery_worker.kill()
    assert not finished(batch)
    lease_runs_out(batch)
    celery_worker.start(beat=True)
    wait_for(lambda: finished(batch), celery_worker.told)
    counted_once(batch)
    assert job_of(batch).attempts == 2


def test_a_batch_whose_database_session_dies_midway_is_counted_once(celery_worker):
    celery_worker.start(beat=True)
    there = World()
    with psycopg.connect(database_url("superuser"), autocommit=True) as operator:
        with psycopg.connect(database_url("superuser")) as somebody:
            held_up(somebody)
            batch = send(there, new_id())
            wait_for(lambda: stands_still(batch), celery_worker.told)
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND query LIKE '%providers_usagerecord%'"
            )
        lease_runs_out(batch)
    wait_for(lambda: finished(batch), celery_worker.told)
    counted_once(batch)
    assert job_of(batch).attempts >= 2


def test_two_large_batches_of_one_provider_at_once_count_every_record_once(celery_worker):
    celery_worker.start()
    there = World()
    first, second = send(there, new_id()), send(there, new_id(), rows=ROWS + 100)
    wait_for(lambda: finished(first) and finished(second), celery_worker.told)
    assert first.counts["accepted"] + second.counts["accepted"] == ROWS + 100
    assert first.counts["duplicate"] + second.counts["duplicate"] == ROWS
    assert UsageRecord.objects.count() == ROWS + 100
