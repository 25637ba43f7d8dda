"""What must always hold between statements, payments and the books, as queries that give no row.

Source: docs/ledger.md, invariants.
"""

# ruff: noqa: S608 - put together from parts of its own, not from input

#: What the books know of each statement: put onto it, taken off, held back, paid, returned.
_BOOKED = """
SELECT a.subject,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 400), 0)
        - coalesce(sum(t.amount) FILTER (WHERE t.code = 900), 0) AS settled,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 410), 0)
        - coalesce(sum(t.amount) FILTER (WHERE t.code = 415), 0) AS held_back,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 420), 0)
        - coalesce(sum(t.amount) FILTER (WHERE t.code = 430), 0) AS paid,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 620), 0) AS offset_by_claims
FROM ledger_account a JOIN ledger_transfer t ON a.id IN (t.debit_id, t.credit_id)
WHERE a.code = '3100' AND t.phase IN ('single', 'post') GROUP BY a.subject
"""

#: What a statement owes: its share, or what a claim on it wrote off.
_OWED = "CASE s.payee_kind WHEN 'provider' THEN s.public_fen ELSE coalesce(s.granted_fen, 0) END"

INVARIANTS: dict[str, str] = {
    "statement_total": """
        SELECT s.statement_no, 'says ' || concat_ws('/', s.gross_fen, s.public_fen, s.self_fen)
            || ', lines ' || concat_ws('/', sum(l.gross_fen), sum(l.public_fen), sum(l.self_fen))
        FROM billing_statement s LEFT JOIN billing_statementline l ON l.statement_id = s.id
        GROUP BY s.id
        HAVING s.gross_fen <> coalesce(sum(l.gross_fen), 0)
            OR s.public_fen <> coalesce(sum(l.public_fen), 0)
            OR s.self_fen <> coalesce(sum(l.self_fen), 0)
            OR s.device_milli_seconds <> coalesce(sum(l.device_milli_seconds), 0)
    """,
    "statement_not_as_booked": f"""
        SELECT s.statement_no, s.state || ' says '
            || concat_ws('/', s.public_fen, s.held_back_fen, s.paid_fen) || ', booked '
            || concat_ws('/', b.settled, b.held_back, b.paid)
        FROM billing_statement s LEFT JOIN ({_BOOKED}) b ON b.subject = s.id::text
        WHERE (s.state IN ('approved', 'paid') AND (coalesce(b.settled, 0) <> {_OWED}
                OR coalesce(b.held_back, 0)
                    <> CASE s.payee_kind WHEN 'provider' THEN s.held_back_fen ELSE 0 END
                OR coalesce(b.paid, 0) + coalesce(b.offset_by_claims, 0) <> s.paid_fen))
            OR (s.state NOT IN ('approved', 'paid') AND b.subject IS NOT NULL)
    """,
    "paid_statement_still_owes": f"""
        SELECT s.statement_no, 'owes ' || {_OWED} - s.paid_fen || ', lies there '
            || coalesce(b.credits_posted - b.debits_posted, 0)
        FROM billing_statement s
        LEFT JOIN ledger_account a ON a.code IN ('3100', '3200') AND a.subject = s.id::text
        LEFT JOIN ledger_accountbalance b ON b.account_id = a.id
        WHERE s.state = 'paid' AND (s.paid_fen <> {_OWED}
            OR coalesce(b.credits_posted - b.debits_posted, 0) <> 0)
    """,
    "statement_not_redeemed": """
        SELECT s.statement_no, 'charged ' || lines.public_fen || ', redeemed '
            || coalesce(r.amount_fen, 0)
        FROM billing_statement s
        JOIN (SELECT statement_id, sum(public_fen) AS public_fen FROM billing_statementline
            WHERE reverses_id IS NULL GROUP BY statement_id) lines ON lines.statement_id = s.id
        LEFT JOIN (SELECT left(charge_ref, 36) AS statement, sum(amount_fen) AS amount_fen,
                array_agg(id) AS ids, array_agg(voucher_id) AS vouchers
            FROM vouchers_redemption GROUP BY 1) r ON r.statement = s.id::text
        WHERE s.state <> 'draft' AND (coalesce(r.amount_fen, 0) <> CASE s.payee_kind
                WHEN 'provider' THEN lines.public_fen ELSE coalesce(s.granted_fen, 0) END
            OR NOT r.vouchers <@ (s.voucher_id || array(SELECT p.voucher_id
                FROM providers_orderpart p WHERE p.order_id = s.order_id))
            OR (s.redemption_id IS NULL) <> (r.ids IS NULL) OR s.redemption_id <> ALL (r.ids))
    """,
    "redeemed_not_on_statements": """
        SELECT q.id || ' ' || a.programme, 'redeemed and not settled '
            || (s.credits_posted - s.debits_posted) || ', on statements ' || coalesce(o.owed, 0)
        FROM providers_provider q
        JOIN ledger_account a ON a.code = '3000' AND a.subject = q.id::text
        CROSS JOIN LATERAL ledger_sums_upto(a.id, 9223372036854775807) s
        LEFT JOIN (
            SELECT s.provider_id, p.slug, sum(s.public_fen) AS owed
            FROM billing_statement s
            JOIN vouchers_voucher v ON v.id = s.voucher_id
            JOIN vouchers_programme p ON p.id = v.programme_id
            WHERE s.state NOT IN ('draft', 'approved', 'paid') AND s.payee_kind = 'provider'
            GROUP BY s.provider_id, p.slug
        ) o ON o.provider_id = q.id AND o.slug = a.programme
        WHERE s.credits_posted - s.debits_posted <> coalesce(o.owed, 0)
    """,
    "month_total": """
        SELECT c.month, 'says ' || concat_ws('/', c.gross_fen, c.public_fen) || ', statements '
            || concat_ws('/', sum(s.gross_fen), sum(s.public_fen))
        FROM billing_monthclose c LEFT JOIN billing_statement s ON s.close_id = c.id
        GROUP BY c.id
        HAVING c.gross_fen <> coalesce(sum(s.gross_fen), 0)
            OR c.public_fen <> coalesce(sum(s.public_fen), 0)
            OR c.statement_count <> count(s.id)
    """,
    "line_price": """
        SELECT statement_id || '/' || ordinal, 'charged ' || gross_fen || ' for '
            || round(exact, 4) || ', public ' || public_fen || ' at ' || ratio_bp
        FROM (
            SELECT l.*, device_milli_seconds::numeric * price_fen * (10000 - discount_bp)
                * CASE pricing_unit WHEN 'CARD_HOUR' THEN 1 ELSE gflops END
                / CASE pricing_unit WHEN 'CARD_HOUR' THEN 36000000000 ELSE 36000000000000000
                END AS exact
            FROM billing_statementline l WHERE reverses_id IS NULL
        ) priced
        WHERE gross_fen <> round(exact) - credit_fen
            OR (device_milli_seconds >= 0 AND (metered_fen > gross_fen
                OR public_fen * 10000 > metered_fen * ratio_bp::bigint + 9999))
            OR (device_milli_seconds < 0 AND (metered_fen < gross_fen
                OR public_fen > 0 OR public_fen < gross_fen))
    """,
    "line_reversed_wrongly": """
        SELECT r.statement_id || '/' || r.ordinal, 'takes back '
            || concat_ws('/', r.gross_fen, r.public_fen) || ' of '
            || concat_ws('/', l.gross_fen, l.public_fen)
        FROM billing_statementline r JOIN billing_statementline l ON l.id = r.reverses_id
        WHERE (r.statement_id, r.gross_fen, r.public_fen, r.self_fen, r.device_milli_seconds)
            IS DISTINCT FROM (l.statement_id, -l.gross_fen, -l.public_fen, -l.self_fen,
                -l.device_milli_seconds) OR l.reverses_id IS NOT NULL
    """,
    "own_share_not_as_booked": """
        SELECT coalesce(said.subject, booked.subject)::text, 'statements ' || coalesce(self_fen, 0)
            || ', booked ' || coalesce(amount, 0)
        FROM (SELECT enterprise_id || '/' || provider_id || '/' || month AS subject,
                sum(self_fen + CASE WHEN granted_fen IS NULL THEN 0
                    ELSE public_fen - granted_fen END) AS self_fen
            FROM billing_statement WHERE state <> 'draft' GROUP BY 1) said
        FULL JOIN (
            SELECT a.subject, sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END)
                AS amount
            FROM ledger_account a JOIN ledger_transfer t ON a.id IN (t.debit_id, t.credit_id)
            WHERE a.code = 'S200' AND split_part(a.subject, '/', 2)
                IN (SELECT id::text FROM providers_provider)
            GROUP BY a.subject
        ) booked USING (subject)
        WHERE coalesce(self_fen, 0) <> coalesce(amount, 0)
    """,
    "payment_not_as_booked": """
        SELECT l.id::text, l.state || ' ' || l.amount_fen || ', parts ' || coalesce(i.amount, 0)
            || ', booked ' || coalesce(b.amount, 0)
        FROM billing_paymentline l
        LEFT JOIN (SELECT line_id, sum(amount_fen) AS amount FROM billing_paymentitem
            GROUP BY line_id) i ON i.line_id = l.id
        LEFT JOIN (
            SELECT j.refs->>'payment' AS payment,
                sum(CASE t.code WHEN 420 THEN t.amount ELSE -t.amount END) AS amount
            FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.seq
            WHERE j.kind IN ('payment.made', 'payment.returned') AND t.code IN (420, 430)
            GROUP BY 1
        ) b ON b.payment = l.id::text
        WHERE l.amount_fen <> coalesce(i.amount, 0)
            OR coalesce(b.amount, 0) <> CASE l.state WHEN 'paid' THEN l.amount_fen ELSE 0 END
    """,
    "settled_by_one_person": f"""
        SELECT s.statement_no, 'prepared by ' || left(c.prepared_person, 8) || ', approved by '
            || left(c.approved_person, 8)
        FROM billing_statement s
        JOIN ({_BOOKED}) b ON b.subject = s.id::text
        JOIN billing_monthclose c ON c.id = s.close_id
        WHERE c.approved_person = '' OR c.approved_person = c.prepared_person
            OR c.state NOT IN ('closed', 'paid')
    """,
    "paid_by_fewer_than_three": """
        SELECT b.batch_no, l.id::text
        FROM billing_paymentbatch b JOIN billing_paymentline l ON l.batch_id = b.id
        JOIN billing_monthclose c ON c.id = b.close_id
        WHERE '' IN (b.prepared_person, b.approved_person, b.released_person)
            OR b.released_person IN (b.prepared_person, b.approved_person)
            OR b.prepared_person = b.approved_person
            OR (b.prepared_person, b.approved_person) <> (c.prepared_person, c.approved_person)
    """,
    "sent_without_every_signature": """
        SELECT b.batch_no, b.state || ' with ' || count(DISTINCT s.person) || ' signatures'
        FROM billing_paymentbatch b LEFT JOIN billing_paymentsign s ON s.batch_id = b.id
            AND s.digest = b.sha256
        WHERE b.state IN ('finance_approved', 'sent', 'paid', 'partly_returned', 'closed')
        GROUP BY b.id HAVING count(DISTINCT s.person) < 5 + b.head_needed::int
            OR count(*) FILTER (WHERE s.step IN ('draw', 'first', 'second', 'review', 'clear')) < 5
    """,
    "sent_twice": """
        SELECT s.statement_no, 'listed ' || sum(i.amount_fen) || ' of ' || s.public_fen
        FROM billing_paymentitem i JOIN billing_paymentline l ON l.id = i.line_id
        JOIN billing_statement s ON s.id = i.statement_id
        WHERE i.active AND l.state IN ('waiting', 'suspended', 'sent', 'paid')
        GROUP BY s.id HAVING sum(i.amount_fen) > s.public_fen
    """,
    "clawback_not_as_booked": """
        SELECT c.case_no, c.state || ' says ' || concat_ws('/', c.amount_fen + c.interest_fen,
                c.cash_fen, c.offset_fen, c.given_up_fen) || ', booked '
            || concat_ws('/', b.claimed, b.cash, b.kept, b.gone)
        FROM billing_clawback c LEFT JOIN (
            SELECT j.refs->>'clawback' AS id,
                sum(t.amount) FILTER (WHERE t.code = 600) AS claimed,
                sum(t.amount) FILTER (WHERE t.code = 610) AS cash,
                sum(t.amount) FILTER (WHERE t.code = 620) AS kept,
                sum(t.amount) FILTER (WHERE t.code = 640) / 2 AS gone,
                sum(t.amount) FILTER (WHERE t.code = 630) AS back
            FROM ledger_journal j JOIN ledger_transfer t ON t.journal_id = j.seq
            WHERE j.kind LIKE 'clawback.%' GROUP BY 1
        ) b ON b.id = c.id::text
        WHERE coalesce(b.claimed, 0) <> CASE WHEN c.decided_at IS NULL THEN 0
                ELSE c.amount_fen + c.interest_fen END
            OR coalesce(b.cash, 0) <> c.cash_fen OR coalesce(b.kept, 0) <> c.offset_fen
            OR coalesce(b.gone, 0) <> c.given_up_fen
            OR coalesce(b.back, 0) <> c.cash_fen + c.offset_fen
    """,
    "claimed_beyond_received": """
        SELECT s.statement_no, 'claimed ' || sum(c.amount_fen) || ' of ' || s.paid_fen
        FROM billing_clawback c JOIN billing_statement s ON s.id = c.statement_id
        WHERE c.decided_at IS NOT NULL GROUP BY s.id HAVING sum(c.amount_fen) > s.paid_fen
    """,
}
