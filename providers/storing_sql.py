"""The statements by which a judged batch is stored, one text each; ``staging_sql`` has the others.

Read in this order: LEFT_OUT, CONFLICTS, INSERT_USAGE, REVERSE, SUPERSEDE; LET_GO releases what was
held. All read ``usage_judged``; those that store usage give back what counts of it. KNOWN_ROWS
stands instead of all of them for bytes that were taken before.
"""

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
                              WHEN code IN ('outside_order', 'outside_voucher', 'in_future') THEN
                                  CASE WHEN ended_at IS NULL THEN 'started_at' ELSE 'ended_at' END
                              ELSE 'corrects' END,
               'value', CASE WHEN code IN ('unknown_order', 'order_not_open') THEN order_no
                             WHEN code IN ('outside_order', 'outside_voucher', 'in_future')
                                 THEN to_char(coalesce(ended_at, started_at)
                                              AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                             ELSE corrects END))
       END,
       CASE outcome WHEN 'duplicate' THEN '{{}}'::jsonb ELSE {_GIVEN} END
  FROM usage_judged
 WHERE outcome IN ('duplicate', 'conflict', 'rejected')
 ORDER BY row_no
"""  # noqa: S608 - no outside text

# The rows of an upload whose very bytes were taken before: each of them is known.
KNOWN_ROWS = """
INSERT INTO providers_batchrow (batch_id, row_no, outcome, record_id, faults, given)
SELECT %(batch)s, row_no, 'duplicate', record_id, '[]', '{}'
  FROM (SELECT row_no, record_id FROM providers_usagerecord
         WHERE batch_id = %(earlier)s AND segment = 0
         UNION ALL
        SELECT row_no, record_id FROM providers_batchrow WHERE batch_id = %(earlier)s) rows
 ORDER BY row_no
"""

CONFLICTS = f"""
INSERT INTO providers_usageconflict (provider_id, livemode, record_id, batch_id, row_no, month,
                                     stored_digest, given_digest, given, resolved_by, resolution)
SELECT %(provider)s, %(livemode)s, record_id, %(batch)s, row_no, month, stored_digest, digest,
       {_GIVEN}, '', ''
  FROM usage_judged WHERE outcome = 'conflict' ORDER BY row_no
"""  # noqa: S608 - no outside text

PART_MONTHS = """
SELECT DISTINCT p.month FROM usage_part p JOIN usage_judged j ON j.row_no = p.row_no
 WHERE j.outcome IN ('accepted', 'held')
"""

# What counts of the rows just stored, by order, rate and settlement month (``staging.Sum``).
_SUMS = """
SELECT g.order_id, coalesce(o.order_no, ''), g.settle_month, coalesce(p.pricing_unit, ''),
       coalesce(p.price_fen, 0), g.gflops,
       coalesce(sum(g.device_milli_seconds) FILTER (WHERE g.segment < 1000), 0)::bigint,
       coalesce(-sum(g.device_milli_seconds) FILTER (WHERE g.segment >= 1000), 0)::bigint,
       count(*) FILTER (WHERE g.segment = 0)
  FROM stored g
  LEFT JOIN providers_order o ON o.id = g.order_id
  LEFT JOIN providers_offeringprice p ON p.id = o.price_id
 WHERE g.counted
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY 2, 3, 6
"""
_STORED = "RETURNING order_id, settle_month, gflops, device_milli_seconds, segment, counted"

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
# What counts of them, from the judged rows: handing 100,000 rows on costs more than asking again.
SUMS = f"""
WITH stored AS (
    SELECT j.order_id, m.settle_month, j.gflops, coalesce(p.segment, 0) AS segment, true AS counted,
           coalesce(p.device_milli_seconds, j.device_milli_seconds) AS device_milli_seconds
      FROM usage_judged j
      LEFT JOIN usage_part p ON p.row_no = j.row_no
      JOIN unnest(%(months)s::text[], %(settle_months)s::text[]) AS m(month, settle_month)
        ON m.month = coalesce(p.month, j.month)
     WHERE j.outcome = 'accepted')
{_SUMS}
"""  # noqa: S608 - no outside text

# Few among many: named apart so that they are looked up by index, not by reading everything.
_TARGETS = """WITH targets AS MATERIALIZED (
    SELECT row_no, corrects, reason FROM usage_judged
     WHERE corrects <> '' AND outcome IN ('accepted', 'held', 'open', 'zero')
       AND hold_reason <> 'late_correction'
)"""
# What a correction replaces: a row of its own takes it back, in the month where it settled.
REVERSE = f"""
{_TARGETS}, stored AS (
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
{_STORED})
{_SUMS}
"""  # noqa: S608 - no outside text
SUPERSEDE = f"""
{_TARGETS}
UPDATE providers_usagerecord u SET state = 'superseded', hold_reason = ''
  FROM targets j
 WHERE u.provider_id = %(provider)s AND u.livemode = %(livemode)s
   AND u.record_id = j.corrects AND u.segment < 1000
"""  # noqa: S608 - no outside text

# What still waits says for what it waits now, which may be another thing than before.
WAIT_ON = """
UPDATE providers_usagerecord u SET hold_reason = w.hold_reason
  FROM (SELECT record_id, max(hold_reason) AS hold_reason FROM usage_judged
         WHERE outcome = 'held' GROUP BY 1) w
 WHERE u.provider_id = %(provider)s AND u.livemode = %(livemode)s
   AND u.record_id = w.record_id AND u.segment < 1000 AND u.state = 'held'
   AND u.hold_reason <> w.hold_reason
"""

# A record goes only as a whole: if one of its parts still waits, all of them do.
LET_GO = f"""
WITH whole AS (
    SELECT record_id FROM usage_judged GROUP BY 1 HAVING bool_and(outcome = 'accepted')
), stored AS (
    UPDATE providers_usagerecord u
       SET state = 'accepted', hold_reason = '', counted = true, model_id = j.model_id,
           rate_id = j.rate_id, gflops = j.gflops, settle_month = m.settle_month
      FROM usage_judged j
      JOIN whole w ON w.record_id = j.record_id
      JOIN unnest(%(months)s::text[], %(settle_months)s::text[]) AS m(month, settle_month)
        ON m.month = j.month
     WHERE u.id = j.row_no AND u.provider_id = %(provider)s AND u.livemode AND u.state = 'held'
    RETURNING u.order_id, u.settle_month, u.gflops, u.device_milli_seconds, u.segment, u.counted
)
{_SUMS}
"""  # noqa: S608 - no outside text
