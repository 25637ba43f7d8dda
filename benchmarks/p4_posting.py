"""Posting transfers in sets of 10,000, each with its journal and its log entry.

Ours goes through ``ledger.book.post_set``: limits judged in order, balances moved, entries
encoded, all ids checked. The floor is ``COPY`` of the finished transfer and entry rows into
tables of the same shape with the same indexes, in the same batches, and nothing else.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from django.db import connection, transaction

from ledger import chart
from ledger.actors import system_actor
from ledger.book import Journal, Transfer, post_set
from ledger.chart import TransferCode
from ledger.identifiers import new_id

UNIT = "transfers"
GOAL = ">= 0.35"
SIZES = (100_000,)
RIVALS = ("django-hordak", "django-ledger")  # goal: at least 50 times as fast
BATCH = 10_000
VOUCHERS = 2_000
AT = datetime(2026, 10, 1, tzinfo=UTC)
ACTOR = system_actor("benchmark")
P = "p-2026"


class Copied(NamedTuple):
    """Finished rows as COPY takes them, batch by batch."""

    transfers: list[bytes]
    entries: list[bytes]


def _redemption(number: int) -> Journal:
    voucher = chart.voucher(P, f"v{number % VOUCHERS}")
    provider = chart.redeemed(P, f"q{number % 12}")
    redeeming = Transfer(
        new_id(), voucher, provider, 1 + number % 1000, TransferCode.REDEEM, reason="月度核销"
    )
    return Journal(new_id(), "voucher.redeem", AT, (redeeming,), {"charge": f"c-{number}"})


def prepare(size: int) -> list[list[Journal]]:
    """Grant and issue, and make the journals to post."""
    budget = chart.budget(P)
    granted = Transfer(new_id(), chart.treasury(P), budget, 10**15, TransferCode.GRANT)
    issued = [
        Transfer(new_id(), budget, chart.voucher(P, f"v{each}"), 10**11, TransferCode.ISSUE)
        for each in range(VOUCHERS)
    ]
    opening = [Journal(new_id(), "opening", AT, (each,)) for each in (granted, *issued)]
    assert all(each.ok for each in post_set(opening, actor=ACTOR, at=AT))
    journals = [_redemption(number) for number in range(size)]
    return [journals[begin : begin + BATCH] for begin in range(0, size, BATCH)]


def ours(batches: list[list[Journal]]) -> int:
    """Post every batch in a transaction of its own."""
    for batch in batches:
        assert all(each.ok for each in post_set(batch, actor=ACTOR, at=AT))
    return sum(len(each) for each in batches)


def prepare_floor(size: int) -> Copied:
    """Post the same, take the finished rows out, and make bare tables for them."""
    with connection.cursor() as cursor:
        for table in ("transfer", "logentry"):
            cursor.execute(f"CREATE TABLE floor_{table} (LIKE ledger_{table} INCLUDING ALL)")
    batches = prepare(size)
    ours(batches)
    bounds = [(begin, begin + BATCH) for begin in range(VOUCHERS + 1, size + VOUCHERS + 1, BATCH)]
    first = _first_seq()
    return Copied(
        [_rows("transfer", "journal_id", first + low, first + high) for low, high in bounds],
        [_rows("logentry", "journal_seq", first + low, first + high) for low, high in bounds],
    )


def _first_seq() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(seq) FROM ledger_journal")
        return int(cursor.fetchone()[0])


def _rows(table: str, column: str, low: int, high: int) -> bytes:
    query = f"SELECT * FROM ledger_{table} WHERE {column} >= {low} AND {column} < {high}"
    with (
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT") as rows,
    ):
        return b"".join(bytes(each) for each in rows)


def floor(copied: Copied) -> int:
    """Copy the finished rows in, a transaction per batch."""
    for transfers, entries in zip(*copied, strict=True):
        with transaction.atomic():
            _copy("floor_transfer", transfers)
            _copy("floor_logentry", entries)
    return sum(each.count(b"\n") for each in copied.transfers)


def _copy(table: str, rows: bytes) -> None:
    with (
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(f"COPY {table} FROM STDIN") as copy,
    ):
        copy.write(rows)
