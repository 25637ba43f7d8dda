"""What ``ledger.book`` asks of the database, and how: journals go in as columns, answers come out.

One statement whatever the number of journals. The posting itself (locks, limits, rows, entries)
is the function ``ledger_post`` of the database.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import IntegrityError, connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ledger import columns
from ledger.actors import Actor
from ledger.chart import AccountKey, Code
from ledger.columns import Column
from ledger.entries import canonical_text
from ledger.refusals import Broken
from ledger.transfers import Journal

_log = logging.getLogger(__name__)
Accounts = dict[AccountKey, int]


class _ColumnDumper(Dumper):
    """Hands a column to the driver as it is."""

    format = Format.BINARY

    def get_key(self, obj: Column, _format: Any) -> Any:
        return (Column, obj.oid)

    def upgrade(self, obj: Column, _format: Any) -> "_ColumnDumper":
        dumper = _ColumnDumper(Column)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Column) -> bytes:
        return obj.content


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one statement with the values sent apart from its text, and fetch what it gives."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_dumper(Column, _ColumnDumper)
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


_FIND = """
SELECT a.id, a.code, a.programme, a.subject
FROM ledger_account a
JOIN unnest(%s::text[], %s::text[], %s::text[]) AS k (code, programme, subject)
USING (code, programme, subject)
"""


def find_accounts(keys: Iterable[AccountKey]) -> Accounts:
    """Return the ids of those accounts that are open."""
    found = rows(_FIND, *_names(list(keys)))
    return {AccountKey(Code(code), p, s): account_id for account_id, code, p, s in found}


def _names(keys: list[AccountKey]) -> tuple[Column, Column, Column]:
    return (
        columns.texts([each.code.value for each in keys]),
        columns.texts([each.programme for each in keys]),
        columns.texts([each.subject for each in keys]),
    )


class Answer(NamedTuple):
    """Why a journal was not booked now.

    Args:
        code: ``exists`` or the code of its refusal.
        ordinal: the transfer in which the fault lies, if it lies in one.
        seq: the place of the journal that exists already, of no meaning for other codes.
        request_hash: the digest by which the same request is known again.
    """

    code: str
    ordinal: int | None
    seq: int
    request_hash: bytes


class Booked(NamedTuple):
    """What became of a list of journals.

    Args:
        seqs: by journal its place in the order of booking, unless an answer says why it has none.
        answers: by place in the list, why a journal was not booked.
    """

    seqs: list[int]
    answers: dict[int, Answer]


_POST = """
SELECT seqs, fault_places, fault_codes, fault_ordinals, fault_seqs, fault_hashes
FROM ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s)
"""


def book(
    journals: Sequence[Journal], actor: Actor, at: datetime, *, whole: bool, keep: bool
) -> Booked:
    """Book journals in their order, each standing or falling for itself.

    Args:
        whole: all or none; a single one that falls leaves nothing behind.
        keep: keep the ids that the state of the books refuses.

    Raises:
        Broken: an entry would be longer than the log can carry.
    """
    try:
        ((seqs, places, *faults),) = rows(
            _POST,
            settings.LOG_ORIGIN,
            canonical_text(actor.for_log()),
            at,
            whole,
            keep,
            *_columns(journals),
        )
    except IntegrityError as error:
        if "log_entry_size" in str(error):
            raise Broken("an entry is larger than 65,535 bytes; log its digest instead") from error
        raise
    if places is None:
        return Booked(seqs, {})
    answers = map(Answer, *faults)
    return Booked(seqs, dict(zip((place - 1 for place in places), answers, strict=True)))


def _columns(journals: Sequence[Journal]) -> tuple[Column, ...]:
    transfers = [each for journal in journals for each in journal.transfers]
    keys: dict[AccountKey, int] = {}  # account -> place in the columns that name them
    debited = [keys.setdefault(each.debit, len(keys) + 1) for each in transfers]
    credited = [keys.setdefault(each.credit, len(keys) + 1) for each in transfers]
    firsts: list[int] = []
    places: list[int] = []
    for place, journal in enumerate(journals, 1):
        firsts.append(len(places) + 1)
        places += [place] * len(journal.transfers)
    return (
        *_names(list(keys)),
        columns.uuids([each.id for each in journals]),
        columns.integers(firsts),
        columns.texts([each.kind for each in journals]),
        columns.moments([each.effective_at for each in journals]),
        columns.texts([each.approvals_text() for each in journals]),
        columns.texts([each.refs_text() for each in journals]),
        columns.integers(places),
        columns.uuids([each.id for each in transfers]),
        columns.integers(debited),
        columns.integers(credited),
        columns.bigints([each.amount for each in transfers]),
        columns.smallints([each.code for each in transfers]),
        columns.uuids([each.pending_id for each in transfers]),
        columns.moments([each.expires_at for each in transfers]),
        columns.texts([each.reason for each in transfers]),
    )


def keep_refusal_apart(journal_id: UUID, answer: Answer, at: datetime) -> None:
    """Keep one refused id for good, whatever becomes of the caller's transaction.

    A retry that arrives late must not succeed after the first one was told no. Done over a
    connection of its own, because the caller is about to roll back.
    """
    parameters = connection.get_connection_params()
    for unused in ("cursor_factory", "context"):
        parameters.pop(unused, None)
    try:
        with psycopg.connect(**parameters, autocommit=True) as apart:
            apart.execute("SET lock_timeout = '2s'")
            apart.execute(
                "SELECT ledger_keep_refusals(%s, %s, %s::bytea[], %s)",
                ([journal_id], [answer.code], [answer.request_hash], at),
            )
    except psycopg.Error:
        # The answer to the caller is no in any case; only its memory is lost.
        _log.warning("refused journal %s was not kept", journal_id, exc_info=True)
