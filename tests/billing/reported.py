"""What a provider reports to the billing tests, without the upload that carries it."""

from datetime import datetime

from ledger.periods import Month
from providers.models import Order, UsageBatch, UsageRecord
from providers.staging import open_months


def empty_batch(order: Order, received_at: datetime) -> UsageBatch:
    """Make the batch that reported records came in."""
    return UsageBatch.objects.create(
        provider=order.provider,
        livemode=True,
        on_error="accept_valid",
        content_type="text/csv",
        body_sha256="0" * 64,
        body_size=1,
        received_at=received_at,
    )


def store_usage(rows: list[UsageRecord]) -> None:
    """Store records as they are, in the months where they settle."""
    open_months(Month.parse(row.settle_month) for row in rows)
    UsageRecord.objects.bulk_create(rows)
