"""Balances and statements of accounts, now or as of any moment.

A balance is a projection of the transfers. Where a balance row exists it is read; everything
else, and every look into the past, is summed from the transfers themselves.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ledger.bookkeeping import find_accounts
from ledger.chart import AccountKey, Code, TransferCode


@dataclass(frozen=True)
class Balance:
    """The four sums of an account.

    Units: those of the account's unit ledger (fen or GFLOPS-seconds).
    """

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0

    @property
    def posted(self) -> int:
        """Return what lies in the account, held amounts included."""
        return self.credits_posted - self.debits_posted

    @property
    def available(self) -> int:
        """Return what may still be taken out."""
        return self.credits_posted - self.debits_posted - self.debits_pending


@dataclass(frozen=True)
class Movement:
    """One line of an account statement.

    Args:
        at: the moment from which it counts; ``recorded_at`` is when it was written.
        amount: signed effect on the posted balance; for a hold (``pending``) or its release
            (``void``) the effect on what is available.
        entry_index: place of the journal's entry in the log, None until it is sealed.
    """

    at: datetime
    recorded_at: datetime
    code: TransferCode
    phase: str
    amount: int
    counterparty: AccountKey
    journal_id: UUID
    transfer_id: UUID
    pending_id: UUID | None
    kind: str
    refs: dict[str, str]
    entry_index: int | None
    reason: str


_STORED = """
SELECT account_id, debits_pending, debits_posted, credits_pending, credits_posted
FROM ledger_accountbalance WHERE account_id = ANY(%(ids)s)
"""
_SUMMED = """
WITH seen AS (
    SELECT t.* FROM ledger_transfer t JOIN ledger_journal j ON j.seq = t.journal_id
    WHERE (t.debit_id = ANY(%(ids)s) OR t.credit_id = ANY(%(ids)s))
      AND (%(as_of)s::timestamptz IS NULL OR j.effective_at <= %(as_of)s)
), sides AS (
    SELECT debit_id AS account_id, true AS debit, id, phase, amount FROM seen
    UNION ALL
    SELECT credit_id, false, id, phase, amount FROM seen
), resolved AS (SELECT pending_id FROM seen WHERE pending_id IS NOT NULL)
SELECT account_id,
    coalesce(sum(amount) FILTER (WHERE debit AND phase = 'pending' AND open), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE debit AND phase IN ('single', 'post')), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE NOT debit AND phase = 'pending' AND open), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE NOT debit AND phase IN ('single', 'post')), 0)::bigint
FROM (SELECT s.*, s.id NOT IN (SELECT pending_id FROM resolved) AS open FROM sides s) lines
WHERE account_id = ANY(%(ids)s)
GROUP BY account_id
"""


def balances(
    keys: Iterable[AccountKey], *, as_of: datetime | None = None
) -> dict[AccountKey, Balance]:
    """Return the balance of each account; one never used is empty.

    Args:
        as_of: count only what was effective at that moment; None for now.
    """
    wanted = list(keys)
    accounts = find_accounts(wanted)
    names = {account_id: key for key, account_id in accounts.items()}
    found = dict.fromkeys(wanted, Balance())
    stored = [account_id for account_id, key in names.items() if key.pool.sync and as_of is None]
    summed = [account_id for account_id in names if account_id not in set(stored)]
    for sql, ids in ((_STORED, stored), (_SUMMED, summed)):
        if ids:
            for account_id, *sums in _fetch(sql, {"ids": ids, "as_of": as_of}):
                found[names[account_id]] = Balance(*sums)
    return found


def balance(key: AccountKey, *, as_of: datetime | None = None) -> Balance:
    """Return the balance of one account, now or as of a moment."""
    return balances([key], as_of=as_of)[key]


_MOVEMENTS = """
SELECT j.effective_at, j.recorded_at, t.code, t.phase,
    CASE t.phase
        WHEN 'pending' THEN -t.amount
        WHEN 'void' THEN t.amount
        ELSE CASE WHEN t.credit_id = %(id)s THEN t.amount ELSE -t.amount END
    END,
    other.code, other.programme, other.subject,
    j.id, t.id, t.pending_id, j.kind, j.refs, leaf.index, t.reason
FROM ledger_transfer t
JOIN ledger_journal j ON j.seq = t.journal_id
JOIN ledger_account other
    ON other.id = CASE WHEN t.credit_id = %(id)s THEN t.debit_id ELSE t.credit_id END
LEFT JOIN ledger_logentry entry ON entry.id = j.id
LEFT JOIN ledger_logleaf leaf ON leaf.entry_id = entry.seq
WHERE (t.debit_id = %(id)s OR (t.credit_id = %(id)s AND t.phase IN ('single', 'post')))
  AND (%(as_of)s::timestamptz IS NULL OR j.effective_at <= %(as_of)s)
ORDER BY t.journal_id, t.ordinal
"""


def movements(key: AccountKey, *, as_of: datetime | None = None) -> list[Movement]:
    """Return everything that moved an account, in the order of booking.

    Holds and their release are shown on the account they are held from only.
    """
    account_id = find_accounts([key]).get(key)
    if account_id is None:
        return []
    return [
        Movement(
            at=row[0],
            recorded_at=row[1],
            code=TransferCode(row[2]),
            phase=row[3],
            amount=row[4],
            counterparty=AccountKey(Code(row[5]), row[6], row[7]),
            journal_id=row[8],
            transfer_id=row[9],
            pending_id=row[10],
            kind=row[11],
            refs=json.loads(row[12]),
            entry_index=row[13],
            reason=row[14],
        )
        for row in _fetch(_MOVEMENTS, {"id": account_id, "as_of": as_of})
    ]


def _fetch(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
