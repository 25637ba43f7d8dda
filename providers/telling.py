"""Tell providers what happened: webhooks, what is told to whom, and sending again on demand.

What is told is written in the transaction of what happened; a worker delivers it (``delivering``).
Only numbers and counts are told, never personal data; who wants more asks the interface.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from ledger import audit, work
from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.refusals import Refused
from providers.keying import WARNED_BEFORE
from providers.models import (
    Provider,
    ProviderKey,
    UsageBatch,
    UsageRecord,
    Webhook,
    WebhookDelivery,
)
from providers.webhook_rules import EVENTS, AddressRefused, check_url, key_of, public_text

WORK_KIND = "webhook.deliver"
MOST_WEBHOOKS = 10
_IDS_TOLD = 100


@transaction.atomic
def add_webhook(
    provider: Provider, url: str, events: list[str], *, actor: Actor, at: datetime
) -> Webhook:
    """Register an address to be told of some events.

    Writes: webhook, log entry (host only).

    Raises:
        Refused: an address or event that will not do, twice the same, or too many.
    """
    try:
        parts = check_url(url.strip(), settings.ACCESS.webhook_networks)
    except AddressRefused as refused:
        raise Refused("url_invalid", str(refused), field="url") from refused
    chosen = sorted(set(events))
    if not chosen or not set(chosen) <= set(EVENTS):
        raise Refused("events_invalid", "请选择要通知的事件。", field="events")
    own = Webhook.objects.active().filter(provider=provider)
    if own.filter(url=url.strip()).exists():
        raise Refused("url_taken", "这个地址已登记，请先停用原来的。", field="url")
    if own.count() >= MOST_WEBHOOKS:
        raise Refused("too_many", f"最多登记 {MOST_WEBHOOKS} 个地址。", field="url")
    pk = new_id()
    webhook = Webhook.objects.create(
        id=pk,
        provider=provider,
        url=url.strip(),
        events=chosen,
        public_key=public_text(key_of(settings.SECRET_KEY, pk)),
        created_at=at,
        created_by=actor.name,
    )
    facts = {"host": parts.hostname, "events": chosen, "public_key": webhook.public_key}
    _log("provider.webhook.add", webhook, actor, at, facts)
    return webhook


@transaction.atomic
def remove_webhook(webhook: Webhook, *, actor: Actor, at: datetime) -> Webhook:
    """Stop telling an address; what was told stays on record. Writes: webhook, log entry."""
    webhook = Webhook.objects.select_for_update(of=("self",)).get(pk=webhook.pk)
    if webhook.removed_at is None:
        webhook.removed_at = at
        webhook.save()
        _log("provider.webhook.remove", webhook, actor, at, {})
    return webhook


@transaction.atomic
def replay_delivery(delivery: WebhookDelivery, *, actor: Actor, at: datetime) -> WebhookDelivery:
    """Send something told once more, under the same message number, with a new day of tries.

    Writes: delivery, one piece of work, log entry.

    Raises:
        Refused: the address is no longer told.
    """
    found = WebhookDelivery.objects.select_related("webhook").select_for_update(of=("self",))
    delivery = found.get(pk=delivery.pk)
    if delivery.webhook.removed_at is not None:
        raise Refused("webhook_removed", "这个通知地址已停用。")
    delivery.state = WebhookDelivery.State.WAITING
    delivery.round_count, delivery.next_at = 0, at
    delivery.save()
    ask_delivery(delivery, actor=actor, at=at)
    _log("provider.webhook.replay", delivery.webhook, actor, at, {"message": delivery.message_id})
    return delivery


def ask_delivery(delivery: WebhookDelivery, *, actor: Actor, at: datetime) -> None:
    """Ask a worker for the next try; once per try."""
    key = f"{delivery.pk}:{delivery.attempts + 1}"
    work.request(WORK_KIND, key=key, payload={"delivery": delivery.pk}, actor=actor, at=at)


def ask_due(*, actor: Actor, at: datetime) -> int:
    """Ask for every try whose pause is over; return how many."""
    due = list(WebhookDelivery.objects.due(at)[:1000])
    for each in due:
        ask_delivery(each, actor=actor, at=at)
    return len(due)


def tell(
    provider: Provider, event: str, told: Mapping[str, Any], *, actor: Actor, at: datetime
) -> int:
    """Write down, in the caller's transaction, what a provider's webhooks shall be told.

    Args:
        told: numbers and counts as text; goes out as ``data``.

    Returns:
        To how many addresses it goes.
    Writes: one delivery and one piece of work per address.
    """
    wanting = [w for w in Webhook.objects.active().filter(provider=provider) if event in w.events]
    for webhook in wanting:
        delivery = WebhookDelivery.objects.create(
            webhook=webhook,
            message_id=f"msg_{new_id().hex}",
            event=event,
            payload=dict(told),
            created_at=at,
            next_at=at,
        )
        ask_delivery(delivery, actor=actor, at=at)
    return len(wanting)


def listeners(event: str) -> set[UUID]:
    """Return the providers that have an address to be told of this event."""
    hooks = Webhook.objects.active().values_list("provider_id", "events")
    return {provider_id for provider_id, events in hooks if event in events}


def tell_batch(batch: UsageBatch, *, actor: Actor, at: datetime) -> None:
    """Tell that a batch is finished, and which of its records wait and for what."""
    facts = {
        "batch_id": str(batch.pk),
        "status": batch.status,
        "livemode": batch.livemode,
        "counts": batch.counts,
    }
    tell(batch.provider, "batch.finished", facts, actor=actor, at=at)
    if not batch.held:
        return
    held = UsageRecord.objects.filter(batch=batch, state="held", segment=0)
    reasons = held.values_list("hold_reason").annotate(count=Count("id")).order_by("hold_reason")
    facts = {
        "batch_id": str(batch.pk),
        "livemode": batch.livemode,
        "reasons": dict(reasons),
        "record_ids": list(held.order_by("row_no").values_list("record_id", flat=True)[:_IDS_TOLD]),
    }
    tell(batch.provider, "record.held", facts, actor=actor, at=at)


@transaction.atomic
def warn_of_ending_keys(*, actor: Actor, at: datetime) -> int:
    """Tell of keys that end soon: thirty, fourteen, seven days and one day before, each once.

    Returns:
        How many warnings were written. Writes: as ``tell``.
    """
    warned = 0
    for key in ProviderKey.objects.ending(at, max(WARNED_BEFORE)).select_related("provider"):
        left = key.valid_until - at
        step = min(each for each in WARNED_BEFORE if left <= each)
        facts = {
            "key_id": key.key_id,
            "livemode": key.livemode,
            "valid_until": key.valid_until.isoformat(),
            "warned_days_before": str(step.days),
        }
        same = WebhookDelivery.objects.filter(event="key.expiring", payload=facts)
        if not same.exists():
            warned += tell(key.provider, "key.expiring", facts, actor=actor, at=at)
    return warned


def _log(kind: str, webhook: Webhook, actor: Actor, at: datetime, facts: Mapping[str, Any]) -> None:
    named = {"provider": str(webhook.provider_id), "webhook": str(webhook.pk)}
    audit.record(kind, named | dict(facts), actor=actor, at=at)
