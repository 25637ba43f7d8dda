"""Balances and statements of accounts, now or as of any moment.

A balance is a projection of the transfers. Where a balance row exists it is read; other accounts
are their last roll-up and the transfers behind it. A look into the past is summed from the
transfers, and knows two times: since when something counts (``as_of``), and when it became
known to the books (``known_at``).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ledger.bookkeeping import find_accounts
from ledger.chart import AccountKey, Code, TransferCode

Place = tuple[int, int]
PAGE = 50
_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,4})", re.ASCII)


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
        place: where it stands in the order of booking (journal, transfer); a page of a statement
            goes on behind the place of its last line.
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
    place: Place

    @property
    def moves_posted(self) -> bool:
        """Say whether it changes what lies in the account, not only what is held."""
        return self.phase in ("single", "post")


@dataclass(frozen=True)
class StatementPage:
    """One page of an account statement, the newest first.

    Args:
        older: where the next page begins, as it stands in an address; empty on the last one.
        begun: whether newer lines lie before this page.
    """

    lines: list[Movement]
    older: str
    begun: bool


@dataclass(frozen=True)
class Difference:
    """What was learned about an account between two moments.

    Args:
        before: the balance as it was known at the first moment; ``after`` at the second.
        lines: every movement that was recorded in between, in the order of booking.
    """

    before: Balance
    after: Balance
    lines: list[Movement]


_STORED = """
SELECT account_id, debits_pending, debits_posted, credits_pending, credits_posted
FROM ledger_accountbalance WHERE account_id = ANY(%(ids)s)
"""
_ROLLED = "SELECT * FROM ledger_deferred_sums(%(ids)s)"
_SUMMED = """
WITH seen AS MATERIALIZED (
    SELECT t.* FROM ledger_transfer t JOIN ledger_journal j ON j.seq = t.journal_id
    WHERE (t.debit_id = ANY(%(ids)s) OR t.credit_id = ANY(%(ids)s))
      AND (%(as_of)s::timestamptz IS NULL OR j.effective_at <= %(as_of)s)
      AND (%(known_at)s::timestamptz IS NULL OR j.recorded_at <= %(known_at)s)
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
    keys: Iterable[AccountKey],
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
) -> dict[AccountKey, Balance]:
    """Return the balance of each account; one never used is empty.

    Args:
        as_of: count only what was effective at that moment; None for now.
        known_at: count only what was recorded by that moment; None for everything known today.
    """
    wanted = list(keys)
    accounts = find_accounts(wanted)
    names = {account_id: key for key, account_id in accounts.items()}
    found = dict.fromkeys(wanted, Balance())
    for sql, ids in _asked(names, past=as_of is not None or known_at is not None):
        if ids:
            moments = {"ids": ids, "as_of": as_of, "known_at": known_at}
            for account_id, *sums in _fetch(sql, moments):
                found[names[account_id]] = Balance(*sums)
    return found


def _asked(names: dict[int, AccountKey], *, past: bool) -> list[tuple[str, list[int]]]:
    """Return which question is asked for which accounts."""
    if past:
        return [(_SUMMED, list(names))]
    stored = [account_id for account_id, key in names.items() if key.pool.sync]
    return [(_STORED, stored), (_ROLLED, [each for each in names if each not in set(stored)])]


def balance(
    key: AccountKey, *, as_of: datetime | None = None, known_at: datetime | None = None
) -> Balance:
    """Return the balance of one account, now, as of a moment, or as it was known at one."""
    return balances([key], as_of=as_of, known_at=known_at)[key]


#: The lines of one side of an account, in the order of its index; so a page reads no more than
#: it shows, however long the statement is.
_SIDE = """
(SELECT t.*, j.effective_at, j.recorded_at, j.id AS journal_uuid, j.kind, j.refs
FROM ledger_transfer t JOIN ledger_journal j ON j.seq = t.journal_id
WHERE {side}
  AND (%(as_of)s::timestamptz IS NULL OR j.effective_at <= %(as_of)s)
  AND (%(known_at)s::timestamptz IS NULL OR j.recorded_at <= %(known_at)s)
  AND (%(known_since)s::timestamptz IS NULL OR j.recorded_at > %(known_since)s)
  AND (%(seq)s::bigint IS NULL
       OR (t.journal_id, t.ordinal) {beyond} (%(seq)s::bigint, %(ordinal)s::int))
ORDER BY t.journal_id {way}, t.ordinal {way} LIMIT %(limit)s)
"""
_MOVEMENTS = """
WITH lines AS ({debits} UNION ALL {credits})
SELECT t.effective_at, t.recorded_at, t.code, t.phase,
    CASE t.phase
        WHEN 'pending' THEN -t.amount
        WHEN 'void' THEN t.amount
        ELSE CASE WHEN t.credit_id = %(id)s THEN t.amount ELSE -t.amount END
    END,
    other.code, other.programme, other.subject,
    t.journal_uuid, t.id, t.pending_id, t.kind, t.refs::text, leaf.index, t.reason,
    t.journal_id, t.ordinal
FROM lines t
JOIN ledger_account other
    ON other.id = CASE WHEN t.credit_id = %(id)s THEN t.debit_id ELSE t.credit_id END
LEFT JOIN ledger_logentry entry ON entry.id = t.journal_uuid
LEFT JOIN ledger_logleaf leaf ON leaf.entry_id = entry.seq
ORDER BY t.journal_id {way}, t.ordinal {way} LIMIT %(limit)s
"""


def _statement(way: str, beyond: str) -> str:
    """Return the question for a statement, oldest (``ASC``) or newest first (``DESC``)."""
    taken = _SIDE.format(side="t.debit_id = %(id)s", way=way, beyond=beyond)
    given = _SIDE.format(
        side="t.credit_id = %(id)s AND t.phase IN ('single', 'post')", way=way, beyond=beyond
    )
    return _MOVEMENTS.format(debits=taken, credits=given, way=way)


_OLDEST_FIRST, _NEWEST_FIRST = _statement("ASC", ">"), _statement("DESC", "<")


def movements(
    key: AccountKey,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    newest_first: bool = False,
    limit: int | None = None,
    after: Place | None = None,
) -> list[Movement]:
    """Return what moved an account, in the order of booking.

    Holds and their release are shown on the account they are held from only.

    Args:
        as_of: only what was effective at that moment.
        known_at: only what was recorded by that moment.
        newest_first: the last booked first.
        limit: at most so many; the database reads no more than that.
        after: go on behind this place, in the direction asked for.
    """
    return _read(
        key, (None, known_at), as_of=as_of, limit=limit, after=after, newest_first=newest_first
    )


def statement_page(key: AccountKey, before: str = "", *, size: int = PAGE) -> StatementPage:
    """Return one page of an account statement, the newest first; never reads more than a page.

    Args:
        before: the place an earlier page named as ``older``; anything else begins at the newest.
    """
    after = _place(before)
    lines = movements(key, newest_first=True, limit=size + 1, after=after)
    shown = lines[:size]
    older = "-".join(map(str, shown[-1].place)) if len(lines) > size else ""
    return StatementPage(shown, older, after is not None)


def _place(text: str) -> Place | None:
    found = _PLACE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def what_changed(
    key: AccountKey,
    *,
    known_before: datetime,
    known_after: datetime,
    as_of: datetime | None = None,
) -> Difference:
    """Return what was learned about an account between two moments, line by line.

    Nothing in the books is ever changed, so all that knowledge can gain is further lines.

    Args:
        as_of: about the account as it was effective at that moment.
    """
    return Difference(
        before=balance(key, as_of=as_of, known_at=known_before),
        after=balance(key, as_of=as_of, known_at=known_after),
        lines=_read(key, (known_before, known_after), as_of=as_of),
    )


def _read(
    key: AccountKey,
    known: tuple[datetime | None, datetime | None],
    *,
    as_of: datetime | None,
    limit: int | None = None,
    after: Place | None = None,
    newest_first: bool = False,
) -> list[Movement]:
    account_id = find_accounts([key]).get(key)
    if account_id is None:
        return []
    seq, ordinal = after or (None, None)
    asked = {"id": account_id, "as_of": as_of, "known_since": known[0], "known_at": known[1]}
    page = {"seq": seq, "ordinal": ordinal, "limit": limit}
    return [
        _movement(row)
        for row in _fetch(_NEWEST_FIRST if newest_first else _OLDEST_FIRST, asked | page)
    ]


def _movement(row: tuple[Any, ...]) -> Movement:
    return Movement(
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
        place=(row[15], row[16]),
    )


def _fetch(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
