"""Sum the books up: roll-ups of accounts without a balance row, and the trial balance of a month.

A roll-up is only ever made of what can no longer change: everything up to its place in the order
of booking is committed or will never be, and stands sealed in the log. It changes no balance and
can be made again from the transfers by anybody; it only makes the next sum shorter.
"""

import hashlib
import time
from datetime import datetime

from django.db import transaction

from ledger.bookkeeping import rows
from ledger.periods import Month

#: One at a time: the number of its advisory lock ("roll" in ASCII).
_LOCK = 0x726F6C6C
#: At most so many journals in one step, so that the first roll-up of a large house stays bounded.
_STEP = 500_000
_LOOKS = 40
_PAUSE_SECONDS = 0.05

#: Each transfer as its effects on the debited and the credited account, in order of booking.
LINES = """
SELECT t.journal_id, t.ordinal, side.account_id, side.debit,
    CASE t.phase WHEN 'pending' THEN t.amount WHEN 'single' THEN 0
        ELSE -coalesce(p.amount, 0) END AS held,
    CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END AS moved
FROM ledger_transfer t
LEFT JOIN ledger_transfer p ON p.id = t.pending_id
CROSS JOIN LATERAL (VALUES (t.debit_id, true), (t.credit_id, false)) AS side (account_id, debit)
"""
#: The digest of the trial balance of each (programme, month, seq) of a relation ``closes``: one
#: line per account with its four sums, of what is effective before the end of the month.
TRIAL_BALANCES = f"""
SELECT programme, month, seq, encode(sha256(convert_to(
    string_agg(line, E'\\n' ORDER BY line COLLATE "C"), 'UTF8')), 'hex') AS hash
FROM (
    SELECT c.programme, c.month, c.seq, concat_ws(' ', a.code, a.programme, a.subject,
        coalesce(sum(l.held) FILTER (WHERE l.debit), 0),
        coalesce(sum(l.moved) FILTER (WHERE l.debit), 0),
        coalesce(sum(l.held) FILTER (WHERE NOT l.debit), 0),
        coalesce(sum(l.moved) FILTER (WHERE NOT l.debit), 0)) AS line
    FROM closes c
    JOIN ledger_account a ON a.programme = c.programme
    JOIN ({LINES}) l ON l.account_id = a.id AND l.journal_id <= c.seq
    JOIN ledger_journal j ON j.seq = l.journal_id AND j.effective_at < c.end_at
    GROUP BY c.programme, c.month, c.seq, a.id, a.code, a.programme, a.subject
) lines
GROUP BY programme, month, seq
"""  # noqa: S608 - no outside text

_WHERE_NOW = """
SELECT coalesce((SELECT max(seq) FROM ledger_journal), 0),
    coalesce((SELECT max(upto_seq) FROM ledger_accountrollup), 0)
"""
#: Whoever takes a place in the order of booking locks its sequence until the transaction ends.
_BOOKING = """
SELECT coalesce(array_agg(virtualtransaction), '{}') FROM pg_locks
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relation = pg_get_serial_sequence('ledger_journal', 'seq')::regclass
"""
_SEALED_UPTO = """
WITH last AS (
    SELECT e.xid, e.seq FROM ledger_logleaf l JOIN ledger_logentry e ON e.seq = l.entry_id
    ORDER BY l.index DESC LIMIT 1
)
SELECT min(e.journal_seq) - 1 FROM ledger_logentry e
WHERE (e.xid, e.seq) > (coalesce((SELECT xid FROM last), '0'::xid8),
                        coalesce((SELECT seq FROM last), 0))
"""
_STEP_END = """
SELECT coalesce(max(seq), 0) FROM (
    SELECT seq FROM ledger_journal WHERE seq > %s AND seq <= %s ORDER BY seq LIMIT %s) step
"""
_ROLL = """
WITH touched AS (
    SELECT DISTINCT side.account_id FROM ledger_transfer t
    CROSS JOIN LATERAL (VALUES (t.debit_id), (t.credit_id)) AS side (account_id)
    WHERE t.journal_id > %s AND t.journal_id <= %s
)
INSERT INTO ledger_accountrollup (account_id, upto_seq, made_at, debits_pending, debits_posted,
    credits_pending, credits_posted)
SELECT a.id, place.upto, %s, s.*
FROM touched JOIN ledger_account a ON a.id = touched.account_id AND NOT a.sync
CROSS JOIN (SELECT %s::bigint AS upto) place
CROSS JOIN LATERAL ledger_sums_upto(a.id, place.upto) s
RETURNING id
"""


@transaction.atomic
def roll_up(at: datetime, *, at_least: int = 1) -> int:
    """Roll up every account without a balance row that moved since the last time.

    Covers what is final and sealed; the rest waits for the next time. Never stands in the way of
    a posting, and does nothing while another roll-up runs.

    Args:
        at_least: do nothing before so many places were booked since the last time.

    Returns:
        How many roll-ups were made.
    Writes: one roll-up per account that moved.
    """
    if not rows("SELECT pg_try_advisory_xact_lock(%s)", _LOCK)[0][0]:
        return 0
    newest, last = rows(_WHERE_NOW)[0]
    if newest - last < at_least or not _earlier_bookings_are_over():
        return 0
    sealed = rows(_SEALED_UPTO)[0][0]
    final = newest if sealed is None else min(newest, sealed)
    made = 0
    while (upto := rows(_STEP_END, last, final, _STEP)[0][0]) > last:
        made += len(rows(_ROLL, last, upto, at, upto))
        last = upto
    return made


def _earlier_bookings_are_over() -> bool:
    """Wait a moment for the postings that run now; say whether all of them ended.

    A posting takes its place before it commits, and another that took a later place may commit,
    and be sealed, first. Only when everybody who held a place at the moment of asking is gone,
    nothing can still appear before it.
    """
    waited_for = set(rows(_BOOKING)[0][0])
    for _ in range(_LOOKS):
        if not waited_for:
            return True
        time.sleep(_PAUSE_SECONDS)
        waited_for &= set(rows(_BOOKING)[0][0])
    return False


_CLOSE = f"""
WITH closes AS (
    SELECT DISTINCT programme, %s::text AS month, %s::timestamptz AS end_at,
        (SELECT max(seq) FROM ledger_journal) AS seq
    FROM ledger_account
)
INSERT INTO ledger_periodclose (programme, month, upto_seq, trial_balance_hash, closed_at)
SELECT programme, month, seq, hash, %s FROM ({TRIAL_BALANCES}) balances
ON CONFLICT (programme, month) DO NOTHING
"""  # noqa: S608 - no outside text
_CLOSED = """
SELECT programme, upto_seq, trial_balance_hash FROM ledger_periodclose WHERE month = %s
"""


@transaction.atomic
def close_period(month: Month, at: datetime) -> str:
    """Keep the trial balance of every programme at the end of a month, once.

    Returns:
        The digest of all of them, for the log entry of whoever closes the month; empty when
        nothing was booked before the month's end.
    Writes: one row per programme that has anything booked.
    """
    rows(_CLOSE, str(month), month.end_at, at)
    closed = sorted(rows(_CLOSED, str(month)))
    said = "".join(f"{programme} {seq} {digest}\n" for programme, seq, digest in closed)
    return hashlib.sha256(said.encode()).hexdigest() if closed else ""
