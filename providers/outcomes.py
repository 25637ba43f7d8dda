"""How metered work was measured and how it ended, as sums: for rules that pay not for all of it."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

#: (order, rate, month of use) -> (basis, state of the job, device_milli_seconds).
Outcomes = dict[tuple[UUID, UUID, str], list[tuple[str, str, int]]]

_OUTCOMES = """
SELECT order_id, rate_id, month, basis, job_state, sum(device_milli_seconds)::bigint
  FROM providers_usagerecord
 WHERE counted AND livemode AND order_id = ANY (%s) AND settle_month = %s
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1, 2, 3, 4, 5
"""


def outcomes_of(orders: Collection[UUID], settle_month: str) -> Outcomes:
    """Return what counts in a settlement month for some orders, by basis and state of the job.

    Units: device-milli-seconds; corrections are set off against what they correct.
    """
    found: Outcomes = {}
    if not orders:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_OUTCOMES, [list(orders), settle_month])
        for order, rate, month, basis, state, amount in cursor.fetchall():
            found.setdefault((order, rate, month), []).append((basis, state, amount))
    return found
