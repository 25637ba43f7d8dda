"""Rows in and out of the books, in sets: what ``ledger.book`` reads, locks and inserts.

One statement per table whatever the number of journals. Locks are taken in the order of account
ids, balance rows first, so that two postings never wait for each other in a ring.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connection

from ledger.actors import Actor
from ledger.chart import AccountKey, Code, Kind
from ledger.entries import JOURNAL_TYPE
from ledger.limits import Books, Held, Standing
from ledger.transfers import Journal, Transfer

_log = logging.getLogger(__name__)
Accounts = dict[AccountKey, int]
_NULL = "\\N"


class Known(NamedTuple):
    """What an id answered before: its request, and its place or the code of its refusal."""

    request_hash: bytes
    refused_code: str
    seq: int


class Refusal(NamedTuple):
    """A journal refused by the state of the books."""

    journal_id: UUID
    code: str
    request_hash: bytes


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one statement with the values sent apart from its text, and fetch what it gives."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


_FIND = """
SELECT a.id, a.code, a.programme, a.subject
FROM ledger_account a
JOIN unnest(%s::text[], %s::text[], %s::text[]) AS k (code, programme, subject)
USING (code, programme, subject)
"""
_OPEN = """
INSERT INTO ledger_account (code, programme, subject, unit, limited, sync, opened_at)
SELECT *, %s::timestamptz
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bool[], %s::bool[])
ON CONFLICT (code, programme, subject) DO NOTHING
"""


def find_accounts(keys: Iterable[AccountKey]) -> Accounts:
    """Return the ids of those accounts that are open."""
    names = list(keys)
    found = rows(
        _FIND,
        [each.code.value for each in names],
        [each.programme for each in names],
        [each.subject for each in names],
    )
    return {AccountKey(Code(code), p, s): account_id for account_id, code, p, s in found}


def open_accounts(transfers: list[Transfer], at: datetime) -> Accounts:
    """Return the ids of all accounts of some transfers, opening those not yet open."""
    keys = {key for each in transfers for key in (each.debit, each.credit)}
    found = find_accounts(keys)
    missing = sorted(keys - found.keys())
    if not missing:
        return found
    rows(
        _OPEN,
        at,
        [each.code.value for each in missing],
        [each.programme for each in missing],
        [each.subject for each in missing],
        [each.unit.value for each in missing],
        [each.pool.kind is not Kind.EXTERNAL for each in missing],
        [each.pool.sync for each in missing],
    )
    return {**found, **find_accounts(missing)}


_LOCK_SYNC = """
SELECT account_id, debits_pending, debits_posted, credits_posted
FROM ledger_accountbalance WHERE account_id = ANY(%s) ORDER BY account_id FOR NO KEY UPDATE
"""
_LOCK_DEFERRED = """
SELECT id FROM ledger_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
SUMS = """
SELECT account_id, debits_pending, debits_posted, credits_posted FROM ledger_deferred_sums(%s)
"""
_HELD = """
SELECT t.id, t.debit_id, t.credit_id, t.amount, t.expires_at, EXISTS (
    SELECT FROM ledger_transfer r WHERE r.pending_id = t.id AND r.phase IN ('post', 'void'))
FROM ledger_transfer t WHERE t.id = ANY(%s) AND t.phase = 'pending'
"""


def load_books(transfers: list[Transfer], accounts: Accounts) -> Books:
    """Lock the accounts concerned and return how they stand."""
    names = {account_id: key for key, account_id in accounts.items()}
    sync = [account_id for account_id, key in names.items() if key.pool.sync]
    deferred = {
        accounts[each.debit]
        for each in transfers
        if each.debit.pool.kind is not Kind.EXTERNAL and not each.debit.pool.sync
    }
    standings: dict[AccountKey, Standing] = {}
    for account_id, *sums in rows(_LOCK_SYNC, sync) if sync else ():
        standings[names[account_id]] = Standing(*sums)
    if deferred:
        rows(_LOCK_DEFERRED, list(deferred))
        for account_id, *sums in rows(SUMS, list(deferred)):
            standings[names[account_id]] = Standing(*sums)
    return Books(standings, _load_held(transfers, names), _load_taken(transfers))


def _load_held(transfers: list[Transfer], names: dict[int, AccountKey]) -> dict[UUID, Held]:
    ids = [each.pending_id for each in transfers if each.pending_id is not None]
    held = {}
    for row in rows(_HELD, ids) if ids else ():
        pending_id, debit_id, credit_id, amount, expires_at, resolved = row
        # An account outside this list cannot be the one asked for: any other name will do.
        debit = names.get(debit_id, AccountKey(Code.ROUNDING))
        credit = names.get(credit_id, AccountKey(Code.ROUNDING))
        held[pending_id] = Held(debit, credit, amount, expires_at, resolved)
    return held


def _load_taken(transfers: list[Transfer]) -> set[UUID]:
    found = rows(
        "SELECT id FROM ledger_transfer WHERE id = ANY(%s)",
        [each.id for each in transfers],
    )
    return {row[0] for row in found}


_RECALL = """
WITH asked AS (SELECT unnest(%b::uuid[]) AS id)
SELECT id, request_hash, '', seq FROM ledger_journal JOIN asked USING (id)
UNION ALL
SELECT id, request_hash, code, 0 FROM ledger_refusedid JOIN asked USING (id)
"""


def recall(ids: list[UUID]) -> dict[UUID, Known]:
    """Return what these journal ids answered before, if they were ever asked."""
    return {row[0]: Known(bytes(row[1]), row[2], row[3]) for row in rows(_RECALL, ids)}


def take_seqs(count: int) -> list[int]:
    """Take the next places in the order of booking."""
    found = rows(
        "SELECT nextval(pg_get_serial_sequence('ledger_journal', 'seq'))"
        " FROM generate_series(1, %s)",
        count,
    )
    return [row[0] for row in found]


def _copy(table: str, columns: str, lines: Iterable[str]) -> None:
    """Insert rows by COPY: one statement for any number of them."""
    text = "".join(lines).encode("utf-8")
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
    ):
        copy.write(text)


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _field(text: str) -> str:
    """Return a text as a field of COPY."""
    return text.translate(_ESCAPES) if text else ""


def _json(value: Any) -> str:
    return _field(json.dumps(value, ensure_ascii=False)) if value else ""


def insert_journals(
    seqs: list[int],
    journals: list[Journal],
    hashes: list[bytes],
    actor: Actor,
    at: datetime,
) -> None:
    """Insert one row per journal."""
    same = f"{at.isoformat()}\t{_json(actor.for_log())}"
    _copy(
        "ledger_journal",
        "recorded_at, actor, seq, id, kind, effective_at, approvals, refs, request_hash",
        (
            f"{same}\t{seq}\t{each.id.hex}\t{_field(each.kind)}\t{each.effective_at.isoformat()}"
            f"\t{_json([one.for_log() for one in each.approvals]) or '[]'}"
            f"\t{_json(dict(each.refs)) or '{}'}\t\\\\x{hashed.hex()}\n"
            for seq, each, hashed in zip(seqs, journals, hashes, strict=True)
        ),
    )


def insert_transfers(seqs: list[int], journals: list[Journal], accounts: Accounts) -> None:
    """Insert the transfers of some journals; the database moves the balances with them."""
    _copy(
        "ledger_transfer",
        "journal_id, ordinal, id, debit_id, credit_id, amount, code, phase, pending_id,"
        " expires_at, reason",
        (
            f"{seq}\t{ordinal}\t{each.id.hex}\t{accounts[each.debit]}\t{accounts[each.credit]}"
            f"\t{each.amount}\t{each.code:d}\t{each.phase.value}\t{each.pending_id or _NULL}"
            f"\t{each.expires_at.isoformat() if each.expires_at else _NULL}"
            f"\t{_field(each.reason)}\n"
            for seq, journal in zip(seqs, journals, strict=True)
            for ordinal, each in enumerate(journal.transfers)
        ),
    )


def insert_entries(
    seqs: list[int], journals: list[Journal], entries: Sequence[bytes], at: datetime
) -> None:
    """Insert the log entry of each journal."""
    same = f"{JOURNAL_TYPE}\t{at.isoformat()}"
    _copy(
        "ledger_logentry",
        "type, at, journal_seq, id, body",
        (
            f"{same}\t{seq}\t{each.id.hex}\t\\\\x{entry.hex()}\n"
            for seq, each, entry in zip(seqs, journals, entries, strict=True)
        ),
    )


_REFUSE = """
INSERT INTO ledger_refusedid (refused_at, id, code, request_hash)
SELECT %s::timestamptz, * FROM unnest(%s::uuid[], %s::text[], %b::bytea[])
ON CONFLICT (id) DO NOTHING
"""


def _refusal_values(refusals: list[Refusal], at: datetime) -> tuple[Any, ...]:
    return (
        at,
        [each.journal_id for each in refusals],
        [each.code for each in refusals],
        [each.request_hash for each in refusals],
    )


def keep_refusals(refusals: list[Refusal], at: datetime) -> None:
    """Keep refused ids in the caller's own transaction."""
    if refusals:
        rows(_REFUSE, *_refusal_values(refusals, at))


def keep_refusal_apart(refusal: Refusal, at: datetime) -> None:
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
            apart.execute(_REFUSE, _refusal_values([refusal], at))
    except psycopg.Error:
        # The answer to the caller is no in any case; only its memory is lost.
        _log.warning("refused journal %s was not kept", refusal.journal_id, exc_info=True)
