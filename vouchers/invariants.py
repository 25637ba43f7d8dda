"""What must always hold between vouchers and the books, each as a query that gives no row.

The ledger knows nothing of vouchers; this room holds its own rows against it: what was granted,
issued, held and redeemed here is what lies there, to the fen.

Source: docs/ledger.md, invariants.
"""

# ruff: noqa: S608 - put together from parts of its own, not from input

#: What moved on the account of each voucher, by why.
_MOVED = """
SELECT v.id AS voucher_id,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 200), 0) AS issued,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 220), 0) AS revoked,
    coalesce(sum(t.amount) FILTER (WHERE t.code IN (310, 340)), 0) AS spent,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 500), 0) AS lapsed,
    coalesce(sum(t.amount) FILTER (WHERE t.code = 900 AND t.credit_id = a.id), 0) AS given_back
FROM vouchers_voucher v
JOIN vouchers_programme p ON p.id = v.programme_id
JOIN ledger_account a ON a.code = '2000' AND a.programme = p.slug AND a.subject = v.id::text
JOIN ledger_transfer t ON a.id IN (t.debit_id, t.credit_id) AND t.phase IN ('single', 'post')
GROUP BY v.id
"""
_BALANCE = """
SELECT v.id AS voucher_id, v.state, v.voucher_no, b.debits_pending AS held,
    b.credits_posted - b.debits_posted AS posted,
    b.credits_posted - b.debits_posted - b.debits_pending AS available
FROM vouchers_voucher v
JOIN vouchers_programme p ON p.id = v.programme_id
JOIN ledger_account a ON a.code = '2000' AND a.programme = p.slug AND a.subject = v.id::text
JOIN ledger_accountbalance b ON b.account_id = a.id
"""

#: What is still set aside, per scheme.
_ASIDE = """
SELECT v.slug, sum(v.amount_fen) AS fen FROM vouchers_reservation v
WHERE NOT EXISTS (SELECT FROM vouchers_reservationend e WHERE e.reservation_id = v.id)
GROUP BY v.slug
"""

INVARIANTS: dict[str, str] = {
    "voucher_value": f"""
        SELECT v.voucher_no, 'face ' || v.face_fen || ' issued ' || coalesce(m.issued, 0)
            || ', returned ' || v.returned_fen || ' revoked ' || coalesce(m.revoked, 0)
            || ', redeemed ' || coalesce(r.redeemed, 0) || ' spent ' || coalesce(m.spent, 0)
            || ', left ' || coalesce(b.posted, 0)
        FROM vouchers_voucher v
        LEFT JOIN ({_MOVED}) m ON m.voucher_id = v.id
        LEFT JOIN ({_BALANCE}) b ON b.voucher_id = v.id
        LEFT JOIN (SELECT voucher_id, sum(amount_fen) AS redeemed FROM vouchers_redemption
            GROUP BY voucher_id) r ON r.voucher_id = v.id
        WHERE v.face_fen <> coalesce(m.issued, 0) OR v.returned_fen <> coalesce(m.revoked, 0)
            OR coalesce(r.redeemed, 0) <> coalesce(m.spent, 0)
            OR coalesce(b.posted, 0)
                <> m.issued - m.revoked - m.spent - m.lapsed + m.given_back
    """,
    "voucher_state": f"""
        SELECT b.voucher_no, b.state || ', available ' || b.available || ', held ' || b.held
        FROM ({_BALANCE}) b JOIN ({_MOVED}) m USING (voucher_id)
        WHERE (b.state = 'active' AND b.available = 0 AND b.held = 0)
            OR (b.state <> 'active' AND b.available > m.given_back)
            OR (b.state = 'used_up' AND b.held > 0)
            OR (b.state <> 'expired' AND m.lapsed > 0)
            OR (b.state NOT IN ('revoked', 'surrendered') AND m.revoked > 0)
    """,
    "spent_outside_validity": """
        SELECT t.id::text, v.voucher_no || ': ' || t.code || ' at ' || j.effective_at
        FROM vouchers_voucher v
        JOIN ledger_account a ON a.code = '2000' AND a.subject = v.id::text
        JOIN ledger_transfer t ON t.debit_id = a.id AND t.code IN (300, 310, 340)
        JOIN ledger_journal j ON j.seq = t.journal_id
        WHERE j.effective_at < v.valid_from
            OR (j.kind = 'voucher.hold' AND j.effective_at >= v.valid_until)
    """,
    "enterprise_over_cap": f"""
        SELECT e.id || ' ' || granted.slug, granted.net || ' of ' || granted.cap
        FROM (
            SELECT v.enterprise_id, p.slug, sum(m.issued - m.revoked) AS net, max(p.cap_fen) AS cap
            FROM vouchers_voucher v
            JOIN vouchers_programme p ON p.id = v.programme_id
            JOIN ({_MOVED}) m ON m.voucher_id = v.id
            GROUP BY v.enterprise_id, p.slug
        ) granted JOIN vouchers_enterprise e ON e.id = granted.enterprise_id
        WHERE granted.net > granted.cap
    """,
    "hold_not_as_booked": """
        SELECT h.order_ref, h.state || ' left ' || h.left_fen || ', booked '
            || coalesce(t.amount::text, 'nothing')
        FROM vouchers_hold h
        LEFT JOIN ledger_transfer t ON t.id = h.pending_id AND t.phase = 'pending'
        LEFT JOIN ledger_account a ON a.id = t.debit_id
        LEFT JOIN ledger_account c ON c.id = t.credit_id
        LEFT JOIN ledger_transfer r ON r.pending_id = h.pending_id
        WHERE a.subject IS DISTINCT FROM h.voucher_id::text OR c.subject <> h.provider_ref
            OR (h.state = 'open') <> (r.id IS NULL)
            OR (h.state = 'open' AND t.amount <> h.left_fen)
    """,
    "held_without_hold": f"""
        SELECT b.voucher_no, 'held ' || b.held || ', by holds ' || coalesce(h.left_fen, 0)
        FROM ({_BALANCE}) b
        LEFT JOIN (SELECT voucher_id, sum(left_fen) AS left_fen FROM vouchers_hold
            WHERE state = 'open' GROUP BY voucher_id) h USING (voucher_id)
        WHERE b.held <> coalesce(h.left_fen, 0)
    """,
    "redemption_not_as_booked": """
        SELECT r.id::text, 'redeemed ' || r.amount_fen || ' with ' || r.compute_gflops_s
            || ', booked ' || coalesce(legs.money, 0) || ' with ' || coalesce(legs.computing, 0)
        FROM vouchers_redemption r
        JOIN vouchers_hold h ON h.id = r.hold_id
        LEFT JOIN LATERAL (
            SELECT count(*) FILTER (WHERE t.code IN (310, 340)) AS pays,
                sum(t.amount) FILTER (WHERE t.code IN (310, 340) AND d.subject = r.voucher_id::text
                    AND c.subject = h.provider_ref) AS money,
                count(*) FILTER (WHERE t.code = 710) AS ties,
                sum(t.amount) FILTER (WHERE t.code = 710 AND c.subject = r.voucher_id::text)
                    AS computing
            FROM ledger_journal j
            JOIN ledger_transfer t ON t.journal_id = j.seq
            JOIN ledger_account d ON d.id = t.debit_id
            JOIN ledger_account c ON c.id = t.credit_id
            WHERE j.id = r.journal_id
        ) legs ON true
        WHERE legs.pays <> 1 OR coalesce(legs.money, 0) <> r.amount_fen
            OR legs.ties <> CASE WHEN r.compute_gflops_s > 0 THEN 1 ELSE 0 END
            OR coalesce(legs.computing, 0) <> r.compute_gflops_s
    """,
    "grant_without_second_person": """
        SELECT coalesce(g.document_no, t.id::text), coalesce(g.amount_fen::text, 'no grant')
            || ', booked ' || coalesce(t.amount::text, 'nothing')
        FROM (
            SELECT t.id, t.amount, j.id AS journal_id, j.approvals, j.actor
            FROM ledger_transfer t JOIN ledger_journal j ON j.seq = t.journal_id
            JOIN ledger_account a ON a.id = t.debit_id
            WHERE t.code = 100 AND a.programme IN (SELECT slug FROM vouchers_programme)
        ) t
        FULL JOIN vouchers_budgetgrant g ON g.journal_id = t.journal_id
        WHERE g.id IS NULL OR t.id IS NULL OR g.amount_fen <> t.amount
            OR g.prepared_person = g.approved_person OR g.approved_person = ''
            OR NOT EXISTS (SELECT FROM jsonb_array_elements(t.approvals) one
                WHERE one->>'id' <> t.actor->>'id')
    """,
    "issued_without_decision": """
        SELECT v.voucher_no, a.state || ', approved ' || coalesce(a.approved_fen::text, 'nothing')
            || ' for ' || v.face_fen
        FROM (SELECT application_id, enterprise_id, min(voucher_no) AS voucher_no,
                sum(face_fen) AS face_fen
            FROM vouchers_voucher GROUP BY application_id, enterprise_id) v
        JOIN vouchers_application a ON a.id = v.application_id
        WHERE a.state <> 'issued' OR a.approved_fen IS DISTINCT FROM v.face_fen
            OR a.enterprise_id <> v.enterprise_id
            OR a.first_reviewer_person = '' OR a.approver_person = ''
            OR a.first_reviewer_person IN (a.second_reviewer_person, a.approver_person)
    """,
    "reserved_not_as_pooled": f"""
        SELECT coalesce(p.slug, s.slug), 'pool ' || coalesce(p.reserved_fen, 0)
            || ', set aside ' || coalesce(s.fen, 0)
        FROM vouchers_budgetpool p FULL JOIN ({_ASIDE}) s ON s.slug = p.slug
        WHERE coalesce(p.reserved_fen, 0) <> coalesce(s.fen, 0)
    """,
    "reserved_over_budget": f"""
        SELECT s.slug, 'set aside ' || s.fen || ' of ' || coalesce(b.left_over, 0)
        FROM ({_ASIDE}) s
        LEFT JOIN (SELECT a.programme,
                b.credits_posted - b.debits_posted - b.debits_pending AS left_over
            FROM ledger_account a JOIN ledger_accountbalance b ON b.account_id = a.id
            WHERE a.code = '1100' AND a.subject = '') b ON b.programme = s.slug
        WHERE s.fen > coalesce(b.left_over, 0)
    """,
    "reserved_twice": """
        SELECT i.application_id::text, count(*) || ' open reservations'
        FROM vouchers_reservation v JOIN vouchers_intake i ON i.id = v.intake_id
        WHERE NOT EXISTS (SELECT FROM vouchers_reservationend e WHERE e.reservation_id = v.id)
        GROUP BY i.application_id HAVING count(*) > 1
    """,
    "reservation_not_as_issued": """
        SELECT i.application_id::text, coalesce(e.outcome, 'open') || ', application ' || a.state
        FROM vouchers_reservation v JOIN vouchers_intake i ON i.id = v.intake_id
        JOIN vouchers_application a ON a.id = i.application_id
        LEFT JOIN vouchers_reservationend e ON e.reservation_id = v.id
        WHERE (e.outcome = 'used' AND a.state <> 'issued')
            OR (e.reservation_id IS NULL AND a.state = 'issued')
    """,
    "granted_above_asked": """
        SELECT r.run_no, 'line ' || l.rank || ' of ' || l.granted_fen || ', asked ' || l.asked_fen
            || ', run gives ' || s.total || ' of ' || r.free_fen
        FROM vouchers_allocationrun r JOIN vouchers_allocationline l ON l.run_id = r.id
        JOIN (SELECT run_id, sum(granted_fen) AS total FROM vouchers_allocationline GROUP BY run_id)
            s ON s.run_id = r.id
        WHERE l.granted_fen > l.asked_fen OR s.total > greatest(r.free_fen, 0)
    """,
}
