"""The statements by which a batch is judged and stored, one text each.

Read in this order: STAGE (tables), JUDGE (what is each row), LOST_TARGETS, OVER_CAPACITY and
OVER_HOLD (what must wait after all), COUNTS, LEFT_OUT, INSERT_USAGE, REVERSE, SUPERSEDE, SUMS.
"""

STAGE = (
    """
CREATE TEMP TABLE usage_stage (
    row_no int, record_id text, order_no text, device_model text, device_count int,
    share_milli smallint, started_at timestamptz, ended_at timestamptz, basis text,
    job_state text, job_ref text, utilisation_pct numeric, energy_kwh numeric,
    device_seconds numeric, corrects text, reason text, digest bytea, month text,
    device_milli_seconds bigint
) ON COMMIT DROP""",
    """
CREATE TEMP TABLE usage_part (
    row_no int, segment smallint, started_at timestamptz, ended_at timestamptz, month text,
    device_milli_seconds bigint
) ON COMMIT DROP""",
)
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

# One row per staged record: what it is, and everything that storing needs. The order of the
# questions matters: known ids first, then faults, then what it waits for.
JUDGE = f"""
CREATE TEMP TABLE usage_judged ON COMMIT DROP AS
{_REGISTRY}), repeats AS (
    SELECT record_id, min(row_no) AS first_row, count(DISTINCT digest) > 1 AS differ
      FROM usage_stage GROUP BY record_id HAVING count(*) > 1
), corrections AS (
    SELECT s.row_no,
           t.id IS NULL AND m.row_no IS NULL AS lost,
           t.state = 'superseded' OR t.state = 'reversal'
               OR row_number() OVER (PARTITION BY s.corrects ORDER BY s.record_id) > 1 AS late,
           t.counted AND EXISTS (
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
)
SELECT s.*, o.id AS order_id, o.gross_limit_fen, o.price_id, n.model_id, r.id AS rate_id, r.gflops,
       k.content_digest AS stored_digest,
       CASE
           WHEN k.content_digest = s.digest THEN 'duplicate'
           WHEN k.record_id IS NOT NULL THEN 'conflict'
           WHEN i.differ THEN 'conflict'
           WHEN i.first_row < s.row_no THEN 'duplicate'
           WHEN f.code <> '' THEN 'rejected'
           WHEN s.ended_at IS NULL THEN 'open'
           WHEN s.device_milli_seconds = 0 THEN 'zero'
           WHEN w.reason <> '' THEN 'held'
           ELSE 'accepted'
       END AS outcome,
       f.code,
       CASE WHEN s.ended_at IS NULL OR s.device_milli_seconds = 0 THEN '' ELSE w.reason END
           AS hold_reason
  FROM usage_stage s
  LEFT JOIN providers_usageidentity k
    ON k.provider_id = %(provider)s AND k.livemode = %(livemode)s
   AND k.record_id = s.record_id AND k.segment = 0
  LEFT JOIN repeats i ON i.record_id = s.record_id
  LEFT JOIN providers_order o ON o.provider_id = %(provider)s AND o.order_no = s.order_no
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
           WHEN coalesce(s.ended_at, s.started_at) > %(latest)s THEN 'in_future'
           WHEN c.lost THEN 'unknown_corrected'
           WHEN c.late THEN 'already_corrected'
           WHEN c.closed THEN 'month_closed'
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
# batch corrects no longer counts.
OVER_CAPACITY = """
WITH mine AS (
    SELECT row_no, model_id, started_at, ended_at, device_count::bigint * share_milli AS used
      FROM usage_judged
     WHERE outcome = 'accepted'
       AND record_id NOT IN (SELECT corrects FROM usage_judged
                              WHERE outcome IN ('accepted', 'held', 'open', 'zero'))
), span AS (
    SELECT model_id, min(started_at) AS first_at, max(ended_at) AS last_at FROM mine GROUP BY 1
), theirs AS (
    SELECT u.model_id, u.started_at, u.ended_at, u.device_count::bigint * u.share_milli AS used
      FROM providers_usagerecord u JOIN span p ON p.model_id = u.model_id
     WHERE u.provider_id = %(provider)s AND u.livemode AND u.state = 'accepted' AND u.counted
       AND u.started_at < p.last_at AND u.ended_at > p.first_at
       AND u.record_id NOT IN (SELECT corrects FROM usage_judged
                                WHERE outcome IN ('accepted', 'held', 'open', 'zero'))
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

COUNTS = "SELECT outcome, count(*) FROM usage_judged GROUP BY 1"

_GIVEN = """jsonb_strip_nulls(jsonb_build_object(
        'record_id', record_id, 'order_no', order_no, 'device_model', device_model,
        'device_count', device_count::text, 'share_milli', share_milli::text,
        'started_at', to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'ended_at', to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'basis', basis, 'job_state', nullif(job_state, ''), 'job_ref', nullif(job_ref, ''),
        'utilisation_pct', utilisation_pct::text, 'energy_kwh', energy_kwh::text,
        'device_seconds', device_seconds::text, 'corrects', nullif(corrects, ''),
        'reason', nullif(reason, '')))"""

LEFT_OUT = f"""
INSERT INTO providers_batchrow (batch_id, row_no, outcome, record_id, faults, given)
SELECT %(batch)s, row_no, outcome, record_id,
       CASE outcome
           WHEN 'duplicate' THEN '[]'::jsonb
           WHEN 'conflict' THEN jsonb_build_array(jsonb_build_object(
               'column', 'record_id', 'code', 'record_conflict', 'value', record_id,
               'stored_digest', encode(stored_digest, 'hex'),
               'given_digest', encode(digest, 'hex')))
           ELSE jsonb_build_array(jsonb_build_object(
               'code', code,
               'column', CASE WHEN code IN ('unknown_order', 'order_not_open') THEN 'order_no'
                              WHEN code IN ('outside_order', 'in_future') THEN
                                  CASE WHEN ended_at IS NULL THEN 'started_at' ELSE 'ended_at' END
                              ELSE 'corrects' END,
               'value', CASE WHEN code IN ('unknown_order', 'order_not_open') THEN order_no
                             WHEN code IN ('outside_order', 'in_future')
                                 THEN to_char(coalesce(ended_at, started_at)
                                              AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                             ELSE corrects END))
       END,
       CASE outcome WHEN 'duplicate' THEN '{{}}'::jsonb ELSE {_GIVEN} END
  FROM usage_judged
 WHERE outcome IN ('duplicate', 'conflict', 'rejected')
 ORDER BY row_no
"""  # noqa: S608 - no outside text

CONFLICTS = f"""
INSERT INTO providers_usageconflict (provider_id, livemode, record_id, batch_id, row_no, month,
                                     stored_digest, given_digest, given, resolved_by, resolution)
SELECT %(provider)s, %(livemode)s, record_id, %(batch)s, row_no, month, stored_digest, digest,
       {_GIVEN}, '', ''
  FROM usage_judged WHERE outcome = 'conflict' ORDER BY row_no
"""  # noqa: S608 - no outside text

MONTHS = "SELECT month FROM usage_judged UNION SELECT month FROM usage_part ORDER BY 1"

INSERT_USAGE = """
INSERT INTO providers_usagerecord (
    provider_id, livemode, record_id, segment, batch_id, row_no, order_id, device_model, model_id,
    rate_id, gflops, device_count, share_milli, started_at, ended_at, basis, job_state, job_ref,
    utilisation_pct, energy_kwh, declared_device_seconds, corrects, reason, content_digest, month,
    settle_month, device_milli_seconds, state, hold_reason, counted, received_at)
SELECT %(provider)s, %(livemode)s, j.record_id, coalesce(p.segment, 0), %(batch)s, j.row_no,
       j.order_id, j.device_model, j.model_id, j.rate_id, j.gflops, j.device_count, j.share_milli,
       coalesce(p.started_at, j.started_at), coalesce(p.ended_at, j.ended_at), j.basis,
       j.job_state, j.job_ref, j.utilisation_pct, j.energy_kwh, j.device_seconds, j.corrects,
       j.reason, j.digest, coalesce(p.month, j.month), m.settle_month,
       coalesce(p.device_milli_seconds, j.device_milli_seconds), j.outcome, j.hold_reason,
       j.outcome = 'accepted', %(received_at)s
  FROM usage_judged j
  LEFT JOIN usage_part p ON p.row_no = j.row_no
  JOIN unnest(%(months)s::text[], %(settle_months)s::text[]) AS m(month, settle_month)
    ON m.month = coalesce(p.month, j.month)
 WHERE j.outcome IN ('accepted', 'held', 'open', 'zero')
"""

# Few among many: named apart so that they are looked up by index, not by reading everything.
_TARGETS = """WITH targets AS MATERIALIZED (
    SELECT row_no, corrects, reason FROM usage_judged
     WHERE corrects <> '' AND outcome IN ('accepted', 'held', 'open', 'zero')
)"""
# What a correction replaces: a row of its own takes it back, in the month where it settled.
REVERSE = f"""
{_TARGETS}
INSERT INTO providers_usagerecord (
    provider_id, livemode, record_id, segment, batch_id, row_no, order_id, device_model, model_id,
    rate_id, gflops, device_count, share_milli, started_at, ended_at, basis, job_state, job_ref,
    corrects, reason, content_digest, month, settle_month, device_milli_seconds, state,
    hold_reason, counted, received_at)
SELECT u.provider_id, u.livemode, u.record_id, u.segment + 1000, %(batch)s, j.row_no, u.order_id,
       u.device_model, u.model_id, u.rate_id, u.gflops, u.device_count, u.share_milli,
       u.started_at, u.ended_at, u.basis, u.job_state, u.job_ref, '', j.reason, u.content_digest,
       u.month, u.settle_month, -u.device_milli_seconds, 'reversal', '', true, %(received_at)s
  FROM targets j
  JOIN providers_usagerecord u
    ON u.provider_id = %(provider)s AND u.livemode = %(livemode)s
   AND u.record_id = j.corrects AND u.segment < 1000
 WHERE u.counted
"""  # noqa: S608 - no outside text
SUPERSEDE = f"""
{_TARGETS}
UPDATE providers_usagerecord u SET state = 'superseded', hold_reason = ''
  FROM targets j
 WHERE u.provider_id = %(provider)s AND u.livemode = %(livemode)s
   AND u.record_id = j.corrects AND u.segment < 1000
"""  # noqa: S608 - no outside text

SUMS = """
SELECT u.order_id, coalesce(o.order_no, ''), u.settle_month, coalesce(p.pricing_unit, ''),
       coalesce(p.price_fen, 0), u.gflops,
       coalesce(sum(u.device_milli_seconds) FILTER (WHERE u.segment < 1000), 0)::bigint,
       coalesce(-sum(u.device_milli_seconds) FILTER (WHERE u.segment >= 1000), 0)::bigint
  FROM providers_usagerecord u
  LEFT JOIN providers_order o ON o.id = u.order_id
  LEFT JOIN providers_offeringprice p ON p.id = o.price_id
 WHERE u.batch_id = %(batch)s AND u.counted
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY 2, 3, 6
"""

# Held records once more, in the shape of judged rows; the name of a row is its own id here.
HELD_AGAIN = f"""
CREATE TEMP TABLE usage_judged ON COMMIT DROP AS
{_REGISTRY})
SELECT u.id AS row_no, u.record_id, u.segment, u.device_count, u.share_milli, u.started_at,
       u.ended_at, u.month, u.device_milli_seconds, u.order_id, o.gross_limit_fen, o.price_id,
       n.model_id, r.id AS rate_id, r.gflops, ''::text AS corrects, u.hold_reason::text,
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
   AND (%(suspects)s OR u.hold_reason <> 'suspect_repeat')
"""  # noqa: S608 - no outside text

# A record goes only as a whole: if one of its parts still waits, all of them do.
LET_GO = """
WITH whole AS (
    SELECT record_id FROM usage_judged GROUP BY 1 HAVING bool_and(outcome = 'accepted')
), gone AS (
    UPDATE providers_usagerecord u
       SET state = 'accepted', hold_reason = '', counted = true, model_id = j.model_id,
           rate_id = j.rate_id, gflops = j.gflops, settle_month = m.settle_month
      FROM usage_judged j
      JOIN whole w ON w.record_id = j.record_id
      JOIN unnest(%(months)s::text[], %(settle_months)s::text[]) AS m(month, settle_month)
        ON m.month = j.month
     WHERE u.id = j.row_no
    RETURNING u.order_id, u.settle_month, u.gflops, u.device_milli_seconds, u.segment
)
SELECT g.order_id, coalesce(o.order_no, ''), g.settle_month, coalesce(p.pricing_unit, ''),
       coalesce(p.price_fen, 0), g.gflops, sum(g.device_milli_seconds)::bigint, 0::bigint,
       count(*) FILTER (WHERE g.segment = 0)
  FROM gone g
  LEFT JOIN providers_order o ON o.id = g.order_id
  LEFT JOIN providers_offeringprice p ON p.id = o.price_id
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY 2, 3, 6
"""
