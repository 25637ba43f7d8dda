"""The statements by which a batch is judged, one text each; ``storing_sql`` has those that store.

Read in this order: TABLES, JUDGE (what is each row), LOST_TARGETS, OVER_CAPACITY and OVER_HOLD
(what must wait after all), COUNTS. HELD_AGAIN puts held records where JUDGE puts those of a batch.
"""

# Kept as long as the connection, emptied by every commit: making them anew costs more than a small
# batch, and plans that were prepared for them stay good. What is asked for most stands first.
TABLES = """
CREATE TEMP TABLE IF NOT EXISTS usage_stage (
    row_no bigint, record_id text, order_no text, device_model text, device_count int,
    share_milli smallint, started_at timestamptz, ended_at timestamptz, basis text,
    job_state text, job_ref text, utilisation_pct numeric, energy_kwh numeric,
    device_seconds numeric, corrects text, reason text, digest bytea, month text,
    device_milli_seconds bigint
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS usage_part (
    row_no bigint, segment smallint, started_at timestamptz, ended_at timestamptz, month text,
    device_milli_seconds bigint
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS usage_judged (
    outcome text, row_no bigint, model_id uuid, started_at timestamptz, ended_at timestamptz,
    device_count int, share_milli smallint, segment smallint, device_milli_seconds bigint,
    gflops int, gross_limit_fen bigint, order_id uuid, price_id uuid, rate_id uuid,
    month text, record_id text, corrects text, digest bytea, stored_digest bytea, order_no text,
    device_model text, basis text, job_state text, job_ref text, utilisation_pct numeric,
    energy_kwh numeric, device_seconds numeric, reason text, code text, hold_reason text
) ON COMMIT DELETE ROWS;
DELETE FROM usage_stage; DELETE FROM usage_part; DELETE FROM usage_judged;
"""
COPY_STAGE = "COPY usage_stage FROM STDIN"
COPY_PART = "COPY usage_part FROM STDIN"
COPY_LEFT_OUT = (
    "COPY providers_batchrow (batch_id, row_no, outcome, record_id, faults, given) FROM STDIN"
)

# The registry as it stands: names of models, rates that do not overlap, models with capacity.
_REGISTRY = """WITH names AS (
    SELECT lower(key) AS alias, id AS model_id FROM providers_acceleratormodel
    UNION
    SELECT alias, model_id FROM providers_acceleratoralias WHERE state = 'approved'
), rates AS (
    SELECT id, model_id, gflops, valid_from,
           least(coalesce(valid_until, 'infinity'),
                 coalesce(lead(valid_from) OVER (PARTITION BY model_id
                                                 ORDER BY valid_from, version), 'infinity')
           ) AS valid_until
      FROM providers_acceleratorrate
     WHERE state = 'approved' AND number_format = 'FP16_DENSE'
), fleets AS (
    SELECT DISTINCT model_id FROM providers_capacity
     WHERE provider_id = %(provider)s AND state = 'approved'
"""

# What becomes of each record that corrects another.
_CORRECTIONS = """corrections AS (
    SELECT s.row_no,
           t.id IS NULL AND m.row_no IS NULL AS lost,
           t.state IN ('superseded', 'reversal', 'refused')
               OR row_number() OVER (PARTITION BY s.corrects ORDER BY s.record_id) > 1 AS late,
           t.hold_reason = 'late_correction' AS waits,
           t.counted AND t.livemode AND EXISTS (
               SELECT 1 FROM providers_usagerecord p JOIN providers_meteringmonth c
                   ON c.month = p.settle_month
                WHERE p.provider_id = t.provider_id AND p.livemode = t.livemode
                  AND p.record_id = t.record_id AND p.segment < 1000) AS closed
      FROM usage_stage s
      LEFT JOIN providers_usagerecord t
        ON t.provider_id = %(provider)s AND t.livemode = %(livemode)s
       AND t.record_id = s.corrects AND t.segment = 0
      LEFT JOIN repeats r ON r.record_id = s.record_id
      LEFT JOIN usage_stage m ON m.record_id = s.corrects AND m.row_no = (
          SELECT min(x.row_no) FROM usage_stage x WHERE x.record_id = s.corrects)
     WHERE s.corrects <> '' AND (r.record_id IS NULL OR r.first_row = s.row_no)
       AND NOT EXISTS (
           SELECT 1 FROM providers_usageidentity k
            WHERE k.provider_id = %(provider)s AND k.livemode = %(livemode)s
              AND k.record_id = s.record_id AND k.segment = 0)
)"""
# The same columns where a batch holds no correction, so that nothing is looked up for it.
_NO_CORRECTIONS = """corrections AS (
    SELECT 0 AS row_no, false AS lost, false AS late, false AS waits, false AS closed WHERE false
)"""

# One row per staged record: what it is, and everything that storing needs. The order of the
# questions matters: known ids first, then faults, then what it waits for.
_JUDGE = f"""
INSERT INTO usage_judged
{_REGISTRY}), repeats AS (
    SELECT record_id, min(row_no) AS first_row, count(DISTINCT digest) > 1 AS differ
      FROM usage_stage
     WHERE record_id IN (SELECT record_id FROM usage_stage GROUP BY 1 HAVING count(*) > 1)
     GROUP BY record_id
), {{corrections}}
SELECT CASE
           WHEN k.content_digest = s.digest THEN 'duplicate'
           WHEN k.record_id IS NOT NULL THEN 'conflict'
           WHEN i.differ THEN 'conflict'
           WHEN i.first_row < s.row_no THEN 'duplicate'
           WHEN f.code <> '' THEN 'rejected'
           WHEN c.closed THEN 'held'
           WHEN s.ended_at IS NULL THEN 'open'
           WHEN s.device_milli_seconds = 0 THEN 'zero'
           WHEN w.reason <> '' THEN 'held'
           ELSE 'accepted'
       END,
       s.row_no, n.model_id, s.started_at, s.ended_at, s.device_count, s.share_milli, 0::smallint,
       s.device_milli_seconds, r.gflops, o.gross_limit_fen, o.id, o.price_id, r.id, s.month,
       s.record_id, s.corrects, s.digest, k.content_digest, s.order_no, s.device_model, s.basis,
       s.job_state, s.job_ref, s.utilisation_pct, s.energy_kwh, s.device_seconds, s.reason, f.code,
       CASE WHEN c.closed THEN 'late_correction'
            WHEN s.ended_at IS NULL OR s.device_milli_seconds = 0 THEN '' ELSE w.reason END
  FROM usage_stage s
  LEFT JOIN providers_usageidentity k
    ON k.provider_id = %(provider)s AND k.livemode = %(livemode)s
   AND k.record_id = s.record_id AND k.segment = 0
  LEFT JOIN repeats i ON i.record_id = s.record_id
  LEFT JOIN providers_order o ON o.provider_id = %(provider)s AND o.order_no = s.order_no
  LEFT JOIN vouchers_voucher v ON v.id = o.voucher_id
  LEFT JOIN corrections c ON c.row_no = s.row_no
  LEFT JOIN names n ON n.alias = lower(s.device_model)
  LEFT JOIN rates r ON r.model_id = n.model_id
       AND r.valid_from <= s.started_at AND s.started_at < r.valid_until
  LEFT JOIN fleets g ON g.model_id = n.model_id
 CROSS JOIN LATERAL (SELECT CASE
           WHEN o.id IS NULL AND (%(livemode)s OR s.order_no <> %(test_order)s)
               THEN 'unknown_order'
           WHEN o.state NOT IN ('accepted', 'completed') THEN 'order_not_open'
           WHEN s.started_at < o.starts_at OR coalesce(s.ended_at, s.started_at) > o.ends_at
               THEN 'outside_order'
           WHEN s.started_at < v.valid_from OR coalesce(s.ended_at, s.started_at) > v.valid_until
               THEN 'outside_voucher'
           WHEN coalesce(s.ended_at, s.started_at) > %(latest)s THEN 'in_future'
           WHEN c.lost THEN 'unknown_corrected'
           WHEN c.late THEN 'already_corrected'
           WHEN c.waits THEN 'correction_waiting'
           ELSE ''
       END AS code) f
 CROSS JOIN LATERAL (SELECT CASE
           WHEN %(hold_reason)s <> '' THEN %(hold_reason)s
           WHEN n.model_id IS NULL THEN 'unknown_model'
           WHEN r.id IS NULL THEN 'no_rate'
           WHEN g.model_id IS NULL AND %(livemode)s THEN 'no_capacity'
           ELSE ''
       END AS reason) w
"""  # noqa: S608 - no outside text
JUDGE = _JUDGE.format(corrections=_NO_CORRECTIONS)
JUDGE_CORRECTIONS = _JUDGE.format(corrections=_CORRECTIONS)

# A correction of a correction that waits for two people cannot go ahead of it.
WAITING_TARGETS = """
UPDATE usage_judged c SET outcome = 'rejected', code = 'correction_waiting', hold_reason = ''
  FROM usage_judged t
 WHERE c.corrects <> '' AND t.record_id = c.corrects
   AND t.outcome = 'held' AND t.hold_reason = 'late_correction'
   AND c.outcome IN ('accepted', 'held', 'open', 'zero')
"""

# A correction of a record of the same batch stands only if that record does.
LOST_TARGETS = """
UPDATE usage_judged c SET outcome = 'rejected', code = 'unknown_corrected', hold_reason = ''
  FROM usage_judged t
 WHERE c.corrects <> '' AND t.record_id = c.corrects
   AND t.outcome IN ('rejected', 'conflict') AND t.stored_digest IS NULL
   AND c.outcome IN ('accepted', 'held', 'open', 'zero')
"""

# One running sum per model over the moments at which use or capacity changes: where use exceeds
# capacity, every row of this batch that touches the stretch has to wait. What a row of this
# batch corrects no longer counts. What is stored is looked up by its start: nearly all records
# last less than a day; the longer ones are looked for within a month before, as none of their
# parts lasts longer.
OVER_CAPACITY = """
WITH corrected AS (
    SELECT corrects FROM usage_judged
     WHERE %(corrections)s AND corrects <> '' AND outcome IN ('accepted', 'held', 'open', 'zero')
       AND hold_reason <> 'late_correction'
), mine AS (
    SELECT row_no, model_id, started_at, ended_at, device_count::bigint * share_milli AS used
      FROM usage_judged
     WHERE outcome = 'accepted' AND record_id NOT IN (SELECT corrects FROM corrected)
), span AS (
    SELECT model_id, min(started_at) AS first_at, max(ended_at) AS last_at FROM mine GROUP BY 1
), stored AS (
    SELECT model_id, started_at, ended_at, device_count, share_milli, record_id
      FROM providers_usagerecord
     WHERE provider_id = %(provider)s AND livemode AND state = 'accepted' AND counted
       AND started_at > (SELECT min(first_at) - interval '1 day' FROM span)
       AND started_at < (SELECT max(last_at) FROM span)
    UNION ALL
    SELECT model_id, started_at, ended_at, device_count, share_milli, record_id
      FROM providers_usagerecord
     WHERE provider_id = %(provider)s AND livemode AND state = 'accepted' AND counted
       AND ended_at - started_at >= interval '1 day'
       AND started_at > (SELECT min(first_at) - interval '32 days' FROM span)
       AND started_at <= (SELECT min(first_at) - interval '1 day' FROM span)
), theirs AS (
    SELECT u.model_id, u.started_at, u.ended_at, u.device_count::bigint * u.share_milli AS used
      FROM stored u JOIN span p ON p.model_id = u.model_id
     WHERE u.started_at < p.last_at AND u.ended_at > p.first_at
       AND u.record_id NOT IN (SELECT corrects FROM corrected)
), moments AS (
    SELECT model_id, started_at AS at, used AS change FROM mine
    UNION ALL SELECT model_id, ended_at, -used FROM mine
    UNION ALL SELECT model_id, started_at, used FROM theirs
    UNION ALL SELECT model_id, ended_at, -used FROM theirs
    UNION ALL
    SELECT c.model_id, c.valid_from, -1000 * c.device_count::bigint
      FROM providers_capacity c JOIN span USING (model_id)
     WHERE c.provider_id = %(provider)s AND c.state = 'approved'
    UNION ALL
    SELECT c.model_id, c.valid_until, 1000 * c.device_count::bigint
      FROM providers_capacity c JOIN span USING (model_id)
     WHERE c.provider_id = %(provider)s AND c.state = 'approved' AND c.valid_until IS NOT NULL
), steps AS (
    SELECT model_id, at, sum(change) AS change FROM moments GROUP BY 1, 2
), running AS (
    SELECT model_id, at, sum(change) OVER w AS excess, lead(at) OVER w AS until
      FROM steps WINDOW w AS (PARTITION BY model_id ORDER BY at)
), stretches AS (
    SELECT model_id, at, coalesce(until, 'infinity') AS until FROM running WHERE excess > 0
)
UPDATE usage_judged j SET outcome = 'held', hold_reason = 'over_capacity'
 WHERE j.outcome = 'accepted' AND EXISTS (
     SELECT 1 FROM stretches x
      WHERE x.model_id = j.model_id AND x.at < j.ended_at AND x.until > j.started_at)
"""

_GROSS = """CASE p.pricing_unit
        WHEN 'CARD_HOUR' THEN u.device_milli_seconds::numeric * p.price_fen / 3600000
        ELSE u.device_milli_seconds::numeric * u.gflops * p.price_fen / 3600000000000 END"""

# Rows whose running gross would go beyond what the order's hold can carry have to wait.
OVER_HOLD = f"""
WITH limited AS (
    SELECT DISTINCT order_id, gross_limit_fen FROM usage_judged
     WHERE outcome = 'accepted' AND gross_limit_fen IS NOT NULL
), before AS (
    SELECT l.order_id, coalesce(sum({_GROSS}), 0) AS gross
      FROM limited l
      LEFT JOIN providers_order o ON o.id = l.order_id
      LEFT JOIN providers_offeringprice p ON p.id = o.price_id
      LEFT JOIN providers_usagerecord u ON u.order_id = l.order_id AND u.counted AND u.livemode
     GROUP BY 1
), running AS (
    SELECT u.row_no, u.order_id, u.gross_limit_fen,
           sum({_GROSS}) OVER (PARTITION BY u.order_id
                               ORDER BY u.started_at, u.record_id) AS gross
      FROM usage_judged u JOIN providers_offeringprice p ON p.id = u.price_id
     WHERE u.outcome = 'accepted' AND u.gross_limit_fen IS NOT NULL
)
UPDATE usage_judged j SET outcome = 'held', hold_reason = 'over_hold'
  FROM running r JOIN before b USING (order_id)
 WHERE r.row_no = j.row_no AND r.gross + b.gross > r.gross_limit_fen
"""  # noqa: S608 - no outside text

# How many of each, and the months of use.
COUNTS = "SELECT outcome, month, count(*) FROM usage_judged GROUP BY 1, 2"

MONTHS = "SELECT DISTINCT month FROM usage_judged ORDER BY 1"

# Held records once more, in the shape of judged rows; the name of a row is its own id here.
HELD_AGAIN = f"""
INSERT INTO usage_judged (
    row_no, record_id, segment, device_count, share_milli, started_at, ended_at, month,
    device_milli_seconds, order_id, gross_limit_fen, price_id, model_id, rate_id, gflops, corrects,
    hold_reason, outcome)
{_REGISTRY})
SELECT u.id AS row_no, u.record_id, u.segment, u.device_count, u.share_milli, u.started_at,
       u.ended_at, u.month, u.device_milli_seconds, u.order_id, o.gross_limit_fen, o.price_id,
       n.model_id, r.id AS rate_id, r.gflops, ''::text AS corrects,
       CASE WHEN n.model_id IS NULL THEN 'unknown_model' WHEN r.id IS NULL THEN 'no_rate'
            WHEN g.model_id IS NULL THEN 'no_capacity' ELSE '' END AS hold_reason,
       CASE WHEN n.model_id IS NULL OR r.id IS NULL OR g.model_id IS NULL THEN 'held'
            ELSE 'accepted' END AS outcome
  FROM providers_usagerecord u
  JOIN providers_usagerecord first
    ON first.provider_id = u.provider_id AND first.livemode = u.livemode
   AND first.record_id = u.record_id AND first.segment = 0
  LEFT JOIN providers_order o ON o.id = u.order_id
  LEFT JOIN names n ON n.alias = lower(u.device_model)
  LEFT JOIN rates r ON r.model_id = n.model_id
       AND r.valid_from <= first.started_at AND first.started_at < r.valid_until
  LEFT JOIN fleets g ON g.model_id = n.model_id
 WHERE u.provider_id = %(provider)s AND u.livemode = %(livemode)s AND u.state = 'held'
   AND u.hold_reason NOT IN ('suspect_repeat', 'late_correction')
   AND (u.hold_reason <> 'under_review' OR NOT %(watched)s)
"""  # noqa: S608 - no outside text
