"""What a provider reports to the billing tests, without the upload that carries it."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from ledger.actors import Actor
from ledger.periods import Month
from providers import deciding
from providers.measures import split_use
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


def usage_rows(
    order: Order,
    *,
    first: int,
    count: int,
    at: datetime,
    hours: int,
    devices: int,
    state: str,
    settle_month: str,
    received_at: datetime,
    **more: Any,
) -> list[UsageRecord]:
    """Return equal records one after the other, cut at the ends of months; none is stored."""
    model = order.offering.model
    rate = model.rates.get(version=1)
    batch = empty_batch(order, received_at)
    counted = state == "accepted"
    step = timedelta(hours=hours) / count
    return [
        UsageRecord(
            provider=order.provider,
            livemode=True,
            record_id=f"r-{first + place}",
            segment=segment,
            batch=batch,
            row_no=place + 1,
            order=order,
            device_model=model.name,
            model=model,
            rate=rate if counted else None,
            gflops=rate.gflops if counted else None,
            device_count=devices,
            share_milli=1000,
            started_at=part.started_at,
            ended_at=part.ended_at,
            basis="allocated",
            content_digest=hashlib.sha256(str(first + place).encode()).digest(),
            month=str(part.month),
            settle_month=settle_month or str(part.month),
            device_milli_seconds=part.device_milli_seconds,
            state=state,
            hold_reason="" if counted else "unknown_model",
            counted=counted,
            received_at=received_at,
            **more,
        )
        for place in range(count)
        for segment, part in enumerate(
            split_use(
                at + step * place,
                at + step * (place + 1),
                device_count=devices,
                share_milli=1000,
            )
        )
    ]


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
