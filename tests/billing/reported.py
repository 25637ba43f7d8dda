"""What a provider reports to the billing tests, without the upload that carries it."""

from datetime import datetime

from providers.models import Order, UsageBatch


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
