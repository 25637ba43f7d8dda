"""Held records go by themselves when their rate, name or machines come: at once or by a worker."""

import pytest

from ledger.models import Work
from providers import admitting, listing, metering
from providers.models import AcceleratorAlias, UsageRecord
from tests.providers import world
from tests.providers.world import AT, CHIEF, CLERK, ENGINEER, LATER, REGISTRY_FROM, World
from tests.worker import RealWorker, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def waiting() -> list[str]:
    held = UsageRecord.objects.filter(state="held").order_by("id")
    return list(held.values_list("hold_reason", flat=True))


def test_a_real_worker_releases_when_there_are_too_many_for_a_page(monkeypatch):
    there = World()
    model = world.a_model("new-x1", rate=False)
    world.give_capacity(there.provider, model)
    there.send(*(there.record(f"r-{n}", device_model="new-x1") for n in range(8)))
    assert waiting() == ["no_rate"] * 8
    monkeypatch.setattr("providers.releasing.AT_ONCE", 3)
    worker = RealWorker()
    try:
        worker.start()
        world.give_rate(model, 100_000)
        wait_for(lambda: not waiting(), worker.told)
    finally:
        worker.kill()
    done = Work.objects.get(kind="metering.release")
    wait_for(lambda: Work.objects.get(pk=done.pk).state == "done", worker.told)
    assert Work.objects.get(pk=done.pk).result == {"released": "8"}
    assert UsageRecord.objects.filter(state="accepted", counted=True, gflops=100_000).count() == 8


def test_each_thing_that_was_missing_releases_what_waited_for_it():
    there = World()
    batch = there.send(there.record(device_model="Maker Card 7"))
    assert (batch.held, waiting()) == (1, ["unknown_model"])
    model = world.a_model("maker-7", rate=False)
    alias = listing.propose_alias(model, "maker card 7", actor=CLERK, at=AT)
    listing.approve_alias(alias, actor=CHIEF, at=LATER)
    assert len(waiting()) == 1
    world.give_rate(model, 100_000)
    assert len(waiting()) == 1
    capacity = admitting.register_capacity(
        there.provider, model, 8, valid_from=REGISTRY_FROM, actor=ENGINEER, at=AT
    )
    admitting.confirm_capacity(capacity, actor=CLERK, at=LATER)
    assert waiting() == []
    assert metering.release_held(actor=CLERK, at=LATER) == 0


def test_a_new_rate_never_changes_what_is_counted():
    there = World()
    there.send(there.record())
    before = UsageRecord.objects.values("rate", "gflops", "device_milli_seconds").get()
    world.give_rate(there.model, 315_000, valid_from=AT)
    assert UsageRecord.objects.values("rate", "gflops", "device_milli_seconds").get() == before
    there.send(there.record("r-2"))
    later = UsageRecord.objects.get(record_id="r-2")
    assert (later.gflops, later.rate.version) == (315_000, 2)


def test_a_name_that_comes_to_mean_another_model_is_a_new_version():
    there = World()
    wrong, right = world.a_model("card-a", 100_000), world.a_model("card-b", 200_000)
    for model in (wrong, right):
        world.give_capacity(there.provider, model)
    first = listing.propose_alias(wrong, "Card", actor=CLERK, at=AT)
    listing.approve_alias(first, actor=CHIEF, at=AT)
    there.send(there.record("r-1", device_model="card"))
    second = listing.propose_alias(right, "CARD", actor=CLERK, at=LATER)
    assert second.version == 2
    listing.approve_alias(second, actor=CHIEF, at=LATER)
    first.refresh_from_db()
    assert first.state == "retired"
    there.send(there.record("r-2", device_model="card"))
    found = UsageRecord.objects.order_by("record_id").values_list("model__key", flat=True)
    assert list(found) == ["card-a", "card-b"]
    assert AcceleratorAlias.objects.filter(alias="card").count() == 2
