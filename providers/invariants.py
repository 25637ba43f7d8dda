"""What must always hold between usage, orders and the books, each as a query that gives no row.

Source: docs/ledger.md, invariants.
"""

INVARIANTS: dict[str, str] = {
    "batch_count": """
        SELECT b.id::text, 'told ' || concat_ws('/', b.accepted + b.held + b.open + b.zero,
            b.duplicate, b.conflict, b.rejected) || ', kept '
            || concat_ws('/', coalesce(kept.n, 0), coalesce(left_out.duplicate, 0),
                coalesce(left_out.conflict, 0), coalesce(left_out.rejected, 0))
        FROM providers_usagebatch b
        LEFT JOIN (SELECT batch_id, count(*) AS n FROM providers_usagerecord WHERE segment = 0
            GROUP BY batch_id) kept ON kept.batch_id = b.id
        LEFT JOIN (
            SELECT batch_id, count(*) FILTER (WHERE outcome = 'duplicate') AS duplicate,
                count(*) FILTER (WHERE outcome = 'conflict') AS conflict,
                count(*) FILTER (WHERE outcome = 'rejected') AS rejected
            FROM providers_batchrow GROUP BY batch_id
        ) left_out ON left_out.batch_id = b.id
        WHERE b.status IN ('accepted', 'partial') AND (
            b.accepted + b.held + b.open + b.zero <> coalesce(kept.n, 0)
            OR b.duplicate <> coalesce(left_out.duplicate, 0)
            OR b.conflict <> coalesce(left_out.conflict, 0)
            OR b.rejected <> coalesce(left_out.rejected, 0))
    """,
    "metering_not_as_booked": """
        SELECT coalesce(used.subject, booked.subject)::text, 'counted ' || coalesce(work, 0)
            || ' thousandths, booked ' || coalesce(amount, 0)
        FROM (
            SELECT u.provider_id || '/' || coalesce(b.settle_month, u.settle_month) AS subject,
                sum(u.device_milli_seconds::numeric * u.gflops) AS work,
                count(*) FILTER (WHERE u.state = 'reversal') AS undone
            FROM providers_usagerecord u
            LEFT JOIN (SELECT r.id, o.settle_month FROM providers_usagerecord r
                JOIN providers_usagerecord o ON o.provider_id = r.provider_id
                    AND o.livemode = r.livemode AND o.record_id = r.record_id
                    AND o.month = r.month AND o.segment = r.segment - 1000
                WHERE r.state = 'reversal') b ON b.id = u.id
            WHERE u.counted AND u.livemode GROUP BY 1
        ) used
        FULL JOIN (
            SELECT a.subject, count(*) AS lines,
                sum(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END) AS amount
            FROM ledger_account a JOIN ledger_transfer t ON a.id IN (t.debit_id, t.credit_id)
            WHERE a.code = 'C100'
                AND split_part(a.subject, '/', 1) IN (SELECT id::text FROM providers_provider)
            GROUP BY a.subject
        ) booked USING (subject)
        WHERE coalesce(amount, 0) * 1000 < coalesce(work, 0)
            OR coalesce(amount, 0) * 1000
                >= coalesce(work, 0) + 1000 * (coalesce(lines, 0) + coalesce(undone, 0)) + 1
    """,
    "usage_not_kept_once": """
        SELECT coalesce(u.record_id, k.record_id) || '#' || coalesce(u.segment, k.segment),
            CASE WHEN u.id IS NULL THEN 'known, and not stored'
                 WHEN k.record_id IS NULL THEN 'stored, and not known'
                 ELSE 'stored with content that is not the known one' END
        FROM providers_usagerecord u
        FULL JOIN providers_usageidentity k ON k.provider_id = u.provider_id
            AND k.livemode = u.livemode AND k.record_id = u.record_id AND k.segment = u.segment
        WHERE u.id IS NULL OR k.record_id IS NULL OR u.content_digest <> k.content_digest
    """,
    "usage_counted_oddly": """
        SELECT u.record_id || '#' || u.segment, u.state || ', counted ' || u.counted
        FROM providers_usagerecord u
        WHERE (u.state IN ('accepted', 'reversal')) <> u.counted AND u.state <> 'superseded'
    """,
    "usage_reversed_wrongly": """
        SELECT coalesce(u.record_id, r.record_id) || '#' || coalesce(u.segment, r.segment),
            coalesce(u.device_milli_seconds::text, 'nothing') || ' taken back '
            || coalesce(r.device_milli_seconds::text, 'nothing')
        FROM (SELECT * FROM providers_usagerecord WHERE state = 'superseded' AND counted) u
        FULL JOIN (SELECT * FROM providers_usagerecord WHERE state = 'reversal') r
            ON r.provider_id = u.provider_id AND r.livemode = u.livemode
            AND r.record_id = u.record_id AND r.segment = u.segment + 1000
        WHERE u.id IS NULL OR r.id IS NULL
            OR u.device_milli_seconds <> -r.device_milli_seconds
            OR (u.gflops, u.month, u.order_id) IS DISTINCT FROM (r.gflops, r.month, r.order_id)
            OR r.settle_month < u.settle_month
    """,
    "use_beyond_capacity": """
        SELECT provider_id || ' ' || model_id, excess || ' thousandths too many at ' || at
        FROM (
            SELECT provider_id, model_id, at, sum(sum(change)) OVER
                (PARTITION BY provider_id, model_id ORDER BY at) AS excess
            FROM (
                SELECT provider_id, model_id, started_at AS at,
                    device_count::bigint * share_milli AS change
                FROM providers_usagerecord WHERE state = 'accepted' AND counted AND livemode
                UNION ALL
                SELECT provider_id, model_id, ended_at, -device_count::bigint * share_milli
                FROM providers_usagerecord WHERE state = 'accepted' AND counted AND livemode
                UNION ALL
                SELECT provider_id, model_id, valid_from, -1000 * device_count::bigint
                FROM providers_capacity WHERE state = 'approved'
                UNION ALL
                SELECT provider_id, model_id, valid_until, 1000 * device_count::bigint
                FROM providers_capacity WHERE state = 'approved' AND valid_until IS NOT NULL
            ) moments GROUP BY provider_id, model_id, at
        ) run WHERE excess > 0
    """,
    "use_outside_order": """
        SELECT u.record_id || '#' || u.segment, o.order_no || ': ' || u.started_at
        FROM providers_usagerecord u JOIN providers_order o ON o.id = u.order_id
        WHERE u.counted AND (u.provider_id <> o.provider_id OR u.started_at < o.starts_at
            OR u.ended_at > o.ends_at)
    """,
    "order_without_its_hold": """
        SELECT o.order_no, 'hold ' || coalesce(h.order_ref, '?') || ' at '
            || coalesce(h.provider_ref, '?')
        FROM providers_order o LEFT JOIN vouchers_hold h ON h.id = o.hold_id
        WHERE o.voucher_id IS NOT NULL AND (h.id IS NULL OR h.voucher_id <> o.voucher_id
            OR h.provider_ref <> o.provider_id::text)
    """,
    "order_part_without_its_hold": """
        SELECT o.order_no || '/' || p.ordinal, 'hold ' || h.order_ref || ' at ' || h.provider_ref
        FROM providers_orderpart p
        JOIN providers_order o ON o.id = p.order_id
        JOIN vouchers_hold h ON h.id = p.hold_id
        JOIN vouchers_voucher v ON v.id = p.voucher_id
        LEFT JOIN vouchers_voucher f ON f.id = o.voucher_id
        WHERE h.voucher_id <> p.voucher_id OR h.provider_ref <> o.provider_id::text
            OR h.amount_fen <> p.held_fen OR v.enterprise_id <> o.enterprise_id
            OR f.programme_id IS DISTINCT FROM v.programme_id
            OR h.order_ref <> o.id::text || '/' || p.ordinal
    """,
}
