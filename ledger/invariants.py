"""What must always hold in the books and the log, each as a query that gives no row.

Run after every database test, by ``manage.py check_books`` and every night. A row given is a
*finding*: the invariant's name, what it concerns, and what was seen. One round trip in all.

Source: docs/ledger.md, invariants.
"""

# ruff: noqa: S608 - the queries are put together from the chart of accounts, not from input

from dataclasses import asdict, dataclass

from ledger.bookkeeping import rows
from ledger.chart import POOLS, ROUTES, Kind

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

#: Each transfer as its effects on the debited and the credited account, in order of booking.
_LINES = """
SELECT t.journal_id, t.ordinal, side.account_id, side.debit,
    CASE t.phase WHEN 'pending' THEN t.amount WHEN 'single' THEN 0
        ELSE -coalesce(p.amount, 0) END AS held,
    CASE WHEN t.phase IN ('single', 'post') THEN t.amount ELSE 0 END AS moved
FROM ledger_transfer t
LEFT JOIN ledger_transfer p ON p.id = t.pending_id
CROSS JOIN LATERAL (VALUES (t.debit_id, true), (t.credit_id, false)) AS side (account_id, debit)
"""

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
            FROM ({_LINES}) lines GROUP BY account_id
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
            FROM ({_LINES}) lines
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
        SELECT 'checkpoint ' || c.size, n || ' leaves'
        FROM (SELECT max(size) AS size FROM ledger_checkpoint) c,
            (SELECT count(*) AS n FROM ledger_logleaf) l
        WHERE coalesce(c.size, 0) <> n
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
            (SELECT sealed_at FROM ledger_checkpoint ORDER BY size DESC LIMIT 1))
    """,
}

_ALL = "\nUNION ALL\n".join(
    f"(SELECT '{name}', found.* FROM ({sql}) AS found (subject, detail) LIMIT {SHOWN})"
    for name, sql in INVARIANTS.items()
)


def findings() -> list[Finding]:
    """Return everything that does not hold; an empty list is good news."""
    return [Finding(name, subject, detail) for name, subject, detail in rows(_ALL)]
