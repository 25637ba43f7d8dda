"""What looks odd in the counted usage of a month, each kind one set statement over the records.

The statements only add findings that are not there yet; what they found is never changed. The
figures from which on something is odd stand in ``oddities.toml``.

Source: metering specification, sections 2 (natural key), 3 and 5.
"""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from ledger.periods import Month

with (Path(__file__).parent / "oddities.toml").open("rb") as _file:
    THRESHOLDS: dict[str, int] = tomllib.load(_file)

_ADD = """
INSERT INTO providers_finding (kind, provider_id, month, subject, records, figures, found_at)
SELECT %(kind)s, provider_id, %(month)s, left(subject, 200), to_jsonb(records[1:%(named)s]),
       figures, %(at)s
  FROM ({found}) found
    ON CONFLICT (provider_id, kind, month, subject) DO NOTHING
"""
_COUNTED = "u.livemode AND u.state = 'accepted' AND u.month = %(month)s AND u.segment = 0"

_HIGH_UTILISATION = f"""
SELECT u.provider_id, m.key AS subject,
       array_agg(u.record_id ORDER BY u.utilisation_pct DESC, u.record_id) AS records,
       jsonb_build_object('records', count(*)::text,
                          'highest_pct', trim_scale(max(u.utilisation_pct))::text,
                          'threshold_pct', %(utilisation_pct)s::text) AS figures
  FROM providers_usagerecord u JOIN providers_acceleratormodel m ON m.id = u.model_id
 WHERE {_COUNTED} AND u.utilisation_pct > %(utilisation_pct)s
 GROUP BY 1, 2
"""  # noqa: S608 - no outside text
_NEVER_VARIES = f"""
SELECT d.provider_id, m.key AS subject, ARRAY[]::text[] AS records,
       jsonb_build_object('days', count(*)::text, 'device_milli_seconds_a_day',
                          max(d.used)::text) AS figures
  FROM (SELECT u.provider_id, u.model_id, (u.started_at AT TIME ZONE 'Asia/Shanghai')::date,
               sum(u.device_milli_seconds) AS used
          FROM providers_usagerecord u WHERE {_COUNTED} GROUP BY 1, 2, 3) d
  JOIN providers_acceleratormodel m ON m.id = d.model_id
 GROUP BY 1, 2
HAVING count(*) >= %(same_days)s AND min(d.used) = max(d.used) AND max(d.used) > 0
"""  # noqa: S608 - no outside text
_DECLARED_DIFFERS = """
SELECT provider_id, order_no AS subject,
       array_agg(record_id ORDER BY abs(declared - computed) DESC, record_id) AS records,
       jsonb_build_object('records', count(*)::text,
                          'declared_device_seconds', trim_scale(sum(declared))::text,
                          'computed_device_seconds', trim_scale(sum(computed))::text) AS figures
  FROM (SELECT u.provider_id, o.order_no, u.record_id,
               max(u.declared_device_seconds) AS declared,
               sum(w.device_milli_seconds) / 1000 AS computed
          FROM providers_usagerecord u
          JOIN providers_order o ON o.id = u.order_id
          JOIN providers_usagerecord w
            ON w.provider_id = u.provider_id AND w.livemode AND w.record_id = u.record_id
           AND w.segment < 1000
         WHERE u.livemode AND u.state = 'accepted' AND u.month = %(month)s AND u.segment = 0
           AND u.declared_device_seconds IS NOT NULL
         GROUP BY 1, 2, 3) told
 WHERE abs(declared - computed) > %(declared_seconds)s
 GROUP BY 1, 2
"""
_JUMP = """
SELECT provider_id, subject, ARRAY[]::text[] AS records,
       jsonb_build_object('before', before::text, 'now', used::text,
                          'factor', %(jump_factor)s::text) AS figures
  FROM (SELECT u.provider_id, {subject} AS subject,
               coalesce(sum(u.device_milli_seconds) FILTER (WHERE u.month = %(before)s), 0)
                   AS before,
               coalesce(sum(u.device_milli_seconds) FILTER (WHERE u.month = %(month)s), 0)
                   AS used
          FROM providers_usagerecord u
          {join}
         WHERE u.livemode AND u.counted AND u.month IN (%(before)s, %(month)s)
         GROUP BY 1, 2) sums
 WHERE before > 0 AND greatest(before, used) >= %(jump_card_hours)s::bigint * 3600000
   AND (used >= before * %(jump_factor)s
        OR %(is_over)s AND used * %(jump_factor)s <= before)
"""
_MONTH_JUMP = _JUMP.format(
    subject="m.key", join="JOIN providers_acceleratormodel m ON m.id = u.model_id"
)
_ORDER_JUMP = _JUMP.format(subject="m.order_no", join="JOIN providers_order m ON m.id = u.order_id")
# The natural key: the same job of the same order from the same moment, under another number.
_POSSIBLE_DUPLICATE = f"""
SELECT u.provider_id, concat_ws(' ', o.order_no, u.job_ref, to_char(
           u.started_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS')) AS subject,
       array_agg(u.record_id ORDER BY u.record_id) AS records,
       jsonb_build_object('records', count(*)::text, 'device_milli_seconds',
                          sum(u.device_milli_seconds)::text) AS figures
  FROM providers_usagerecord u JOIN providers_order o ON o.id = u.order_id
 WHERE {_COUNTED} AND u.job_ref <> ''
 GROUP BY u.provider_id, o.order_no, u.job_ref, u.started_at HAVING count(*) > 1
"""  # noqa: S608 - no outside text
# A sweep: a record overlaps when anything of the job that began before it has not ended yet.
JOB_OVERLAPS = """
SELECT provider_id, order_id, job_ref, record_id, started_at
  FROM (SELECT u.*, max(u.ended_at) OVER (
                   PARTITION BY u.provider_id, u.order_id, u.job_ref
                   ORDER BY u.started_at, u.record_id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS busy_until
          FROM providers_usagerecord u
         WHERE u.livemode AND u.state = 'accepted' AND u.month = %(month)s AND u.segment < 1000
           AND u.job_ref <> '') running
 WHERE busy_until > started_at
"""
_JOB_OVERLAP = f"""
SELECT l.provider_id, concat_ws(' ', o.order_no, l.job_ref) AS subject,
       array_agg(l.record_id ORDER BY l.started_at, l.record_id) AS records,
       jsonb_build_object('records', count(*)::text) AS figures
  FROM ({JOB_OVERLAPS}) l JOIN providers_order o ON o.id = l.order_id
 GROUP BY 1, 2
"""  # noqa: S608 - no outside text
KINDS: dict[str, str] = {
    "high_utilisation": _HIGH_UTILISATION,
    "never_varies": _NEVER_VARIES,
    "declared_differs": _DECLARED_DIFFERS,
    "month_jump": _MONTH_JUMP,
    "order_jump": _ORDER_JUMP,
    "possible_duplicate": _POSSIBLE_DUPLICATE,
    "job_overlap": _JOB_OVERLAP,
}


def add_findings(month: Month, *, at: datetime) -> dict[str, int]:
    """Write down what looks odd in a month and was not found before; return how many by kind.

    A fall against the month before is told once the month is over, a rise at once.

    Writes: findings.
    """
    facts: dict[str, Any] = {
        **THRESHOLDS,
        "month": str(month),
        "before": str(month.previous()),
        "is_over": at >= month.end_at,
        "named": THRESHOLDS["records_named"],
        "at": at,
    }
    found = {}
    with connection.cursor() as cursor:
        for kind, statement in KINDS.items():
            cursor.execute(_ADD.format(found=statement), facts | {"kind": kind})
            found[kind] = cursor.rowcount
    return found
