-- Posting, 4: the second line of defence.
-- As in 0002, but each pair of accounts is looked up once and not each transfer.
CREATE OR REPLACE FUNCTION ledger_move_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    -- Scalar subqueries look rows up by their key however large the tables and whatever plan
    -- was kept from an earlier posting.
    SELECT n.debit_id || ' to ' || n.credit_id INTO wrong
    FROM (SELECT DISTINCT debit_id, credit_id FROM posted) n
    WHERE coalesce((SELECT a.unit FROM public.ledger_account a WHERE a.id = n.debit_id), '?') <>
          coalesce((SELECT a.unit FROM public.ledger_account a WHERE a.id = n.credit_id), '!')
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'a transfer from account % has no two accounts of one unit', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    SELECT n.id INTO wrong FROM posted n
    WHERE n.pending_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.ledger_transfer p
        WHERE p.id = n.pending_id AND p.phase = 'pending' AND p.debit_id = n.debit_id
          AND p.credit_id = n.credit_id AND n.amount <= p.amount
        OFFSET 0)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'transfer % does not fit the pending one it resolves', wrong
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    UPDATE public.ledger_accountbalance b
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
                ELSE -(SELECT p.amount FROM public.ledger_transfer p WHERE p.id = n.pending_id)
                END AS held,
                CASE WHEN n.phase IN ('single', 'post') THEN n.amount ELSE 0 END AS moved
        ) value
        CROSS JOIN LATERAL (VALUES (n.debit_id, true), (n.credit_id, false))
            AS side (account_id, debit)
        GROUP BY side.account_id
    ) m
    WHERE b.account_id = m.account_id;
    RETURN NULL;
END $$;

-- C2SP tlog-tiles carries the length of an entry in two bytes.
ALTER TABLE ledger_logentry
    ADD CONSTRAINT log_entry_size CHECK (octet_length(body) <= 65535);
