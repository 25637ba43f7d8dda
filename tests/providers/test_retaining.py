"""Raw bytes stay as long as anything needs them, go by rule and in the log, and are checked."""

import json
import os
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from config import tasks
from config.management.commands import doctor
from ledger import clock
from ledger.entries import decode
from ledger.models import LogEntry
from ledger.periods import Month
from providers.bodies import body_path, incoming_folder, take_bytes
from providers.models import UsageBatch
from providers.retaining import (
    Removed,
    damaged_bodies,
    kept_days,
    past_need,
    remove_bodies,
    sweep_leftovers,
)
from providers.shutting import shut_month
from tests.providers import world
from tests.providers.world import CLERK, LATER, World

pytestmark = pytest.mark.django_db
LONG_AFTER = LATER + timedelta(days=1200)


def shut_october() -> None:
    shut_month(Month.parse("2026-10"), actor=CLERK, at=LATER)


def kept(batch: UsageBatch) -> bool:
    return body_path(batch.body_sha256).is_file()


def test_bytes_go_when_their_time_is_over_and_their_months_are_shut():
    there = World()
    batch = there.send(there.record())
    assert kept(batch)
    assert remove_bodies(actor=CLERK, at=LONG_AFTER) == Removed(0, 0)
    shut_october()
    assert remove_bodies(actor=CLERK, at=LATER + kept_days()) == Removed(0, 0)
    assert remove_bodies(actor=CLERK, at=LONG_AFTER) == Removed(1, batch.body_size)
    assert not kept(batch)
    batch.refresh_from_db()
    assert batch.body_removed_at == LONG_AFTER
    assert remove_bodies(actor=CLERK, at=LONG_AFTER) == Removed(0, 0)


def test_the_removal_stands_in_the_log():
    there = World()
    batch = there.send(there.record())
    shut_october()
    remove_bodies(actor=CLERK, at=LONG_AFTER)
    entry = LogEntry.objects.filter(type="metering.bodies_removed").get()
    body = decode(bytes(entry.body))["body"]
    assert (body["bodies"], body["bytes"]) == ("1", str(batch.body_size))
    assert body["received_before"] == (LONG_AFTER - kept_days()).isoformat()


@pytest.mark.parametrize(
    "waiting",
    [{"device_model": "nobody-knows"}, {"ended_at": None}],
    ids=["held", "open"],
)
def test_bytes_of_a_batch_with_a_waiting_row_stay(waiting):
    there = World()
    record = {k: v for k, v in (there.record("r-2") | waiting).items() if v is not None}
    batch = there.send(there.record(), record)
    shut_october()
    remove_bodies(actor=CLERK, at=LONG_AFTER)
    assert kept(batch)


def test_bytes_of_an_undecided_conflict_stay():
    there = World()
    there.send(there.record())
    batch = there.send(there.record(device_count=7))
    assert batch.conflict == 1
    shut_october()
    assert list(past_need(LONG_AFTER).values_list("pk", flat=True)) != [batch.pk]
    remove_bodies(actor=CLERK, at=LONG_AFTER)
    assert kept(batch)


def test_bytes_that_another_batch_needs_stay():
    there = World()
    first = there.send(there.record())
    second = there.send(there.record(), at=LONG_AFTER - timedelta(days=1))
    assert first.body_sha256 == second.body_sha256
    shut_october()
    assert remove_bodies(actor=CLERK, at=LONG_AFTER) == Removed(0, 0)
    assert remove_bodies(actor=CLERK, at=LONG_AFTER + kept_days()).bodies == 1
    assert not UsageBatch.objects.filter(body_removed_at=None).exists()


def test_bytes_of_a_batch_that_is_still_to_be_judged_stay():
    there = World()
    upload = world.metering.Upload(json.dumps({"records": [there.record()]}).encode(),
                                   "application/json")  # fmt: skip
    taken = world.metering.take_upload(
        there.provider, upload, provider_key=None, livemode=True, actor=CLERK, at=LATER,
        key=world.new_id(), later=True,
    )  # fmt: skip
    shut_october()
    remove_bodies(actor=CLERK, at=LONG_AFTER)
    assert kept(taken.batch)


def test_a_run_that_fell_between_file_and_rows_is_made_good():
    there = World()
    batch = there.send(there.record())
    shut_october()
    body_path(batch.body_sha256).unlink()
    assert [what for _, what in damaged_bodies()] == ["missing"]
    assert remove_bodies(actor=CLERK, at=LONG_AFTER).bodies == 1
    assert list(damaged_bodies()) == []


def test_when_the_bytes_went_is_written_once():
    there = World()
    batch = there.send(there.record())
    UsageBatch.objects.filter(pk=batch.pk).update(body_removed_at=LATER)
    for value in ("NULL", "now()"):
        with (
            pytest.raises(IntegrityError, match="written once"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE providers_usagebatch SET body_removed_at = {value}")


def test_leftovers_of_broken_requests_go_and_what_is_needed_or_young_stays():
    there = World()
    batch = there.send(there.record())
    orphan = take_bytes(b"a preview nobody confirmed")
    orphan.keep()
    for body in (take_bytes(b"cut off"), orphan):
        assert body.path.is_file()
    old = (LATER - timedelta(days=3)).timestamp()
    young = take_bytes(b"just coming in")
    for path in (*incoming_folder().iterdir(), orphan.path, body_path(batch.body_sha256)):
        if path != young.path:
            os.utime(path, (old, old))
    os.utime(young.path, (LATER.timestamp(), LATER.timestamp()))
    assert sweep_leftovers(LATER) == 2
    assert list(incoming_folder().iterdir()) == [young.path]
    assert kept(batch)


def test_the_doctor_and_the_command_tell_damaged_bytes():
    there = World()
    batch = there.send(there.record())
    out = StringIO()
    call_command("kept_uploads", "--check", stdout=out)
    assert "一致" in out.getvalue()
    assert doctor.raw_uploads()[0] == doctor.OK
    body_path(batch.body_sha256).write_bytes(b"something else")
    assert doctor.raw_uploads()[0] == doctor.FAIL
    with pytest.raises(CommandError, match="1 个批次"):
        call_command("kept_uploads", "--check", stdout=out)
    assert f"{batch.body_sha256} 内容与摘要不符" in out.getvalue()


def test_the_nightly_job_and_the_command_remove_the_same():
    there = World()
    shut = [there.send(there.record(f"r-{number}")) for number in range(2)]
    shut_october()
    out = StringIO()
    with clock.set_to(LONG_AFTER):
        assert tasks.remove_raw_uploads() == 2
        call_command("kept_uploads", "--remove", stdout=out)
    assert not any(map(kept, shut))
    assert "已清理 0 个" in out.getvalue()
