"""Set statements behind the desk: a correction of a shut month carried out, a record refused.

The caller holds the transaction and has judged; here rows are moved and written, all or none.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from providers.models import Provider, UsageRecord
from providers.staging import moving_usage, settle_months

#: Reversals carry the segment of what they take back plus this.
REVERSALS_FROM = 1000


@dataclass(frozen=True)
class TakenBack:
    """Use of an earlier month that a correction takes back, by order, rate and month.

    Units: ``device_milli_seconds`` positive.
    """

    order_id: UUID
    gflops: int
    settled_in: str
    settles_in: str
    device_milli_seconds: int


# The reversal keeps the month of the use and settles where intake is open now.
_REVERSE = """
WITH gone AS (
    INSERT INTO providers_usagerecord (
        provider_id, livemode, record_id, segment, batch_id, row_no, order_id, device_model,
        model_id, rate_id, gflops, device_count, share_milli, started_at, ended_at, basis,
        job_state, job_ref, corrects, reason, content_digest, month, settle_month,
        device_milli_seconds, state, hold_reason, counted, received_at)
    SELECT u.provider_id, u.livemode, u.record_id, u.segment + 1000, %(batch)s, %(row_no)s,
           u.order_id, u.device_model, u.model_id, u.rate_id, u.gflops, u.device_count,
           u.share_milli, u.started_at, u.ended_at, u.basis, u.job_state, u.job_ref, '',
           %(reason)s, u.content_digest, u.month, m.settles_in, -u.device_milli_seconds,
           'reversal', '', true, %(at)s
      FROM providers_usagerecord u
      JOIN unnest(%(months)s::text[], %(settle_months)s::text[]) AS m(month, settles_in)
        ON m.month = u.settle_month
     WHERE u.provider_id = %(provider)s AND u.livemode AND u.record_id = %(target)s
       AND u.segment < 1000 AND u.counted
    RETURNING record_id, segment, order_id, gflops, settle_month, device_milli_seconds
)
SELECT g.order_id, g.gflops, b.settle_month, g.settle_month, -sum(g.device_milli_seconds)::bigint
  FROM gone g
  JOIN providers_usagerecord b
    ON b.provider_id = %(provider)s AND b.livemode AND b.record_id = g.record_id
   AND b.segment = g.segment - 1000
 GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 2
"""
_MOVE = """
UPDATE providers_usagerecord SET state = %(state)s, hold_reason = %(hold_reason)s
 WHERE provider_id = %(provider)s AND livemode AND record_id = %(record)s AND segment < 1000
"""
_ADVISORY = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


def stand_in_line(provider: Provider) -> None:
    """Wait for uploads of a provider that are being stored, and keep later ones waiting."""
    with connection.cursor() as cursor:
        cursor.execute(_ADVISORY, [f"usage/{provider.pk}/True"])


def parts_of(provider: Provider, record_id: str) -> list[UsageRecord]:
    """Return the parts of a record that counts or waits, the first first."""
    found = UsageRecord.objects.filter(
        provider=provider, livemode=True, record_id=record_id, segment__lt=REVERSALS_FROM
    )
    return list(found.order_by("segment"))


def take_back(correction: UsageRecord, *, at: datetime) -> list[TakenBack]:
    """Take back what a correction replaces and let the correction wait for its rate alone.

    Writes: reversal rows in the open month, the old record superseded, the correction no longer
        waiting for people: ``zero`` when it states nothing, else held until judged again.
    """
    target = parts_of(correction.provider, correction.corrects)
    months = sorted({each.settle_month for each in target})
    facts: dict[str, Any] = {
        "provider": correction.provider_id,
        "record": correction.corrects,
        "target": correction.corrects,
        "batch": correction.batch_id,
        "row_no": correction.row_no,
        "reason": correction.reason,
        "at": at,
        "months": months,
        "settle_months": [str(each) for each in settle_months(months)],
    }
    stated = sum(
        each.device_milli_seconds for each in parts_of(correction.provider, correction.record_id)
    )
    with connection.cursor() as cursor:
        cursor.execute(_REVERSE, facts)
        gone = [TakenBack(*line) for line in cursor.fetchall()]
        _move(correction.provider, correction.corrects, "superseded", "")
        if stated:
            _move(correction.provider, correction.record_id, "held", "no_rate")
        else:
            _move(correction.provider, correction.record_id, "zero", "")
    return gone


def refuse_record(provider: Provider, record_id: str) -> None:
    """Mark a waiting record as refused for good; its content stays."""
    _move(provider, record_id, "refused", "")


def clear_suspects(provider: Provider, batch: str) -> None:
    """Let the suspected repeats of a batch wait for nothing but the next judging."""
    with moving_usage(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE providers_usagerecord SET hold_reason = 'no_rate' WHERE provider_id = %s"
            " AND batch_id = %s AND livemode AND state = 'held' AND hold_reason = 'suspect_repeat'",
            [provider.pk, batch],
        )


def _move(provider: Provider, record_id: str, state: str, hold_reason: str) -> None:
    facts: dict[str, Any] = {
        "provider": provider.pk,
        "record": record_id,
        "state": state,
        "hold_reason": hold_reason,
    }
    with moving_usage(), connection.cursor() as cursor:
        cursor.execute(_MOVE, facts)
