"""Maintenance: whoever changes the structure of the books says so in the log, before and after.

Where the guard over the structure is in force (``deploy.ddl_guard``), the database refuses such
a change as long as the log does not say that a maintenance is open. It ends by itself after
``LONGEST``; what was changed meanwhile is found by ``verify_log`` like any other change.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.bookkeeping import rows
from ledger.entries import moment_text
from ledger.refusals import Refused

BEGIN, END = "maintenance.begin", "maintenance.end"
LONGEST = timedelta(hours=4)
_LOCK = 0x6D61696E  # one at a time: "main" in ASCII


@dataclass(frozen=True)
class Maintenance:
    """A maintenance that the log says is open."""

    entry_id: str
    begun_at: datetime


def open_maintenance(at: datetime) -> Maintenance | None:
    """Return the maintenance that is open at a moment, if one is."""
    found = rows(
        "SELECT id::text, type, at FROM ledger_logentry"
        " WHERE type IN (%s, %s) AND type <> 'ledger.journal' ORDER BY seq DESC LIMIT 1",
        BEGIN,
        END,
    )
    if not found or found[0][1] == END or at - found[0][2] > LONGEST:
        return None
    return Maintenance(found[0][0], found[0][2])


def log_has_begun() -> bool:
    """Say whether there is a log with entries: before the first there is nothing to guard."""
    if not rows("SELECT to_regclass('ledger_logentry') IS NOT NULL")[0][0]:
        return False
    return bool(rows("SELECT EXISTS (SELECT FROM ledger_logentry)")[0][0])


@transaction.atomic
def begin_maintenance(reason: str, *, actor: Actor, at: datetime) -> audit.Entry:
    """Say in the log that the structure of the books is about to be changed, and why.

    Args:
        reason: a sentence that anybody may read: the log is public.
    Writes: one ``maintenance.begin`` entry.

    Raises:
        Refused: one is open already, or no reason is given.
    """
    rows("SELECT pg_advisory_xact_lock(%s)", _LOCK)
    if not reason.strip():
        raise Refused("maintenance_without_reason", "请写明维护的原因（会公开记入日志）。")
    if open_maintenance(at) is not None:
        raise Refused("maintenance_open", "已有一次维护正在进行，请先结束它。")
    body = {"reason": reason.strip()[:500], "ends_at": moment_text(at + LONGEST)}
    return audit.record(BEGIN, body, actor=actor, at=at)


@transaction.atomic
def end_maintenance(*, actor: Actor, at: datetime) -> audit.Entry:
    """Say in the log that the maintenance is over.

    Writes: one ``maintenance.end`` entry, linked to its beginning.

    Raises:
        Refused: none is open.
    """
    rows("SELECT pg_advisory_xact_lock(%s)", _LOCK)
    begun = open_maintenance(at)
    if begun is None:
        raise Refused("maintenance_not_open", "目前没有进行中的维护。")
    return audit.record(END, {}, actor=actor, at=at, links=(begun.entry_id,))
