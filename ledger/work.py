"""Work for later: asked for in PostgreSQL, rung for by Celery, done once, seen while it runs.

A worker may be killed at any moment, and a message may be lost, late or doubled. So the row is
the truth: it is claimed with a lease and a fencing number, its progress is kept as it goes, and a
sweeper rings again for what nobody holds. A handler therefore has to be repeatable: it may be
started again after it was cut off anywhere.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Func, Q, QuerySet
from django.db.models.fields import DateTimeField

from ledger.actors import Actor
from ledger.models import Work
from ledger.refusals import Refused

__all__ = ["ClaimLost", "Handler", "Progress", "Work", "ask_again", "find", "request", "run_due"]

logger = logging.getLogger(__name__)
RING = "config.tasks.ring"
LEASE = timedelta(seconds=60)
HEARTBEAT_SECONDS = 15.0  # three beats may be missed before somebody else takes the work
NEWS_SECONDS = 1.0
MOST_ATTEMPTS = 5
PAUSE = timedelta(seconds=5)  # before the second attempt; doubled before each later one
OPEN = (Work.State.QUEUED, Work.State.RUNNING, Work.State.FAILED)


class ClaimLost(Exception):  # noqa: N818 - tells what happened; nothing is wrong with the work
    """Somebody else holds this work now; whatever is being written for it must be undone."""


class DatabaseClock(Func):
    """The database's own clock: the one that all workers share, for leases only."""

    function = "clock_timestamp"
    output_field = DateTimeField()


class Progress:
    """Tell how far a piece of work got; fails when the claim is lost.

    Called between transactions it is seen at once. Called inside the transaction of a chunk it
    fences that chunk: a worker that lost its claim cannot commit it.
    """

    def __init__(self, work: Work, lease: timedelta) -> None:
        self._claim = Q(pk=work.pk, fence=work.fence, state=Work.State.RUNNING)
        self._lease = lease
        self._news: tuple[int, int, str] | None = None

    def __call__(self, done: int, total: int, message: str = "") -> None:
        """Record ``done`` of ``total`` and a Chinese sentence, and keep the claim.

        Raises:
            ClaimLost: another worker has taken over.
        """
        self.write(done=done, total=total, message=message[:200], lease_until=self._until())

    def tell(self, done: int, total: int, message: str = "") -> None:
        """Tell how far it got from inside a long transaction, without writing in it.

        The heartbeat writes it on its own connection, so that it is seen before the commit.
        """
        self._news = (done, total, message)

    def beat(self, *, due: bool) -> bool:
        """Write what was told since the last time, or only keep the claim when that is due.

        Returns:
            Whether anything was written.
        """
        news, self._news = self._news, None
        if news is not None:
            self(*news)
        elif due:
            self.write(lease_until=self._until())
        return news is not None or due

    def write(self, **fields: Any) -> None:
        """Write ``fields`` if the claim still stands."""
        if not Work.objects.filter(self._claim).update(**fields):
            raise ClaimLost

    def _until(self) -> Any:
        return DatabaseClock() + self._lease


Handler = Callable[[Work, Progress], dict[str, Any]]


def request(kind: str, *, key: str, payload: dict[str, Any], actor: Actor, at: datetime) -> Work:
    """Ask for a piece of work, once per key, and ring the bell when the transaction commits.

    Args:
        key: the same kind and key always mean the same piece of work.
        at: business time; the handler uses it as its own ``at`` (``work.requested_at``).
    Writes: one row, or none when it was asked for before.
    """
    work, _ = Work.objects.get_or_create(
        kind=kind,
        key=key,
        defaults={"payload": payload, "requested_by": asdict(actor), "requested_at": at},
    )
    if not work.is_over:
        transaction.on_commit(ring, robust=True)
    return work


def ask_again(work: Work, *, actor: Actor, at: datetime) -> Work:
    """Ask once more for work that was given up, after its cause was mended.

    Raises:
        Refused: the work is still open or already done.
    """
    again = Work.objects.filter(pk=work.pk, state=Work.State.DEAD).update(
        state=Work.State.QUEUED,
        attempts=0,
        due_at=None,
        error="",
        requested_by=asdict(actor),
        requested_at=at,
    )
    if not again:
        raise Refused("work_not_given_up", "这项任务还在办理或已经办完，不需要重新发起。")
    transaction.on_commit(ring, robust=True)
    work.refresh_from_db()
    return work


def requester(work: Work) -> Actor:
    """Return who asked for ``work``, as known when they asked."""
    return Actor(**work.requested_by)


def find(kind: str, key: str) -> Work | None:
    """Return the piece of work asked for under this key, if any."""
    return Work.objects.filter(kind=kind, key=key).first()


def open_work() -> QuerySet[Work]:
    """Return what is not over yet, oldest first."""
    return Work.objects.filter(state__in=OPEN).order_by("pk")


def given_up() -> int:
    """Return how many pieces of work were given up and wait for a person."""
    return Work.objects.filter(state=Work.State.DEAD).count()


def ring() -> None:
    """Ring the bell; a dead broker only means that the sweeper comes later."""
    try:
        current_app.send_task(RING, ignore_result=True)
    except Exception as error:  # the work is safe in its row whatever ails the broker
        logger.warning("the bell did not ring: %s", type(error).__name__)


def run_due(
    handlers: Mapping[str, Handler],
    *,
    now: Callable[[], datetime],
    worker: str,
    lease: timedelta = LEASE,
) -> int:
    """Claim and do pieces of work until none is due; return how many were tried.

    Args:
        handlers: kind -> what does it.
        now: the clock of the house, read when a piece of work is over.
        worker: a name for people who look for who is doing what.
    """
    tried = 0
    while (work := _claim(list(handlers), worker, lease)) is not None:
        tried += 1
        _carry_out(work, handlers[work.kind], now, lease)
    return tried


def _claim(kinds: list[str], worker: str, lease: timedelta) -> Work | None:
    """Take the oldest piece of work that nobody holds, or return nothing."""
    free = (
        Q(state=Work.State.QUEUED)
        | Q(state=Work.State.FAILED, due_at__lte=DatabaseClock())
        | Q(state=Work.State.RUNNING, lease_until__lt=DatabaseClock())
    )
    with transaction.atomic():
        due = open_work().filter(free, kind__in=kinds)
        work = due.select_for_update(of=("self",), skip_locked=True).first()
        if work is None:
            return None
        Work.objects.filter(pk=work.pk).update(
            state=Work.State.RUNNING,
            attempts=F("attempts") + 1,
            fence=F("fence") + 1,
            worker=worker[:100],
            lease_until=DatabaseClock() + lease,
        )
        work.refresh_from_db()
    return work


def _carry_out(work: Work, handler: Handler, now: Callable[[], datetime], lease: timedelta) -> None:
    """Do one claimed piece of work and write how it ended, if the claim still stands."""
    progress = Progress(work, lease)
    try:
        _not_given_up(work)
        with _heartbeat(progress):
            result = handler(work, progress)
        progress.write(
            state=Work.State.DONE, result=result, error="", finished_at=now(), lease_until=None
        )
    except ClaimLost:
        logger.warning("claim on %s lost to another worker", work)
    except Refused as refusal:
        # The rules said no; trying again by itself would only be told the same.
        _end(progress, state=Work.State.DEAD, error=refusal.message, finished_at=now())
    except Exception as error:
        # The one place that does not pass a fault on: it is kept in the row, shown and retried.
        logger.exception("work %s failed at attempt %s", work, work.attempts)
        _end(progress, **_after_failure(work, f"{type(error).__name__}: {error}", now()))


def _not_given_up(work: Work) -> None:
    """Refuse work whose workers died again and again without a word."""
    if work.attempts > MOST_ATTEMPTS:
        raise Refused("worker_lost", "办理进程多次中断，已停止重试，请联系平台管理员。")


def _after_failure(work: Work, error: str, at: datetime) -> dict[str, Any]:
    if work.attempts >= MOST_ATTEMPTS:
        return {"state": Work.State.DEAD, "error": error, "finished_at": at}
    pause = PAUSE * 2 ** (work.attempts - 1)
    return {"state": Work.State.FAILED, "error": error, "due_at": DatabaseClock() + pause}


def _end(progress: Progress, **fields: Any) -> None:
    try:
        progress.write(lease_until=None, **fields)
    except ClaimLost:
        logger.warning("claim lost before the end could be written")


@contextmanager
def _heartbeat(progress: Progress) -> Iterator[None]:
    """Keep the claim from a second connection while the handler is busy."""
    over = threading.Event()

    def beat() -> None:
        last = time.monotonic()
        try:
            while not over.wait(NEWS_SECONDS):
                if progress.beat(due=time.monotonic() - last >= HEARTBEAT_SECONDS):
                    last = time.monotonic()
        except (ClaimLost, DatabaseError) as error:
            logger.warning("heartbeat stopped: %s", type(error).__name__)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="work-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
