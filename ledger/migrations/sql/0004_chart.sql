-- Posting, 1: the chart of accounts as the database knows it, and the small words of posting.

CREATE FUNCTION ledger_pools() RETURNS TABLE (code text, unit text, limited boolean, sync boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
VALUES
    ('1000', 'CNY', false, false), ('1100', 'CNY', true, true), ('1150', 'CNY', true, true),
    ('2000', 'CNY', true, true), ('3000', 'CNY', true, false), ('3100', 'CNY', true, true),
    ('3200', 'CNY', true, true), ('3300', 'CNY', true, false), ('4000', 'CNY', true, false),
    ('5000', 'CNY', false, true), ('5100', 'CNY', true, false), ('5200', 'CNY', true, true),
    ('5300', 'CNY', false, false), ('6000', 'CNY', false, false), ('8000', 'CNY', true, true),
    ('C100', 'COMPUTE', false, false), ('C200', 'COMPUTE', true, false),
    ('C300', 'COMPUTE', true, false), ('C400', 'COMPUTE', true, false),
    ('C500', 'COMPUTE', true, false),
    ('S100', 'CNY_SELF', false, false), ('S200', 'CNY_SELF', true, false)
$$;

CREATE FUNCTION ledger_routes() RETURNS TABLE (code smallint, debit text, credit text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
WITH forward (code, debit, credit) AS (VALUES
    (100, '1000', '1100'), (109, '1100', '1000'),
    (200, '1100', '2000'), (200, '1150', '2000'), (220, '2000', '1100'), (220, '2000', '1150'),
    (300, '2000', '3000'), (310, '2000', '3000'), (320, '2000', '3000'), (330, '2000', '3000'),
    (340, '2000', '3000'), (400, '3000', '3100'), (410, '3100', '3200'), (415, '3200', '3100'),
    (420, '3100', '3300'), (430, '3300', '3100'),
    (500, '2000', '4000'), (510, '4000', '1100'), (510, '4000', '1000'),
    (600, '5000', '5100'), (610, '6000', '5000'), (620, '3100', '5000'), (630, '5100', '5200'),
    (640, '5300', '5000'), (640, '5100', '5300'), (650, '5200', '1100'), (650, '5200', '1000'),
    (700, 'C100', 'C200'), (710, 'C200', 'C300'), (720, 'C200', 'C400'), (730, 'C200', 'C500'),
    (750, 'S100', 'S200'))
SELECT code::smallint, debit, credit FROM forward
UNION SELECT 900::smallint, credit, debit FROM forward
$$;

CREATE FUNCTION ledger_phase(code smallint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE code WHEN 300 THEN 'pending' WHEN 310 THEN 'post' WHEN 320 THEN 'void'
    WHEN 330 THEN 'void' ELSE 'single' END
$$;

CREATE FUNCTION ledger_moment(moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Whether redeeming, settling and paying are suspended. Off until somebody says more here.
CREATE FUNCTION ledger_safe_mode() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT false $$;

-- What may be taken out of an account without a balance row, its row being locked.
CREATE FUNCTION ledger_deferred_available(account bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
SELECT (
    coalesce((SELECT sum(t.amount) FROM public.ledger_transfer t
        WHERE t.credit_id = account AND t.phase IN ('single', 'post')), 0)
    - coalesce((SELECT sum(t.amount) FROM public.ledger_transfer t
        WHERE t.debit_id = account AND (t.phase IN ('single', 'post')
            OR (t.phase = 'pending' AND NOT EXISTS (
                SELECT FROM public.ledger_transfer r
                WHERE r.pending_id = t.id AND r.phase IN ('post', 'void'))))), 0)
)::bigint
$$;
