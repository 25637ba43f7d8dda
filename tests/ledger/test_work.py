"""Work for later: asked for once, claimed by one, fenced, tried again, given up."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from django.db import IntegrityError, connection, transaction

from ledger import work
from ledger.actors import system_actor
from ledger.models import Work
from ledger.refusals import Refused
from tests.worker import wait_for

AT = datetime(2026, 11, 1, 1, tzinfo=UTC)
ACTOR = system_actor("test")

pytestmark = pytest.mark.django_db


def ask(key: str = "2026-10", kind: str = "count") -> Work:
    return work.request(kind, key=key, payload={"month": key}, actor=ACTOR, at=AT)


def run(handler, *, lease=work.LEASE, kind="count") -> int:
    return work.run_due({kind: handler}, now=lambda: AT, worker="here", lease=lease)


def make_due(row: Work) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    Work.objects.filter(pk=row.pk).update(due_at=past, lease_until=past)


def test_the_same_key_is_the_same_work():
    assert ask() == ask()
    assert Work.objects.count() == 1


def test_asking_remembers_who_and_when():
    row = ask()
    assert work.requester(row) == ACTOR
    assert row.requested_at == AT


def test_work_is_done_once_and_keeps_its_result():
    row = ask()
    seen = []

    def handler(given, progress):
        seen.append(given.payload)
        progress(1, 2, "算到一半")
        return {"lines": 2}

    assert run(handler) == 1
    assert run(handler) == 0
    row.refresh_from_db()
    assert seen == [{"month": "2026-10"}]
    assert (row.state, row.result, row.finished_at) == ("done", {"lines": 2}, AT)
    assert (row.done, row.total, row.message) == (1, 2, "算到一半")


def test_only_kinds_with_a_handler_are_taken():
    ask(kind="unknown")
    assert run(lambda *_: {}) == 0


def test_older_work_comes_first():
    for key in ("a", "b", "c"):
        ask(key)
    order = []
    run(lambda row, _: order.append(row.key) or {})
    assert order == ["a", "b", "c"]


@transaction.atomic
def chunk(progress) -> None:
    ask("written by the chunk", kind="other")
    progress(1, 1)


def test_a_fault_is_kept_and_tried_again_after_a_pause():
    row = ask()

    def fails(given, progress):
        raise OSError("disk")

    assert run(fails) == 1
    row.refresh_from_db()
    assert (row.state, row.error) == ("failed", "OSError: disk")
    assert run(fails) == 0, "the pause is not over"
    make_due(row)
    assert run(lambda *_: {"ok": True}) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error) == ("done", 2, "")


def test_work_is_given_up_after_five_attempts():
    row = ask()

    def fails(given, progress):
        raise OSError("disk")

    for _ in range(work.MOST_ATTEMPTS):
        make_due(row)
        run(fails)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("dead", 5)
    make_due(row)
    assert run(fails) == 0


def test_a_refusal_is_told_and_not_tried_again():
    row = ask()

    def refuses(given, progress):
        raise Refused("not_ready", "还有未处理的记录，请先处理。")

    run(refuses)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("dead", 1)
    assert row.error == "还有未处理的记录，请先处理。"


def test_given_up_work_can_be_asked_for_again_when_its_cause_is_mended():
    row = ask()
    Work.objects.filter(pk=row.pk).update(state="dead", attempts=5, error="x")
    later = AT + timedelta(days=1)
    row = work.ask_again(row, actor=ACTOR, at=later)
    assert (row.state, row.attempts, row.error, row.requested_at) == ("queued", 0, "", later)
    assert run(lambda *_: {}) == 1


def test_open_work_cannot_be_asked_for_again():
    with pytest.raises(Refused) as refusal:
        work.ask_again(ask(), actor=ACTOR, at=AT)
    assert refusal.value.code == "work_not_given_up"


def test_a_lost_worker_is_followed_by_another_and_cannot_write_any_more():
    row = ask()

    def loses_its_claim(given, progress):
        make_due(given)  # as if this process had been stopped for longer than its lease
        assert run(lambda *_: {"by": "second"}) == 1
        with pytest.raises(work.ClaimLost):
            progress(1, 1)
        return {"by": "first"}

    run(loses_its_claim)
    row.refresh_from_db()
    assert row.result == {"by": "second"}
    assert row.fence == 2


def test_a_chunk_written_without_a_claim_is_undone():
    row = ask()

    def writes_late(given, progress):
        make_due(given)
        run(lambda *_: {})
        with pytest.raises(work.ClaimLost):
            chunk(progress)
        return {}

    run(writes_late)
    assert work.find("other", "written by the chunk") is None
    assert work.find("count", row.key) == row


def test_work_whose_workers_always_die_is_given_up():
    row = ask()
    Work.objects.filter(pk=row.pk).update(state="running", attempts=5)
    make_due(row)
    run(lambda *_: {})
    row.refresh_from_db()
    assert row.state == "dead"
    assert "多次中断" in row.error


def test_the_bell_is_rung_on_commit_and_a_dead_broker_does_no_harm(
    monkeypatch, django_capture_on_commit_callbacks, caplog
):
    # An app of its own: a pool that once met a dead broker must not stay for other tests.
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    dead = Celery("dead", set_as_current=False)
    dead.conf.update(task_publish_retry=False, broker_transport_options={"max_retries": 1})
    monkeypatch.setattr(work, "current_app", dead)
    with django_capture_on_commit_callbacks(execute=True) as rung:
        ask()
    assert len(rung) == 1
    assert "the bell did not ring" in caplog.text


def test_open_work_lists_what_is_not_over():
    first, second = ask("a"), ask("b")
    Work.objects.filter(pk=first.pk).update(state="done")
    assert list(work.open_work()) == [second]


@pytest.mark.parametrize("state", ["", "lost"])
def test_the_database_knows_the_legal_states(state):
    row = ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        Work.objects.filter(pk=row.pk).update(state=state)


@pytest.mark.django_db(transaction=True)
def test_work_held_by_one_worker_is_not_seen_by_another():
    ask("a")
    ask("b")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM ledger_work WHERE key = 'a' FOR UPDATE")
            done = []
            run(lambda row, _: done.append(row.key) or {})
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert done == ["b"]


@pytest.mark.django_db(transaction=True)
def test_a_busy_handler_keeps_its_claim_by_its_heartbeat(monkeypatch):
    monkeypatch.setattr(work, "HEARTBEAT_SECONDS", 0.05)
    row = ask()

    def busy(given, progress):
        first = Work.objects.get(pk=given.pk).lease_until
        wait_for(lambda: Work.objects.get(pk=given.pk).lease_until > first)
        return {}

    run(busy)
    row.refresh_from_db()
    assert row.state == "done"
