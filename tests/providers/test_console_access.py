"""The provider's page around its keys: addresses, replacing, webhooks, sending again."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.urls import reverse

from ledger import clock
from providers import telling
from providers.models import NetworkFiling, ProviderKey, Webhook
from tests.providers import world
from tests.providers.test_doors import browser, page, staff_of
from tests.providers.world import ENGINEER, LATER, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _november():
    with clock.set_to(LATER):
        yield


def test_an_administrator_files_addresses_and_sees_what_waits():
    there = World()
    key, _, _ = world.a_live_key(there.provider)
    client = staff_of(there.provider)
    address = reverse("console_networks", args=[key.pk])
    bad = client.post(address, {"networks": "10.0.0.1/8"}, follow=True).content.decode()
    assert "主机位须为零" in bad
    client.post(address, {"networks": "203.0.113.0/24\n2001:db8::/32", "reason": "机房"})
    assert NetworkFiling.objects.get().networks == ["203.0.113.0/24", "2001:db8::/32"]
    text = page(client, "console_access")
    assert "待确认" in text
    assert "2001:db8::/32" in text


def test_a_key_is_replaced_by_one_that_names_it():
    there = World()
    key, _, _ = world.a_live_key(there.provider)
    client = staff_of(there.provider)
    address = reverse("console_key_rotate", args=[key.pk])
    assert "请粘贴新的公钥" in client.post(address, {}, follow=True).content.decode()
    answer = client.post(address, {"public_key": world.public_pem(Ed25519PrivateKey.generate())})
    new = ProviderKey.objects.get(state="proposed")
    assert new.replaces == key
    assert answer.context["token"].startswith(new.key_id)
    assert key.key_id in page(client, "console_access")


def test_webhooks_are_registered_listed_sent_again_and_removed():
    there = World()
    client = staff_of(there.provider)
    add = reverse("console_webhook_add")
    typed = {"url": "http://a.example/", "events": ["batch.finished"]}
    assert "https" in client.post(add, typed, follow=True).content.decode()
    assert (
        "请选择要通知的事件"
        in client.post(add, {"url": "https://a.example/"}, follow=True).content.decode()
    )
    client.post(add, typed | {"url": "https://a.example/"})
    webhook = Webhook.objects.get()
    telling.tell(there.provider, "batch.finished", {"x": "1"}, actor=ENGINEER, at=LATER)
    delivery = webhook.deliveries.get()
    text = page(client, "console_access")
    assert webhook.public_key in text
    assert "待送达" in text
    client.post(reverse("console_delivery_replay", args=[delivery.pk]))
    client.post(reverse("console_webhook_remove", args=[webhook.pk]))
    webhook.refresh_from_db()
    assert webhook.removed_at == LATER
    assert "还没有通知地址" in page(client, "console_access")


def test_what_belongs_to_another_provider_is_not_there_and_an_operator_only_looks():
    there, other = World(), world.a_provider("另一家")
    key, _, _ = world.a_live_key(there.provider)
    webhook = telling.add_webhook(
        there.provider, "https://a.example/", ["batch.finished"], actor=ENGINEER, at=LATER
    )
    telling.tell(there.provider, "batch.finished", {"x": "1"}, actor=ENGINEER, at=LATER)
    things = {
        "console_networks": key.pk,
        "console_key_rotate": key.pk,
        "console_webhook_remove": webhook.pk,
        "console_delivery_replay": webhook.deliveries.get().pk,
    }
    stranger = staff_of(other, "王外人")
    operator = staff_of(there.provider, "李业务", role="provider_operator")
    for name, pk in things.items():
        assert stranger.post(reverse(name, args=[pk])).status_code == 404
        assert operator.post(reverse(name, args=[pk])).status_code == 403
    assert page(operator, "console_access")
    assert browser("路人").get(reverse("console_access")).status_code == 403
