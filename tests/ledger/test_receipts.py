"""Promises are given once, kept or found out; words lead to entries; waiting has its bound."""

import threading
import time
from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection, transaction

from ledger import audit, incidents, models, receipts, references
from ledger.invariants import findings
from ledger.keys import sign_head
from ledger.proofs import open_promise
from ledger.references import catch_up, places_of, plain_word, words_of
from ledger.signing import TreeHead, from_base64
from ledger.verdicts import Trail
from tests.front import log_files as files
from tests.guards import guards_off
from tests.ledger.making import ACTOR, AT, LATER, a_small_month, seal_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.superuser]


@pytest.fixture
def log():
    a_small_month()
    return seal_all()


def write() -> audit.Entry:
    return audit.record("test.event", {"n": 1}, actor=ACTOR, at=AT)


def test_two_who_ask_at_once_get_the_same_promise(log):
    entry = write()
    notes = []
    together = threading.Barrier(4)

    def ask(seconds: int) -> None:
        together.wait()
        at = AT + timedelta(seconds=seconds)
        notes.append(receipts.promise_for(entry.id, at=at))
        connection.close()

    threads = [threading.Thread(target=ask, args=[each]) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(notes) == 4
    assert len(set(notes)) == 1
    assert models.Promise.objects.count() == 1
    seal_all()


def test_nothing_is_promised_that_is_not_written(log):
    with transaction.atomic():
        entry = write()
        transaction.set_rollback(True)
    assert receipts.promise_for(entry.id, at=AT) is None
    assert receipts.promise_for(UUID(int=5), at=AT) is None


def test_a_kept_promise_is_no_finding_and_an_overdue_one_is(log):
    entry = write()
    receipts.promise_for(entry.id, at=AT)
    assert receipts.overdue(AT + timedelta(seconds=59)) == []
    names = [each.name for each in receipts.overdue(AT + timedelta(seconds=61))]
    assert names == ["promise_overdue", "entry_overdue"]
    assert findings() == []
    seal_all(LATER)
    assert receipts.overdue(LATER) == findings() == receipts.promise_faults() == []


@pytest.mark.unbalanced
def test_an_entry_that_vanishes_leaves_its_promise_behind(log):
    entry = write()
    receipts.promise_for(entry.id, at=AT)
    with guards_off(connection, ["ledger_logentry"]) as cursor:
        cursor.execute("DELETE FROM ledger_logentry WHERE id = %s", [entry.id])
        found = findings()
        transaction.set_rollback(True)
    assert [(each.name, each.subject) for each in found] == [("promise_broken", str(entry.id))]


BENT = {
    "entry_id": "gen_random_uuid()",
    "leaf_hash": "sha256(leaf_hash)",
    "promised_at": "promised_at - interval '1 second'",
    "due_at": "due_at + interval '1 day'",
    "note": "note || 'x'",
}


@pytest.mark.unbalanced
def test_every_changed_column_of_a_promise_is_found(log):
    receipts.promise_for(write().id, at=AT)
    columns = {each.column for each in models.Promise._meta.concrete_fields}
    assert columns == set(BENT)
    for column, change in BENT.items():
        with guards_off(connection, ["ledger_promise"]) as cursor:
            cursor.execute(f"UPDATE ledger_promise SET {column} = {change}")
            assert receipts.promise_faults(), column
            transaction.set_rollback(True)


def test_waiting_ends_when_the_entry_is_in_and_has_its_bound(log):
    entry = write()
    sealer = threading.Timer(0.5, lambda: (seal_all(), connection.close()))
    sealer.start()
    assert receipts.wait_for_inclusion(entry.id, 5) == log.size
    sealer.join()
    begun = time.monotonic()
    assert receipts.wait_for_inclusion(UUID(int=7), 1) is None
    assert 0.9 < time.monotonic() - begun < 3


def test_only_so_many_wait_at_once(log, monkeypatch):
    monkeypatch.setattr(receipts, "_WAITING", threading.BoundedSemaphore(1))
    receipts._WAITING.acquire()
    begun = time.monotonic()
    assert receipts.wait_for_inclusion(UUID(int=7), 5) is None
    assert time.monotonic() - begun < 1


def test_a_fork_with_our_signature_is_an_alarm_and_begins_safe_mode(log, caplog):
    def ours(size: int) -> str:
        return sign_head(TreeHead(settings.LOG_ORIGIN, size, from_base64(files.ROOT)), at=AT)

    assert receipts.compare_checkpoint(log.note, at=AT).code == "checkpoint_consistent"
    assert not incidents.safe_mode()
    assert receipts.compare_checkpoint(ours(5), at=AT).code == "checkpoint_forked"
    assert incidents.safe_mode()
    (opened,) = incidents.open_incidents()
    assert opened.findings[0]["name"] == "checkpoint_forked"
    assert receipts.compare_checkpoint(ours(999), at=AT).code == "checkpoint_newer"
    critical = [each for each in caplog.records if each.levelname == "CRITICAL"]
    assert len(critical) == 2
    caplog.clear()
    for other in (
        files.NOTE,
        "",
        "x" * 200_000,
        log.note.replace(f"\n{log.size}\n", f"\n{log.size + 1}\n"),
    ):
        assert receipts.compare_checkpoint(other, at=AT).good is False
    assert not caplog.records, "anybody can forge what bears no signature of ours"


def test_a_promise_says_what_will_be_in_the_log(log):
    entry = write()
    note = receipts.promise_for(entry.id, at=AT)
    promise = open_promise(note, receipts.verification_keys(), Trail())
    assert promise.due_at - promise.promised_at == timedelta(seconds=60)
    assert note.startswith("shuanli.putuo.example/ledger/promise\n")
    index = seal_all().size - 1
    assert models.LogLeaf.objects.get(index=index).hash == promise.leaf


def test_words_are_names_and_not_amounts_or_times():
    body = {"voucher_no": "PTSLJ-2026-000001", "fen": "50000", "day": "2026-10-01",
            "month": "2026-10", "text": "没有数字", "document_no": "普财〔2026〕9号",
            "at": "2026-10-01T00:00:00.000000Z", "list": ["批 次 B-7", "x" * 300]}  # fmt: skip
    entry = {"type": "voucher.issue", "links": ["id-1"], "body": body}
    found = words_of(entry)
    assert found == ["id-1", "ptslj-2026-000001", "普财〔2026〕9号", "批次b-7"]
    assert plain_word(" ＰＴＳＬＪ－2026 000001") == "ptslj-2026000001"


def test_words_lead_to_entries_once_they_are_drawn(log):
    assert places_of("ref:c-1") == []
    assert references.behind() == log.size
    assert catch_up(most=4) == 4
    assert catch_up() == log.size - 4
    assert catch_up() == references.behind() == 0
    (place,) = places_of("ref:c-1")
    assert models.LogLeaf.objects.get(index=place).entry.type == "ledger.journal"
    assert len(places_of("ref:q1", 50)) >= 4
    assert "ledger.journal/voucher.redeem" in references.known_types()
