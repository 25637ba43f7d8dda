"""The guards of the books in plain SQL: what no program may do, whatever it believes.

- rows of the books and the log cannot be updated, deleted or truncated (ENABLE ALWAYS: also
  not under ``session_replication_role = replica``);
- a balance row is moved only by the insertion of transfers, in the same statement;
- the two accounts of a transfer exist and share a unit, and a resolution fits what it resolves.
"""

from django.db import migrations

from ledger.migrations._append_only import append_only

APPEND_ONLY = (
    "account",
    "journal",
    "transfer",
    "refusedid",
    "logentry",
    "logleaf",
    "logtile",
    "checkpoint",
)

FUNCTIONS = """
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION ledger_guard_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Depth 1 is a statement from outside; the posting trigger arrives here at depth 2.
    IF pg_trigger_depth() < 2 OR TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a balance moves only by posting: % is refused', TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ledger_open_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_accountbalance (account_id, limited)
    SELECT id, limited FROM opened WHERE sync;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    -- Scalar subqueries look rows up by their key however large the tables and whatever plan
    -- was kept from an earlier posting.
    SELECT n.id INTO wrong FROM posted n
    WHERE coalesce((SELECT unit FROM ledger_account WHERE id = n.debit_id), 'no debit') <>
          coalesce((SELECT unit FROM ledger_account WHERE id = n.credit_id), 'no credit')
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'transfer % has no two accounts of one unit', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    SELECT n.id INTO wrong FROM posted n
    WHERE n.pending_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM ledger_transfer p
        WHERE p.id = n.pending_id AND p.phase = 'pending' AND p.debit_id = n.debit_id
          AND p.credit_id = n.credit_id AND n.amount <= p.amount
        OFFSET 0)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'transfer % does not fit the pending one it resolves', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    UPDATE ledger_accountbalance b
    SET debits_pending = b.debits_pending + m.debits_pending,
        debits_posted = b.debits_posted + m.debits_posted,
        credits_pending = b.credits_pending + m.credits_pending,
        credits_posted = b.credits_posted + m.credits_posted
    FROM (
        SELECT side.account_id,
               coalesce(sum(held) FILTER (WHERE debit), 0)::bigint AS debits_pending,
               coalesce(sum(moved) FILTER (WHERE debit), 0)::bigint AS debits_posted,
               coalesce(sum(held) FILTER (WHERE NOT debit), 0)::bigint AS credits_pending,
               coalesce(sum(moved) FILTER (WHERE NOT debit), 0)::bigint AS credits_posted
        FROM posted n
        CROSS JOIN LATERAL (
            SELECT CASE n.phase WHEN 'pending' THEN n.amount WHEN 'single' THEN 0
                ELSE -(SELECT amount FROM ledger_transfer WHERE id = n.pending_id) END AS held,
                   CASE WHEN n.phase IN ('single', 'post') THEN n.amount ELSE 0 END AS moved
        ) value
        CROSS JOIN LATERAL (VALUES (n.debit_id, true), (n.credit_id, false))
            AS side (account_id, debit)
        GROUP BY side.account_id
    ) m
    WHERE b.account_id = m.account_id;
    RETURN NULL;
END $$;
"""

DROP_FUNCTIONS = """
DROP FUNCTION ledger_refuse_change() CASCADE;
DROP FUNCTION ledger_guard_balance() CASCADE;
DROP FUNCTION ledger_open_balance() CASCADE;
DROP FUNCTION ledger_move_balances() CASCADE;
"""

TRIGGERS = """
CREATE TRIGGER open_balance AFTER INSERT ON ledger_account
    REFERENCING NEW TABLE AS opened
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_open_balance();
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER open_balance;

CREATE TRIGGER move_balances AFTER INSERT ON ledger_transfer
    REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_move_balances();
ALTER TABLE ledger_transfer ENABLE ALWAYS TRIGGER move_balances;

CREATE TRIGGER guard_balance BEFORE INSERT OR UPDATE OR DELETE ON ledger_accountbalance
    FOR EACH ROW EXECUTE FUNCTION ledger_guard_balance();
ALTER TABLE ledger_accountbalance ENABLE ALWAYS TRIGGER guard_balance;
CREATE TRIGGER never_truncate BEFORE TRUNCATE ON ledger_accountbalance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
ALTER TABLE ledger_accountbalance ENABLE ALWAYS TRIGGER never_truncate;

ALTER TABLE ledger_accountbalance SET (fillfactor = 50);
"""


class Migration(migrations.Migration):
    """Install the guards."""

    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
        *append_only(*APPEND_ONLY),
    ]
