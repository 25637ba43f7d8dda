"""What a provider reports to the billing tests, without the upload that carries it."""

from datetime import datetime

from ledger.actors import Actor
from ledger.periods import Month
from providers import deciding
from providers.metering import blockers
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


def let_gaps_stand(month: Month, first: Actor, second: Actor, at: datetime) -> None:
    """Let two people agree that nothing is missing where nothing was reported."""
    for each in blockers(month):
        if each.kind == "gap":
            request = deciding.propose_request(
                each.provider, "waive", str(month), reason="测试：无缺报", actor=first, at=at
            )
            deciding.decide_request(request, agree=True, actor=second, at=at)
