"""Carry what was told to its address: one signed POST a try, each try kept.

The name is looked up first and every address it has must be a public one; the connection then goes
to that very address, so a name that changes its mind between the two gains nothing. Redirects are
not followed, what the receiver writes back is not read.
"""

import json
import socket
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from ledger.work import Progress, Work
from providers.models import WebhookAttempt, WebhookDelivery
from providers.webhook_rules import (
    PAUSES,
    AddressRefused,
    check_addresses,
    check_url,
    key_of,
    public_text,
    signed_headers,
)

TIMEOUT_SECONDS = 10
_FINE = range(200, 300)


def run_delivery_work(task: Work, progress: Progress) -> dict[str, Any]:
    """Make the next try of one delivery; a worker that died before its end makes it again.

    The receiver knows a repeated message by its ``webhook-id``.
    """
    delivery = WebhookDelivery.objects.select_related("webhook").get(pk=task.payload["delivery"])
    if task.key != f"{delivery.pk}:{delivery.attempts + 1}":
        return {"unchanged": True}
    progress(0, 1, f"正在通知 {delivery.webhook.url}")
    status, error = _try(delivery)
    return _write_down(delivery.pk, task, status, error)


def _try(delivery: WebhookDelivery) -> tuple[int, str]:
    """Return what the receiver answered, or why nobody was asked."""
    webhook = delivery.webhook
    if webhook.removed_at is not None:
        return 0, "通知地址已停用"
    key = _key(webhook.pk, webhook.public_key)
    if key is None:
        return 0, "签名密钥已更换，请停用并重新登记通知地址"
    body = body_of(delivery)
    try:
        return _post(webhook.url, body, key, delivery.message_id), ""
    except AddressRefused as refused:
        return 0, str(refused)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
        return 0, f"{type(fault).__name__}"


def body_of(delivery: WebhookDelivery) -> bytes:
    """Return the bytes that are signed and sent; the same at every try."""
    said = {
        "type": delivery.event,
        "timestamp": delivery.created_at.astimezone(UTC).isoformat(),
        "sequence": delivery.pk,
        "data": delivery.payload,
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _key(webhook_id: Any, public: str) -> Ed25519PrivateKey | None:
    """Return the key whose public half the provider was given."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    keys = (key_of(str(secret), webhook_id) for secret in secrets)
    return next((each for each in keys if public_text(each) == public), None)


def _post(url: str, body: bytes, key: Ed25519PrivateKey, message_id: str) -> int:
    allowed = settings.ACCESS.webhook_networks
    parts = check_url(url, allowed)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    address = check_addresses([str(each[4][0]) for each in found], allowed)
    # A receiver judges how fresh a message is by real time, whatever the house is told.
    stamp = int(datetime.now(UTC).timestamp())
    headers = signed_headers(key, message_id, stamp, body)
    headers |= {"Content-Type": "application/json", "Host": parts.netloc}
    target = httpx.URL(url).copy_with(host=address)
    with (
        httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False) as http,
        http.stream(
            "POST", target, content=body, headers=headers, extensions={"sni_hostname": host}
        ) as response,
    ):
        return response.status_code


@transaction.atomic
def _write_down(pk: int, task: Work, status: int, error: str) -> dict[str, Any]:
    """Keep the try, and say when the next one is due, if any."""
    delivery = WebhookDelivery.objects.select_for_update(of=("self",)).get(pk=pk)
    if task.key != f"{pk}:{delivery.attempts + 1}":
        return {"unchanged": True}
    at = max(task.requested_at, delivery.next_at)
    delivery.attempts += 1
    delivery.round_count += 1
    WebhookAttempt.objects.create(
        delivery=delivery, number=delivery.attempts, at=at, status=status, error=error[:200]
    )
    if status in _FINE:
        delivery.state = WebhookDelivery.State.DELIVERED
    elif delivery.round_count > len(PAUSES):
        delivery.state = WebhookDelivery.State.GIVEN_UP
    else:
        delivery.next_at = at + PAUSES[delivery.round_count - 1]
    delivery.save()
    return {"status": status, "state": delivery.state}
