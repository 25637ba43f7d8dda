"""Fill the usage tables with a month of records by one statement, for tests and benchmarks.

What an upload would have stored, without decoding and judging it: accepted, counted, rated records
in the parts of their months, and per provider the posting of what was metered. The identities that
uploads look at are left out; nothing that closes a month reads them. World's own ``use`` takes
records one by one and is right for a few.
"""

from datetime import datetime, timedelta

from django.db import connection

from ledger.chart import TransferCode, metered, unmatched
from ledger.periods import Month
from providers.models import Order
from providers.staging import open_months
from tests.billing.reported import empty_batch
from tests.billing.world import World

RECEIVED = timedelta(hours=2)

# Records go round the orders; those of one order follow each other and never overlap.
_RECORDS = """
INSERT INTO providers_usagerecord (
    provider_id, livemode, record_id, segment, batch_id, row_no, order_id, device_model, model_id,
    rate_id, gflops, device_count, share_milli, started_at, ended_at, basis, job_state, job_ref,
    corrects, reason, content_digest, month, settle_month, device_milli_seconds, state,
    hold_reason, counted, received_at)
SELECT o.provider_id, true, 'l-' || n, 0, b.batch_id, n, o.id, m.name, m.id, r.id, r.gflops,
       1 + n %% 7, 1000, begins.at, begins.at + %(length)s, 'allocated', '', '', '', '',
       sha256(n::text::bytea), %(month)s, %(month)s,
       (1 + n %% 7) * %(length_ms)s, 'accepted', '', true, %(received)s
  FROM generate_series(0, %(size)s - 1) n
  JOIN (SELECT *, row_number() OVER (ORDER BY order_no) - 1 AS place, count(*) OVER () AS orders
          FROM providers_order WHERE id = ANY (%(orders)s)) o ON o.place = n %% o.orders
  JOIN unnest(%(providers)s::uuid[], %(batches)s::uuid[]) AS b(provider_id, batch_id)
    ON b.provider_id = o.provider_id
  JOIN providers_offering f ON f.id = o.offering_id
  JOIN providers_acceleratormodel m ON m.id = f.model_id
  JOIN providers_acceleratorrate r ON r.model_id = m.id
 CROSS JOIN LATERAL (
    SELECT %(start)s + %(step)s * (n / o.orders)::double precision AS at) begins
"""
_METERED = """
SELECT provider_id, div(sum(device_milli_seconds::numeric * gflops) + 999, 1000)::bigint
  FROM providers_usagerecord WHERE livemode AND counted AND settle_month = %s
 GROUP BY 1 ORDER BY 1
"""


def load_usage(
    world: World,
    orders: list[Order],
    size: int,
    *,
    month: Month,
    length: timedelta,
    at: datetime,
    step: timedelta | None = None,
) -> None:
    """Store ``size`` records of one length each, one to seven devices, over these orders.

    Args:
        step: from the start of one record of an order to that of its next; one length if left out.
    """
    open_months([month])
    batches = {each.provider_id: empty_batch(each, at) for each in orders}
    facts = {
        "orders": [each.pk for each in orders],
        "providers": list(batches),
        "batches": [each.pk for each in batches.values()],
        "size": size,
        "month": str(month),
        "start": month.start_at,
        "length": length,
        "step": step or length,
        "length_ms": length // timedelta(milliseconds=1),
        "received": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORDS, facts)
        cursor.execute(_METERED, [str(month)])
        used = cursor.fetchall()
    for provider_id, work in used:
        there, here = metered(str(provider_id), str(month)), unmatched(str(provider_id), str(month))
        world.book("metering.batch", ((there, here, work, TransferCode.METER),), at)
