"""What the bureau and providers see around keys: address lists, flags, evidence, other names."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from providers.evidence import verify_again
from providers.flags import flagged
from providers.keying import WARNED_BEFORE
from providers.models import (
    AcceleratorAlias,
    NetworkFiling,
    Provider,
    ProviderKey,
    UsageBatch,
    Webhook,
    WebhookDelivery,
)
from providers.webhook_rules import EVENTS


def all_networks() -> QuerySet[NetworkFiling]:
    """Return every filed address list."""
    return NetworkFiling.objects.select_related("key__provider")


def waiting_networks(provider: Provider) -> list[NetworkFiling]:
    """Return the address lists of a provider that wait for the second person."""
    waiting = NetworkFiling.objects.waiting().filter(key__provider=provider)
    return list(waiting.select_related("key"))


def all_aliases() -> QuerySet[AcceleratorAlias]:
    """Return every other name, the newest version of each first."""
    return AcceleratorAlias.objects.select_related("model").order_by("alias", "-version")


def flagged_lines() -> list[dict[str, Any]]:
    """Return flagged batches with what their evidence comes to."""
    return [{"batch": each, "evidence": verify_again(each)} for each in flagged()]


def evidence_rows(batch: UsageBatch) -> list[dict[str, str]]:
    """Return what stands as evidence of a batch, for a summary list."""
    rows = [{"key": "签名核验", "value": verify_again(batch).text}]
    if batch.key:
        named = f"{batch.key.key_id}（{batch.key.get_algorithm_display()}）"
        rows.append({"key": "签名密钥", "value": named})
    if batch.is_suspect:
        rows.append({"key": "标记", "value": "密钥可能已泄露，尚未核实"})
    elif hasattr(batch, "clearance"):
        cleared = batch.clearance
        rows.append({"key": "标记", "value": f"已由{cleared.cleared_by}核实：{cleared.reason}"})
    return rows


def public_origin() -> str:
    """Return the address the service calls itself."""
    return str(settings.PUBLIC_ORIGIN)


def keys_with_networks(provider: Provider) -> list[dict[str, Any]]:
    """Return keys that are not revoked with the address list in force and the one that waits."""
    waiting = {each.key_id: each.networks for each in waiting_networks(provider)}
    keys = provider.keys.exclude(state="revoked").select_related("replaces")
    return [
        {"key": each, "text": "\n".join(each.networks), "waiting": waiting.get(each.pk)}
        for each in keys.order_by("-proposed_at")
    ]


def webhooks_of(provider: Provider) -> list[dict[str, Any]]:
    """Return the addresses of a provider that are told, with the words of their events."""
    return [
        {"webhook": each, "events": [EVENTS[name] for name in each.events]}
        for each in Webhook.objects.active().filter(provider=provider)
    ]


def deliveries_of(provider: Provider) -> QuerySet[WebhookDelivery]:
    """Return what a provider was told, the newest first, with every try."""
    own = WebhookDelivery.objects.filter(webhook__provider=provider)
    return own.select_related("webhook").prefetch_related("tries").order_by("-id")


def ending_keys(provider: Provider, at: datetime) -> list[dict[str, Any]]:
    """Return keys of a provider that end within thirty days, and in how many days."""
    soon = ProviderKey.objects.ending(at, max(WARNED_BEFORE)).filter(provider=provider)
    return [{"key": each, "days": (each.valid_until - at).days} for each in soon]
