"""Checking the whole chain as a piece of work: asked for by an auditor, told in one sentence."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ledger import audit, work
from ledger.actors import Actor
from ledger.bookkeeping import rows
from ledger.inspecting import inspect_log
from ledger.invariants import Finding
from ledger.models import Work
from ledger.periods import day_of
from ledger.receipts import overdue
from ledger.sealing import Checkpoint, latest_checkpoint

WORK_KIND = "ledger.inspect_log"
SHOWN = 50
_TELL_EVERY_SECONDS = 1
_SUBJECT = re.compile(r"(ledger_\w+) ([0-9a-f-]+)")
#: Where in the log the row of a finding lies, by the table it is in.
_PLACES = {
    "ledger_logleaf": "SELECT %s::bigint",
    "ledger_logentry": "SELECT index FROM ledger_logleaf WHERE entry_id = %s::bigint",
    "ledger_journal": """
        SELECT l.index FROM ledger_journal j JOIN ledger_logentry e ON e.id = j.id
        JOIN ledger_logleaf l ON l.entry_id = e.seq WHERE j.seq = %s::bigint
    """,
    "ledger_transfer": """
        SELECT l.index FROM ledger_transfer t JOIN ledger_journal j ON j.seq = t.journal_id
        JOIN ledger_logentry e ON e.id = j.id JOIN ledger_logleaf l ON l.entry_id = e.seq
        WHERE t.id = %s::uuid
    """,
    "ledger_promise": """
        SELECT l.index FROM ledger_logentry e JOIN ledger_logleaf l ON l.entry_id = e.seq
        WHERE e.id = %s::uuid
    """,
}


def ask_for_inspection(key: UUID, *, actor: Actor, at: datetime) -> Work:
    """Ask for a check of the whole chain; while one is under way, that one is given.

    Args:
        key: the same key asks for the same check.
    Writes: one piece of work.
    """
    running = work.open_work().filter(kind=WORK_KIND).first()
    return running or work.request(WORK_KIND, key=str(key), payload={}, actor=actor, at=at)


def inspections() -> list[Work]:
    """Return the last checks of the whole chain, newest first."""
    return list(Work.objects.filter(kind=WORK_KIND).order_by("-requested_at", "-pk")[:10])


def last_done() -> Work | None:
    """Return the newest check of the whole chain that came to its end."""
    done = Work.objects.filter(kind=WORK_KIND, state=Work.State.DONE)
    return done.order_by("-finished_at").first()


def inspection(pk: UUID) -> Work | None:
    """Return one check of the whole chain."""
    return Work.objects.filter(kind=WORK_KIND, pk=pk).first()


def run_inspection_work(task: Work, progress: work.Progress) -> dict[str, Any]:
    """Check books and log row by row and say in one sentence what was found.

    Writes: one ``audit.result`` entry.
    """
    newest = latest_checkpoint()
    with _told_beside(progress) as tell:
        found = inspect_log(tell)
    found += overdue(task.requested_at)
    first = first_wrong(found)
    sentence = in_a_sentence(newest, found, first)
    facts = {
        "entries": str(newest.size if newest else 0),
        "root": newest.root_hex if newest else "",
        "findings": str(len(found)),
        "first_wrong": "" if first is None else str(first),
    }
    audit.record("audit.result", facts, actor=work.requester(task), at=task.requested_at)
    return {
        "sentence": sentence,
        "sound": not found,
        "count": len(found),
        "findings": [each.as_dict() for each in found[:SHOWN]],
    }


@contextmanager
def _told_beside(progress: work.Progress) -> Iterator[Any]:
    """Tell progress from a second connection: the check itself reads in one transaction."""
    latest: list[tuple[int, int]] = []
    over = threading.Event()
    lost: list[work.ClaimLost] = []

    def beat() -> None:
        try:
            while not over.wait(_TELL_EVERY_SECONDS):
                if latest:
                    progress(*latest[-1], "正在逐条核验")
        except work.ClaimLost as error:
            lost.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="inspection-progress", daemon=True)
    thread.start()
    try:
        yield lambda done, total: latest.append((done, total))
    finally:
        over.set()
        thread.join()
    if lost:
        raise lost[0]


def first_wrong(found: list[Finding]) -> int | None:
    """Return the lowest place in the log that some finding concerns, where one can be named."""
    places = []
    for each in found:
        match = _SUBJECT.match(each.subject)
        sql = _PLACES.get(match[1]) if match else None
        if match and sql:
            places += [index for (index,) in rows(sql, match[2]) if index is not None]
    return min(places, default=None)


def in_a_sentence(newest: Checkpoint | None, found: list[Finding], first: int | None) -> str:
    """Return what a check came to, as an auditor reads it aloud."""
    if found:
        where = f"第 {first:,} 条起不一致" if first is not None else "发现不一致"
        return f"{where}，共 {len(found):,} 处，请保留现场并联系平台管理员。"
    if newest is None:
        return "日志还没有检查点，没有可核验的条目。"
    day = day_of(newest.sealed_at).isoformat()
    return (
        f"共 {newest.size:,} 条，校验通过，树根 {newest.root_hex[:8]}…，与 {day} 发布的检查点一致。"
    )
