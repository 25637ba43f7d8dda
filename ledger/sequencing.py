"""The order of the log: which entries can be sealed now, and where the log may be cut.

Entries stand in the order of transaction ids, and only those are taken whose transaction lies
below every running one of this database: nothing can appear later behind them. A cut is made only
where the books are closed: no journal that stays outside was booked before one that goes in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import psycopg
from django.db import connection

from ledger.bookkeeping import rows
from ledger.refusals import Broken

#: Entries looked at from the end to find a closed cut; more only if there is none among them.
_TAIL = 4_096
_TAIL_GROWS = 16


@dataclass(frozen=True, order=True)
class Place:
    """Where an entry stands in the order of the log: its transaction id, then its row."""

    xid: int
    seq: int

    @property
    def sql(self) -> tuple[str, int]:
        """Return both numbers as a statement takes them."""
        return str(self.xid), self.seq


@dataclass(frozen=True)
class Waiting:
    """A line of entries behind the last sealed one: from where, and up to which transaction.

    Args:
        after: the last sealed entry.
        bound: entries of this transaction and later ones may still be joined by others.
    """

    after: Place
    bound: int


BEGINNING = Place(0, 0)
#: Row and bytes of some entries.
Entries = list[tuple[int, bytes]]

_LAST_SEALED = """
SELECT e.xid::text, e.seq FROM ledger_logleaf l JOIN ledger_logentry e ON e.seq = l.entry_id
WHERE l.index = %s
"""
#: The lowest transaction id that may still bring entries. Every transaction holds a lock on its
#: own id; one that is known to belong to another database of the server cannot write here.
#: Whatever is not known to be foreign counts as ours: to wait one round more is harmless.
_BOUND = """
WITH running AS (SELECT pg_snapshot_xip(pg_current_snapshot()) AS xid), elsewhere AS (
    SELECT l.transactionid::text::bigint AS low
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
      AND a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT coalesce(min(xid), pg_snapshot_xmax(pg_current_snapshot()))::text,
    pg_snapshot_xmax(pg_current_snapshot())::text
FROM running WHERE xid::text::bigint & 4294967295 NOT IN (SELECT low FROM elsewhere)
"""
#: Ordered by the column itself (``e.xid``): a bare ``xid`` would mean the text that is selected.
_NTH = """
SELECT e.xid::text, e.seq FROM ledger_logentry e
WHERE (xid, seq) > (%s::text::xid8, %s) AND xid < %s::text::xid8
ORDER BY e.xid, e.seq OFFSET %s LIMIT 1
"""
_LAST = """
SELECT e.xid::text, e.seq FROM ledger_logentry e
WHERE (xid, seq) > (%s::text::xid8, %s) AND xid < %s::text::xid8
ORDER BY e.xid DESC, e.seq DESC LIMIT 1
"""
_LOWEST_BEHIND = """
SELECT min(journal_seq) FROM ledger_logentry WHERE (xid, seq) > (%s::text::xid8, %s)
"""
_LAST_ONES = """
SELECT e.xid::text, e.seq, e.journal_seq FROM ledger_logentry e
WHERE (xid, seq) > (%s::text::xid8, %s) AND (xid, seq) <= (%s::text::xid8, %s)
ORDER BY e.xid DESC, e.seq DESC LIMIT %s
"""
_HIGHEST_BETWEEN = """
SELECT coalesce(max(journal_seq), 0) FROM ledger_logentry
WHERE (xid, seq) > (%s::text::xid8, %s) AND (xid, seq) < (%s::text::xid8, %s)
"""
_COUNT = """
SELECT count(*), min(at) FROM ledger_logentry WHERE (xid, seq) > (%s::text::xid8, %s)
"""
_ENTRIES = """
SELECT e.seq, e.body FROM ledger_logentry e
WHERE (xid, seq) > (%s::text::xid8, %s) AND (xid, seq) <= (%s::text::xid8, %s) ORDER BY e.xid, e.seq
"""


def waiting_behind(size: int) -> Waiting:
    """Return the line of entries that wait behind the first ``size`` sealed ones.

    Raises:
        Broken: transaction ids begin anew below the sealed ones.
    """
    after = last_sealed(size)
    rows("SELECT pg_stat_clear_snapshot()")
    # Asked in a statement of its own, before the entries are read: what lies below the bound
    # was over before this statement ended, so the next one sees all of it.
    bound, highest = rows(_BOUND)[0]
    if int(highest) <= after.xid:
        raise Broken("transaction ids run behind the sealed ones: the database was reloaded")
    return Waiting(after, int(bound))


def last_sealed(size: int) -> Place:
    """Return the place of the last of ``size`` sealed entries."""
    if not size:
        return BEGINNING
    found = rows(_LAST_SEALED, size - 1)
    if not found:
        raise Broken(f"the entry of leaf {size - 1} is gone")
    xid, seq = found[0]
    return Place(int(xid), seq)


def count_behind(after: Place) -> tuple[int, datetime | None]:
    """Return how many entries stand behind a place, final or not, and the earliest moment."""
    count, earliest = rows(_COUNT, *after.sql)[0]
    return int(count), earliest


def nth_waiting(waiting: Waiting, number: int) -> Place | None:
    """Return the place of the entry with this number in line, None if fewer are final."""
    found = rows(_NTH, *waiting.after.sql, str(waiting.bound), number - 1)
    return Place(int(found[0][0]), found[0][1]) if found else None


def find_cut(waiting: Waiting, limit: int) -> Place | None:
    """Return the last entry to seal: the longest closed run within the limit, or a longer one.

    Returns:
        None while nothing can be sealed.
    """
    within = nth_waiting(waiting, limit)
    if within:
        cut = _closed_cut_up_to(waiting.after, within)
        if cut:
            return cut
    found = rows(_LAST, *waiting.after.sql, str(waiting.bound))
    return _closed_cut_up_to(waiting.after, Place(int(found[0][0]), found[0][1])) if found else None


def _closed_cut_up_to(after: Place, end: Place) -> Place | None:
    outside = rows(_LOWEST_BEHIND, *end.sql)[0][0]
    if outside is None:
        return end
    length = _TAIL
    while True:
        tail = rows(_LAST_ONES, *after.sql, *end.sql, length)[::-1]
        whole = len(tail) < length
        before = 0 if whole else rows(_HIGHEST_BETWEEN, *after.sql, *tail[0][:2])[0][0]
        cut = closed_cut([journal_seq for _, _, journal_seq in tail], before, outside)
        if cut:
            return Place(int(tail[cut - 1][0]), tail[cut - 1][1])
        if whole:
            return None
        length *= _TAIL_GROWS


def closed_cut(journals: list[int | None], before: int, outside: int | None) -> int:
    """Return how many entries to take so that the books are closed behind them; 0 for none.

    Args:
        journals: the place in the order of booking of each entry's journal, None for others.
        before: the highest such place among the entries before these.
        outside: the lowest one among the entries behind these.
    """
    inside = [before]
    for each in journals:
        inside.append(max(inside[-1], each or 0))
    lowest = outside
    for count in range(len(journals), 0, -1):
        if lowest is None or inside[count] < lowest:
            return count
        last = journals[count - 1]
        lowest = lowest if last is None else min(lowest, last)
    return 0


def entries_up_to(after: Place, cut: Place, at_once: int) -> Iterator[Entries]:
    """Yield the entries behind a place up to a cut, in order, a chunk at a time."""
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        psycopg.ServerCursor(connection.connection, "entries_to_seal") as cursor,
    ):
        cursor.execute(_ENTRIES, (*after.sql, *cut.sql), binary=True)
        while chunk := cursor.fetchmany(at_once):
            yield chunk


def streamed_entries(after: Place, cut: Place, at_once: int) -> Iterator[Entries]:
    """Yield the same over a connection of its own: the server reads on while others are hashed.

    What is final is committed, so another connection sees the very same rows.
    """
    apart = connection.copy()
    apart.ensure_connection()
    try:
        with apart.wrap_database_errors, psycopg.Cursor(apart.connection) as cursor:
            # In the order of the index: sorting a long line anew would need room on disk.
            cursor.execute("SET enable_sort = off")
            size = at_once if psycopg.capabilities.has_stream_chunked() else 1
            rows_in_order = cursor.stream(_ENTRIES, (*after.sql, *cut.sql), binary=True, size=size)
            while chunk := list(islice(rows_in_order, at_once)):
                yield chunk
    finally:
        apart.close()
