"""The books as plain text: a beancount file that an independent tool adds up again.

Every account is opened, every posted transfer is a transaction of its journal, and at the end
stands one balance assertion per account with tolerance zero. The assertions come from the balance
rows and roll-ups, the transactions from the transfers, so ``bean-check`` proves one by the other
with no code of this house.

Holds are promises, not movements: what is pending, let go or expired is not exported; a hold that
was posted is one transaction of what was posted. The assertions are of posted balances.

Units: whole fen (``FEN``, own shares ``SELF-FEN``) and GFLOPS-seconds (``GFLOPS-S``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import psycopg
from django.db import connection, transaction

from ledger.bookkeeping import rows
from ledger.chart import POOLS, Code, Kind, TransferCode, Unit
from ledger.periods import day_of

COMMODITIES = {Unit.CNY: "FEN", Unit.CNY_SELF: "SELF-FEN", Unit.COMPUTE: "GFLOPS-S"}
#: Under which of beancount's five roots a kind of pool stands; it changes no sum.
ROOTS = {Kind.EXTERNAL: "Assets", Kind.LIMITED: "Liabilities", Kind.TERMINAL: "Equity"}
_ROWS_AT_ONCE = 2_000

_ACCOUNTS = """
SELECT a.id, a.code, a.programme, a.subject, s.debits_posted - s.credits_posted
FROM ledger_account a
CROSS JOIN LATERAL (
    SELECT b.debits_posted, b.credits_posted FROM ledger_accountbalance b
    WHERE b.account_id = a.id AND a.sync
    UNION ALL
    SELECT r.debits_posted, r.credits_posted FROM ledger_deferred_sums(ARRAY[a.id]) r
    WHERE NOT a.sync
) s
ORDER BY a.code, a.programme, a.subject
"""
_SPAN = "SELECT min(effective_at), max(effective_at) FROM ledger_journal"
_TRANSFERS = """
SELECT j.seq, j.id, j.kind, j.effective_at, t.id, t.code, t.debit_id, t.credit_id, t.amount
FROM ledger_transfer t JOIN ledger_journal j ON j.seq = t.journal_id
WHERE t.phase IN ('single', 'post')
ORDER BY j.seq, t.ordinal
"""


@dataclass(frozen=True)
class Exported:
    """How much was written."""

    accounts: int
    transfers: int


def export_books(path: Path) -> Exported:
    """Write the books as a beancount file.

    Reads one moment of the database, however long it takes. The file appears under its name only
    when it is complete.
    """
    fresh = path.with_name(path.name + ".part")
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if alone:
            rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with fresh.open("w", encoding="utf-8") as file:
            exported = _write(file)
    fresh.replace(path)
    return exported


def _write(file: IO[str]) -> Exported:
    first, last = rows(_SPAN)[0]
    file.write('option "title" "普陀区算力券服务"\n')
    for commodity in COMMODITIES.values():
        # Nothing is inferred from the digits of an amount: a balance is right to the last unit.
        file.write(f'option "inferred_tolerance_default" "{commodity}:0"\n')
    if first is None:
        return Exported(0, 0)
    names: dict[int, tuple[str, str]] = {}
    balances = []
    for account_id, code, programme, subject, debit in rows(_ACCOUNTS):
        pool = POOLS[Code(code)]
        name = f"{ROOTS[pool.kind]}:{code if code[0].isalpha() else 'A' + code}:N{account_id}"
        names[account_id] = (name, COMMODITIES[pool.unit])
        file.write(_opening(day_of(first), names[account_id], (pool.title, programme, subject)))
        balances.append((names[account_id], debit))
    count = _write_transfers(file, names)
    after = day_of(last) + timedelta(days=1)
    file.write("\n")
    for (name, commodity), debit in balances:
        file.write(f"{after} balance {name}  {debit} ~ 0 {commodity}\n")
    return Exported(len(names), count)


def _opening(day: date, name: tuple[str, str], told: tuple[str, str, str]) -> str:
    title, programme, subject = map(_quoted, told)
    return (
        f"\n{day} open {name[0]} {name[1]}\n  title: {title}\n"
        f"  programme: {programme}\n  subject: {subject}\n"
    )


def _write_transfers(file: IO[str], names: dict[int, tuple[str, str]]) -> int:
    count = written = 0
    for row in _stream():
        seq, journal_id, kind, effective_at = row[:4]
        if seq != written:
            file.write(_heading(seq, journal_id, kind, effective_at))
            written = seq
        file.write(_legs(row[4:], names))
        count += 1
    return count


def _heading(seq: int, journal_id: Any, kind: str, at: datetime) -> str:
    return f'\n{day_of(at)} * {_quoted(kind)} "{journal_id}"\n  seq: "{seq}"\n'


def _legs(row: tuple[Any, ...], names: dict[int, tuple[str, str]]) -> str:
    transfer_id, code, debit_id, credit_id, amount = row
    (debit, commodity), (credit, _) = names[debit_id], names[credit_id]
    return (
        f"  {debit}  {amount} {commodity}\n"
        f'    transfer: "{transfer_id}"\n    code: "{TransferCode(code):d}"\n'
        f"  {credit}  -{amount} {commodity}\n"
    )


def _stream() -> Iterator[tuple[Any, ...]]:
    with psycopg.ServerCursor(connection.connection, "export_books") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute(_TRANSFERS)
        yield from cursor


def _quoted(text: str) -> str:
    """Return a text as beancount reads it back."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
