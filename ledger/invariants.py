"""What must always hold in the books and the log, each as a query that gives no row.

Run after every database test, by ``manage.py check_books`` and every night. A row given is a
*finding*: the invariant's name, what it concerns, and what was seen. One round trip in all.

Source: docs/ledger.md, invariants.
"""

# ruff: noqa: S608 - the queries are put together from the chart of accounts, not from input

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import psycopg
from django.db import connection

from ledger.chart import POOLS, ROUTES, Kind
from ledger.rolling import LINES, TRIAL_BALANCES

#: How many rows of one invariant are told; the rest would only repeat the alarm.
SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """One thing that should not be.

    Args:
        name: the invariant.
        subject: row, account or entry concerned.
        detail: what was seen.
    """

    name: str
    subject: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        """Return the finding for machines."""
        return asdict(self)


_ACCOUNT = "a.code || ':' || a.programme || ':' || a.subject"

_POOLS = ", ".join(
    f"('{code.value}', '{pool.unit.value}', {pool.kind is not Kind.EXTERNAL}, {pool.sync})"
    for code, pool in POOLS.items()
)
_ROUTES = ", ".join(
    f"({int(code)}, '{debit.value}', '{credit.value}')"
    for code, pairs in ROUTES.items()
    for debit, credit in sorted(pairs)
)

#: Every account as it stands: its balance row, or its last roll-up and the tail behind it.
_STANDING = f"""
SELECT a.id, a.unit, a.programme, a.code, b.debits_pending, b.debits_posted, b.credits_pending,
    b.credits_posted
FROM ledger_account a JOIN ledger_accountbalance b ON b.account_id = a.id WHERE a.sync
UNION ALL
SELECT a.id, a.unit, a.programme, a.code, s.*
FROM ledger_account a CROSS JOIN LATERAL ledger_sums_upto(a.id, {2**63 - 1}) s WHERE NOT a.sync
"""
#: Where public money is while it belongs to a programme.
_INSIDE = "('1100', '1150', '2000', '3000', '3100', '3200', '3300', '4000')"
#: Posted transfers with the codes of both accounts.
_POSTED = """
SELECT t.journal_id, t.ordinal, t.code, t.amount, t.debit_id, t.credit_id, d.programme, d.unit,
    d.code AS debit, c.code AS credit
FROM ledger_transfer t
JOIN ledger_account d ON d.id = t.debit_id JOIN ledger_account c ON c.id = t.credit_id
WHERE t.phase IN ('single', 'post')
"""
#: Closed months with their ends; a month that is no month has none.
_CLOSES = r"""
SELECT p.*, p.upto_seq AS seq, CASE WHEN month ~ '^2\d{3}-(0[1-9]|1[0-2])$' THEN
    (to_date(month, 'YYYY-MM') + interval '1 month') AT TIME ZONE 'Asia/Shanghai' END AS end_at
FROM ledger_periodclose p
"""
#: A later place may be recorded earlier by so much: long work carries the moment it was asked for.
RECORDED_SKEW = "62 days"

INVARIANTS: dict[str, str] = {
    "transfer_shape": """
        SELECT id::text, 'amount ' || amount FROM ledger_transfer
        WHERE amount <= 0 OR debit_id = credit_id
    """,
    "transfer_route": f"""
        SELECT t.id::text, t.code || ' ' || coalesce(d.code, '?') || '->' || coalesce(c.code, '?')
        FROM ledger_transfer t
        LEFT JOIN ledger_account d ON d.id = t.debit_id
        LEFT JOIN ledger_account c ON c.id = t.credit_id
        WHERE (t.code::int, d.code::text, c.code::text) NOT IN (VALUES {_ROUTES})
            OR d.id IS NULL OR c.id IS NULL OR (d.unit = 'CNY' AND d.programme <> c.programme)
    """,
    "transfer_without_journal": """
        SELECT t.id::text, 'journal ' || t.journal_id FROM ledger_transfer t
        LEFT JOIN ledger_journal j ON j.seq = t.journal_id WHERE j.seq IS NULL
    """,
    "journal_without_transfer": """
        SELECT j.id::text, j.kind FROM ledger_journal j
        WHERE NOT EXISTS (SELECT FROM ledger_transfer t WHERE t.journal_id = j.seq)
    """,
    "account_of_another_kind": f"""
        SELECT a.id::text, {_ACCOUNT} FROM ledger_account a
        WHERE (a.code::text, a.unit::text, a.limited, a.sync) NOT IN (VALUES {_POOLS})
    """,
    "balance_drift": f"""
        SELECT a.id::text, {_ACCOUNT} || ' stored '
            || concat_ws('/', b.debits_pending, b.debits_posted, b.credits_pending,
                b.credits_posted)
            || ' summed ' || concat_ws('/', s.dp, s.d, s.cp, s.c)
        FROM ledger_account a
        LEFT JOIN ledger_accountbalance b ON b.account_id = a.id
        LEFT JOIN (
            SELECT account_id,
                sum(held) FILTER (WHERE debit) AS dp, sum(moved) FILTER (WHERE debit) AS d,
                sum(held) FILTER (WHERE NOT debit) AS cp, sum(moved) FILTER (WHERE NOT debit) AS c
            FROM ({LINES}) lines GROUP BY account_id
        ) s ON s.account_id = a.id
        WHERE a.sync <> (b.account_id IS NOT NULL) OR (a.sync AND (
            b.limited <> a.limited
            OR b.debits_pending <> coalesce(s.dp, 0) OR b.debits_posted <> coalesce(s.d, 0)
            OR b.credits_pending <> coalesce(s.cp, 0) OR b.credits_posted <> coalesce(s.c, 0)))
    """,
    "below_zero": f"""
        SELECT a.id::text, {_ACCOUNT} || ' at journal ' || run.journal_id || ': ' || run.available
        FROM (
            SELECT account_id, journal_id, sum(CASE WHEN debit THEN -held - moved ELSE moved END)
                OVER (PARTITION BY account_id ORDER BY journal_id, ordinal) AS available
            FROM ({LINES}) lines
        ) run
        JOIN ledger_account a ON a.id = run.account_id AND a.limited
        WHERE run.available < 0
    """,
    "pending_resolution": """
        SELECT r.id::text, r.phase || ' ' || r.amount || ' of ' || coalesce(p.amount::text, '?')
        FROM ledger_transfer r LEFT JOIN ledger_transfer p ON p.id = r.pending_id
        WHERE r.pending_id IS NOT NULL AND (
            p.id IS NULL OR p.phase <> 'pending' OR r.phase NOT IN ('post', 'void')
            OR p.debit_id <> r.debit_id OR p.credit_id <> r.credit_id OR r.amount > p.amount
            OR (r.phase = 'void' AND r.amount <> p.amount))
    """,
    "pending_resolved_twice": """
        SELECT pending_id::text, count(*)::text FROM ledger_transfer
        WHERE pending_id IS NOT NULL GROUP BY pending_id HAVING count(*) > 1
    """,
    "expired_early": """
        SELECT r.id::text, j.effective_at || ' before ' || coalesce(p.expires_at::text, 'never')
        FROM ledger_transfer r
        JOIN ledger_transfer p ON p.id = r.pending_id
        JOIN ledger_journal j ON j.seq = r.journal_id
        WHERE r.code = 330 AND (p.expires_at IS NULL OR j.effective_at < p.expires_at)
    """,
    "rounding_not_zero": f"""
        SELECT a.id::text, {_ACCOUNT} FROM ledger_account a
        JOIN ledger_transfer t ON a.id IN (t.debit_id, t.credit_id) WHERE a.code = '8000'
    """,
    "unit_out_of_balance": f"""
        SELECT unit::text, 'posted ' || sum(debits_posted) || ' against ' || sum(credits_posted)
            || ', held ' || sum(debits_pending) || ' against ' || sum(credits_pending)
        FROM ({_STANDING}) standing GROUP BY unit
        HAVING sum(debits_posted) <> sum(credits_posted)
            OR sum(debits_pending) <> sum(credits_pending)
    """,
    "programme_out_of_balance": f"""
        SELECT coalesce(here.programme, came.programme)::text,
            'holds ' || coalesce(here.posted, 0) || ', received ' || coalesce(came.moved, 0)
        FROM (
            SELECT programme, sum(credits_posted - debits_posted) AS posted
            FROM ({_STANDING}) standing WHERE code IN {_INSIDE} GROUP BY programme
        ) here
        FULL JOIN (
            SELECT programme, sum(CASE WHEN credit IN {_INSIDE} THEN amount ELSE -amount END)
                AS moved
            FROM ({_POSTED}) posted
            WHERE unit = 'CNY' AND (debit IN {_INSIDE}) <> (credit IN {_INSIDE})
            GROUP BY programme
        ) came USING (programme)
        WHERE coalesce(here.posted, 0) <> coalesce(came.moved, 0)
    """,
    "promised_beyond_grant": f"""
        SELECT programme::text, 'at journal ' || journal_id || ': ' || free
        FROM (
            SELECT programme, journal_id, sum(CASE
                    WHEN debit = '1000' AND credit = '1100' THEN amount
                    WHEN debit = '1100' AND credit = '1000' THEN -amount
                    WHEN credit = '2000' AND debit IN ('1100', '1150') THEN -amount
                    WHEN debit = '2000' AND credit IN ('1100', '1150') THEN amount
                    WHEN credit = '1100' AND debit IN ('4000', '5200') THEN amount
                    WHEN debit = '1100' AND credit IN ('4000', '5200') THEN -amount
                    ELSE 0 END) OVER (PARTITION BY programme ORDER BY journal_id, ordinal) AS free
            FROM ({_POSTED}) posted WHERE unit = 'CNY'
        ) run WHERE free < 0
    """,
    "correction_beyond_original": f"""
        SELECT 'journal ' || journal_id, 'accounts ' || given || '->' || taken || ': ' || left_over
        FROM (
            SELECT journal_id, given, taken, sum(signed) OVER (PARTITION BY given, taken
                ORDER BY journal_id, ordinal) AS left_over
            FROM (
                SELECT journal_id, ordinal, debit_id AS given, credit_id AS taken, amount AS signed
                FROM ({_POSTED}) posted WHERE code <> 900
                UNION ALL
                SELECT journal_id, ordinal, credit_id, debit_id, -amount
                FROM ({_POSTED}) posted WHERE code = 900
            ) routes
            WHERE EXISTS (SELECT FROM ledger_transfer k WHERE k.code = 900
                AND k.debit_id = taken AND k.credit_id = given)
        ) run WHERE left_over < 0
    """,
    "claim_overpaid": f"""
        SELECT id::text, 'paid ' || (credits_posted - debits_posted) || ' too much'
        FROM ({_STANDING}) standing WHERE code = '5000' AND credits_posted > debits_posted
    """,
    "claim_closed_unrecovered": f"""
        SELECT programme::text, 'closed ' || closed || ', recovered ' || recovered
        FROM (
            SELECT programme, coalesce(sum(amount) FILTER (WHERE code = 630), 0) AS closed,
                coalesce(sum(amount) FILTER (WHERE code IN (610, 620)), 0) AS recovered
            FROM ({_POSTED}) posted WHERE code BETWEEN 600 AND 630 GROUP BY programme
        ) claims WHERE closed > recovered
    """,
    "booked_into_closed_month": f"""
        SELECT j.id::text, j.kind || ' effective ' || j.effective_at || ' after closing of '
            || c.month || ' ' || c.programme
        FROM ({_CLOSES}) c
        JOIN ledger_journal j ON j.seq > c.seq AND j.effective_at < c.end_at
        WHERE EXISTS (SELECT FROM ledger_transfer t
            JOIN ledger_account a ON a.id IN (t.debit_id, t.credit_id)
            WHERE t.journal_id = j.seq AND t.code <> 900 AND a.programme = c.programme)
    """,
    "trial_balance_changed": f"""
        WITH closes AS ({_CLOSES})
        SELECT c.month || ' ' || c.programme, coalesce(now.hash, 'nothing') || ' instead of '
            || c.trial_balance_hash
        FROM closes c LEFT JOIN ({TRIAL_BALANCES}) now USING (programme, month, seq)
        WHERE now.hash IS DISTINCT FROM c.trial_balance_hash
            OR c.seq > (SELECT max(seq) FROM ledger_journal)
    """,
    "rollup_drift": f"""
        SELECT 'account ' || account_id, 'roll-up at ' || seq || ' holds ' || held || ' summed '
            || summed
        FROM (
            SELECT account_id, seq, mark, held, concat_ws('/',
                coalesce(sum(l.moving) FILTER (WHERE debit) OVER w, 0),
                coalesce(sum(moved) FILTER (WHERE debit) OVER w, 0),
                coalesce(sum(l.moving) FILTER (WHERE NOT debit) OVER w, 0),
                coalesce(sum(moved) FILTER (WHERE NOT debit) OVER w, 0)) AS summed
            FROM (
                SELECT account_id, journal_id AS seq, 0 AS mark, debit, held AS moving, moved,
                    '' AS held
                FROM ({LINES}) lines
                WHERE account_id IN (SELECT account_id FROM ledger_accountrollup)
                UNION ALL
                SELECT account_id, upto_seq, 1, NULL, 0, 0, concat_ws('/', debits_pending,
                    debits_posted, credits_pending, credits_posted)
                FROM ledger_accountrollup
            ) l WINDOW w AS (PARTITION BY account_id ORDER BY seq, mark)
        ) run
        WHERE mark = 1 AND (held <> summed OR seq > (SELECT max(seq) FROM ledger_journal))
    """,
    "recorded_backwards": f"""
        SELECT id::text, 'recorded ' || recorded_at || ', before it ' || before
        FROM (SELECT id, recorded_at, max(recorded_at) OVER (ORDER BY seq
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM ledger_journal) run
        WHERE recorded_at < before - interval '{RECORDED_SKEW}'
    """,
    "refused_yet_booked": """
        SELECT j.id::text, r.code FROM ledger_journal j JOIN ledger_refusedid r USING (id)
    """,
    "journal_without_entry": """
        SELECT coalesce(j.id, e.id)::text,
            'journal ' || coalesce(j.seq::text, '-') || ' entry ' || coalesce(e.seq::text, '-')
        FROM ledger_journal j
        FULL JOIN (SELECT * FROM ledger_logentry WHERE type = 'ledger.journal') e
            ON e.journal_seq = j.seq AND e.id = j.id
        WHERE j.seq IS NULL OR e.seq IS NULL
    """,
    "leaf_gap": """
        SELECT 'leaf ' || index, 'after ' || coalesce(before::text, 'nothing')
        FROM (SELECT index, lag(index) OVER (ORDER BY index) AS before FROM ledger_logleaf) l
        WHERE index <> coalesce(before, -1) + 1
    """,
    "leaf_without_entry": """
        SELECT 'leaf ' || l.index, 'entry ' || l.entry_id FROM ledger_logleaf l
        LEFT JOIN ledger_logentry e ON e.seq = l.entry_id WHERE e.seq IS NULL
    """,
    "checkpoint_beyond_leaves": """
        SELECT 'checkpoint ' || coalesce(c.size, 0), n || ' leaves'
        FROM (SELECT max(size) AS size FROM ledger_checkpoint) c,
            (SELECT count(*) AS n FROM ledger_logleaf) l
        WHERE coalesce(c.size, 0) <> n
    """,
    "checkpoint_backwards": """
        SELECT 'checkpoint ' || size, 'sealed ' || sealed_at || ', the one before ' || before
        FROM (SELECT size, sealed_at,
                lag(sealed_at) OVER (PARTITION BY suite ORDER BY size) AS before
            FROM ledger_checkpoint) run
        WHERE sealed_at < before
    """,
    "entry_passed_over": """
        SELECT e.id::text, e.type FROM ledger_logentry e
        JOIN (
            SELECT s.xid, s.seq FROM ledger_logleaf l JOIN ledger_logentry s ON s.seq = l.entry_id
            ORDER BY l.index DESC LIMIT 1
        ) last ON (e.xid, e.seq) < (last.xid, last.seq)
        WHERE NOT EXISTS (SELECT FROM ledger_logleaf l WHERE l.entry_id = e.seq)
    """,
    # Without a clock: a promise is broken once a checkpoint came after it fell due.
    "promise_broken": """
        SELECT p.entry_id::text, CASE WHEN e.seq IS NULL THEN 'the entry is gone'
            WHEN l.index IS NULL THEN 'due ' || p.due_at || ', not in the tree'
            ELSE 'another leaf at ' || l.index END
        FROM ledger_promise p
        LEFT JOIN ledger_logentry e ON e.id = p.entry_id
        LEFT JOIN ledger_logleaf l ON l.entry_id = e.seq
        WHERE e.seq IS NULL OR l.hash <> p.leaf_hash OR (l.index IS NULL AND p.due_at <
            (SELECT sealed_at FROM ledger_checkpoint WHERE suite = 'sha256'
                ORDER BY size DESC LIMIT 1))
    """,
}


def findings(queries: Mapping[str, str] = INVARIANTS, *, prepared: bool = False) -> list[Finding]:
    """Return everything that does not hold; an empty list is good news.

    Args:
        queries: named queries of subject and detail, those of the books when nothing is said.
        prepared: let the database keep the plan for the next time on this connection. Planning
            takes longer than asking a small house; who asks after every test wants this.
    """
    if not queries:
        return []
    asked = "\nUNION ALL\n".join(
        f"(SELECT '{name}', found.* FROM ({sql}) AS found (subject, detail) LIMIT {SHOWN})"
        for name, sql in queries.items()
    )
    connection.ensure_connection()
    driver = connection.connection
    before, driver.prepare_threshold = driver.prepare_threshold, 0 if prepared else None
    try:
        with connection.wrap_database_errors, psycopg.Cursor(driver) as cursor:
            cursor.execute(asked.encode())
            return [Finding(name, subject, detail) for name, subject, detail in cursor]
    finally:
        driver.prepare_threshold = before
