"""What happened is told signed, again until it arrives, and never to an inner address."""

import base64
import dataclasses
import json
from datetime import timedelta
from ipaddress import ip_network

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import DatabaseError, transaction

from config import tasks
from ledger import clock
from ledger.refusals import Refused
from providers import pages_access, telling
from providers.models import Webhook, WebhookAttempt, WebhookDelivery
from providers.webhook_rules import (
    EVENTS,
    PAUSES,
    AddressRefused,
    check_addresses,
    check_url,
)
from tests.providers import world
from tests.providers.receiver import Receiver
from tests.providers.world import AT, ENGINEER, LATER, World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("november")]
LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture(autouse=True)
def _near_receivers(monkeypatch):
    opened = dataclasses.replace(settings.ACCESS, webhook_networks=LOOPBACK)
    monkeypatch.setattr(settings, "ACCESS", opened)


def told(at) -> None:
    clock.advance(at - clock.now())


def hook(provider, url: str, events=("batch.finished",)) -> Webhook:
    return telling.add_webhook(provider, url, list(events), actor=ENGINEER, at=AT)


def opened(webhook: Webhook, heads: dict[str, str], body: bytes) -> dict:
    """Check a message as Standard Webhooks says, and return what it says."""
    public = base64.b64decode(webhook.public_key.removeprefix("whpk_"))
    version, _, signature = heads["webhook-signature"].partition(",")
    assert version == "v1a"
    signed = f"{heads['webhook-id']}.{heads['webhook-timestamp']}.".encode() + body
    Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature), signed)
    return json.loads(body)


def test_a_finished_batch_and_its_held_records_are_told_signed():
    there = World()
    with Receiver() as receiver:
        webhook = hook(there.provider, receiver.url, ("batch.finished", "record.held"))
        batch = there.send(there.record(), there.record("r-2", device_model="unknown-x"))
        assert receiver.messages == [], "nothing is told before the worker comes"
        world.do_work()
    said = [opened(webhook, *message) for message in receiver.messages]
    assert [each["type"] for each in said] == ["batch.finished", "record.held"]
    assert said[0]["data"]["batch_id"] == str(batch.pk)
    assert said[0]["data"]["counts"]["held"] == 1
    assert said[1]["data"]["reasons"] == {"unknown_model": 1}
    assert said[1]["data"]["record_ids"] == ["r-2"]
    assert said[0]["sequence"] < said[1]["sequence"]
    (listed,) = pages_access.webhooks_of(there.provider)
    assert listed == {"webhook": webhook, "events": ["批次处理完毕", "记录待定"]}
    assert [each.event for each in pages_access.deliveries_of(there.provider)] == [
        "record.held",
        "batch.finished",
    ]
    with pytest.raises(InvalidSignature):
        opened(webhook, receiver.messages[0][0], receiver.messages[0][1] + b" ")


def test_a_receiver_that_fails_is_tried_again_with_pauses_under_one_number():
    there = World()
    with Receiver(500, 302, 204) as receiver:
        hook(there.provider, receiver.url)
        there.send(there.record())
        world.do_work()
        tasks.deliver_webhooks()
        world.do_work()
        assert len(receiver.messages) == 1, "a pause is kept"
        for pause in PAUSES[:2]:
            told(LATER + 10 * pause)
            assert tasks.deliver_webhooks() == 1
            world.do_work()
    assert len({heads["webhook-id"] for heads, _ in receiver.messages}) == 1
    assert len({body for _, body in receiver.messages}) == 1
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("delivered", 3)
    tries = WebhookAttempt.objects.order_by("number").values_list("number", "status")
    assert list(tries) == [(1, 500), (2, 302), (3, 204)]


def test_after_a_day_it_is_given_up_and_sent_again_on_demand():
    there = World()
    assert timedelta(days=1) < sum(PAUSES, timedelta()) < timedelta(days=2)
    with Receiver(503) as receiver:
        hook(there.provider, receiver.url)
        there.send(there.record())
        world.do_work()
        for day in range(len(PAUSES)):
            told(LATER + timedelta(days=day + 1))
            tasks.deliver_webhooks()
            world.do_work()
        delivery = WebhookDelivery.objects.get()
        assert (delivery.state, delivery.attempts) == ("given_up", len(PAUSES) + 1)
        told(LATER + timedelta(days=30))
        assert tasks.deliver_webhooks() == 0
        receiver.answers = [200]
        telling.replay_delivery(delivery, actor=ENGINEER, at=LATER + timedelta(days=30))
        world.do_work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("delivered", len(PAUSES) + 2)
    assert receiver.messages[0][1] == receiver.messages[-1][1]


def test_who_is_not_there_is_written_down_and_a_removed_address_is_told_nothing():
    there = World()
    with Receiver() as receiver:
        url = receiver.url
    webhook = hook(there.provider, url)
    there.send(there.record())
    world.do_work()
    assert WebhookAttempt.objects.get().error == "ConnectError"
    telling.remove_webhook(webhook, actor=ENGINEER, at=LATER)
    there.send(there.record("r-2"))
    assert WebhookDelivery.objects.count() == 1
    with pytest.raises(Refused, match="停用"):
        telling.replay_delivery(WebhookDelivery.objects.get(), actor=ENGINEER, at=LATER)


def test_what_was_told_and_tried_is_kept_by_the_database():
    there = World()
    with Receiver() as receiver:
        webhook = hook(there.provider, receiver.url)
        there.send(there.record())
        world.do_work()
    for rows, change in (
        (WebhookAttempt.objects.all(), {"status": 500}),
        (WebhookDelivery.objects.all(), {"payload": {}}),
        (Webhook.objects.filter(pk=webhook.pk), {"url": "https://elsewhere.example/"}),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)


INNER = [
    "http://example.com/",
    "https://127.0.0.1/",
    "https://127.1.2.3/",
    "https://[::1]/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://100.64.0.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[ff02::1]/",
    "https://[64:ff9b:1::1]/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "https:///path",
    "https://",
    "https://user@example.com/",
    "https://user:pass@example.com/",
    "https://example.com/#x",
    "https://example.com:99999/",
    "https://example.com:0/",
    "http://127.0.0.1.example.com/",
    "ws://example.com/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://203.0.113.1/",
    "https://240.0.0.1/",
    "https://[2001:db8::1]/",
    "https://[::]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
]


@pytest.mark.parametrize("url", INNER)
def test_no_inner_or_unencrypted_address_is_registered(url):
    with pytest.raises(AddressRefused):
        check_url(url, ())
    provider = world.a_provider()
    if "127." not in url:
        with pytest.raises(Refused):
            hook(provider, url)
        assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    "found",
    [
        [],
        ["127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],  # one inner address among public ones is enough
        ["::1"],
        ["fe80::1%eth0"],
        ["::ffff:192.168.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_not_called(found):
    with pytest.raises(AddressRefused):
        check_addresses(found, ())
    assert check_addresses(["8.8.8.8", "2606:4700::1111"], ()) == "8.8.8.8"


def test_a_name_that_turns_inward_after_registration_is_not_called(monkeypatch):
    there = World()
    hook(there.provider, "https://localhost/hook")
    monkeypatch.setattr(
        settings, "ACCESS", dataclasses.replace(settings.ACCESS, webhook_networks=())
    )
    there.send(there.record())
    world.do_work()
    assert WebhookAttempt.objects.get().error == "地址指向内部网络，不予通知。"


@pytest.mark.parametrize(
    ("url", "events", "code"),
    [
        ("https://a.example/", [], "events_invalid"),
        ("https://a.example/", ["no.such"], "events_invalid"),
        ("https://taken.example/", ["batch.finished"], "url_taken"),
    ],
)
def test_a_faulty_webhook_is_refused(url, events, code):
    provider = world.a_provider()
    hook(provider, "https://taken.example/")
    with pytest.raises(Refused) as refused:
        telling.add_webhook(provider, url, events, actor=ENGINEER, at=AT)
    assert refused.value.code == code


def test_keys_that_end_are_told_once_a_step():
    provider = world.a_provider()
    key, _, _ = world.a_live_key(provider)
    hook(provider, "https://a.example/", tuple(EVENTS))
    for days, warnings in ((31, 0), (29, 1), (28, 0), (13, 1), (0.5, 1), (-1, 0)):
        told(key.valid_until - timedelta(days=days))
        assert tasks.warn_of_keys() == warnings, days
    (ending,) = pages_access.ending_keys(provider, key.valid_until - timedelta(days=3))
    assert (ending["key"], ending["days"]) == (key, 3)
    said = WebhookDelivery.objects.values_list("payload__warned_days_before", flat=True)
    assert sorted(said) == ["1", "14", "30"]
