"""Which batches came under a key that others may have had, and in which open months they count.

A batch is flagged by two moments alone: when it came, and since when its key was compromised. So
the flagged set is exact at any time, whoever moves the date back.
"""

from uuid import UUID

from django.db import connection

from ledger.periods import Month
from providers.models import UsageBatch

_SUSPECT = """
SELECT b.provider_id, count(DISTINCT b.id)
  FROM providers_usagebatch b
  JOIN providers_providerkey k ON k.id = b.key_id AND b.received_at >= k.compromised_since
  LEFT JOIN providers_batchclearance c ON c.batch_id = b.id
 WHERE b.livemode AND c.batch_id IS NULL
   AND EXISTS (SELECT 1 FROM providers_usagerecord u
                WHERE u.batch_id = b.id AND u.counted AND u.settle_month = %s)
 GROUP BY 1 ORDER BY 1
"""


def suspect_batches(month: Month) -> list[tuple[UUID, int]]:
    """Return (provider, batches) that are flagged, uncleared, and count for a month."""
    with connection.cursor() as cursor:
        cursor.execute(_SUSPECT, [str(month)])
        return [(provider, count) for provider, count in cursor.fetchall()]


def flagged() -> "list[UsageBatch]":
    """Return flagged batches that nobody has cleared, the oldest first."""
    found = UsageBatch.objects.suspect().live().filter(clearance__isnull=True)
    return list(found.select_related("provider", "key").order_by("received_at", "id"))
