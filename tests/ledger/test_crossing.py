"""Each tree remembers the other's checkpoint: once a day, in entries that lie in both."""

import hashlib
import json
from datetime import timedelta

import pytest

from config import tasks
from ledger import audit, clock, models
from ledger.crossing import cross_checkpoints
from ledger.entries import CROSS_TYPE
from ledger.inspecting import inspect_log
from ledger.sealing import latest_checkpoint
from ledger.suites import SHA256, SM3
from tests.ledger.making import ACTOR, AT, KEYS, seal_all

pytestmark = pytest.mark.django_db(transaction=True)


def crossed() -> list[dict]:
    entries = models.LogEntry.objects.filter(type=CROSS_TYPE).order_by("seq")
    return [json.loads(bytes(each.body))["body"] for each in entries]


def test_both_checkpoints_become_entries_and_the_next_ones_cover_them():
    seal_all()
    first, second = latest_checkpoint(SHA256), latest_checkpoint(SM3)
    written = cross_checkpoints(actor=ACTOR, at=AT)
    assert crossed() == [
        {
            "origin": each.note.splitlines()[0],
            "size": str(KEYS),
            "root": each.root.hex(),
            "suite": each.suite.name,
            "note_sha256": hashlib.sha256(each.note.encode()).hexdigest(),
        }
        for each in (first, second)
    ]
    newest = seal_all()
    assert (newest.size, latest_checkpoint(SM3).size) == (KEYS + 2, KEYS + 2)
    assert [audit.entry_index(each.id) for each in written] == [KEYS, KEYS + 1]
    assert inspect_log() == []


def test_it_is_done_once_on_a_shanghai_day():
    seal_all()
    midnight = AT.replace(
        hour=16, minute=0, second=0, microsecond=0
    )  # in Shanghai the next day begins
    assert len(cross_checkpoints(actor=ACTOR, at=midnight - timedelta(seconds=1))) == 2
    assert cross_checkpoints(actor=ACTOR, at=midnight - timedelta(seconds=1)) == []
    assert cross_checkpoints(actor=ACTOR, at=midnight - timedelta(days=3)) == []
    assert len(cross_checkpoints(actor=ACTOR, at=midnight)) == 2


def test_with_one_tree_or_none_there_is_nothing_to_cross(settings):
    assert cross_checkpoints(actor=ACTOR, at=AT) == []
    settings.LOG_SUITES = ["sha256"]
    seal_all()
    assert cross_checkpoints(actor=ACTOR, at=AT) == []
    assert crossed() == []


def test_the_nightly_job_does_it():
    seal_all()
    with clock.set_to(AT):
        assert tasks.cross_checkpoints() == 2
        assert tasks.cross_checkpoints() == 0
