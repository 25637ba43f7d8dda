"""A provider with everything it needs, made by the acts; orders with and without a voucher."""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from httpx import WSGITransport

from config.tasks import HANDLERS
from ledger import clock, work
from ledger.actors import Actor
from ledger.identifiers import new_id
from providers import admitting, listing, metering, ordering
from providers.models import AcceleratorModel, Offering, Order, Provider, ProviderKey, UsageBatch
from tests.vouchers import story
from vouchers.credit_codes import inner_check, outer_check
from vouchers.models import Enterprise

AT = datetime(2026, 10, 1, 2, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 2, tzinfo=UTC)
USCC = "91310107MAFAKE0430"
REGISTRY_FROM = datetime(2010, 1, 1, tzinfo=UTC)


def actor(name: str, role: str = "platform") -> Actor:
    """Return somebody, one natural person per name."""
    return Actor(kind="user", id=name, name=name, role=role, person=f"person-{name}")


CLERK, CHIEF = actor("张经办"), actor("钱复核", "approver")
ENGINEER = actor("孙工", "provider_engineer")


def a_provider(name: str = "云算一号", uscc: str | None = None) -> Provider:
    """Return an admitted provider."""
    code = uscc or next_code()
    provider = admitting.apply_provider(name, code, actor=ENGINEER, at=AT)
    return admitting.admit_provider(provider, batch_no="2026-1", actor=CLERK, at=AT)


def next_code() -> str:
    """Return a credit code nobody has yet, no enterprise of the stories either."""
    number = Provider.objects.count() + 51
    organisation = f"MAFAKE{number:02d}"
    body = f"91310107{organisation}{inner_check(organisation)}"
    return body + outer_check(body)


def a_model(key: str = "nvidia-a100", gflops: int = 312_000, domestic: bool = False, rate=True):
    """Return a registered model, with a rate in force unless told."""
    model = listing.register_model(key, key.upper(), "厂商", domestic=domestic, actor=CLERK, at=AT)
    if rate and not model.rates.exists():
        give_rate(model, gflops)
    return model


def give_rate(model: AcceleratorModel, gflops: int, valid_from: datetime = REGISTRY_FROM):
    """Propose and approve a rate, by two people."""
    rate = listing.propose_rate(
        model, gflops, valid_from=valid_from, source="白皮书", grade="A", actor=CLERK, at=AT
    )
    return listing.approve_rate(rate, actor=CHIEF, at=AT)


def give_capacity(provider: Provider, model: AcceleratorModel, devices: int = 64):
    """File and confirm capacity."""
    capacity = admitting.register_capacity(
        provider, model, devices, valid_from=REGISTRY_FROM, actor=ENGINEER, at=AT
    )
    return admitting.confirm_capacity(capacity, actor=CLERK, at=AT)


def an_offering(
    provider: Provider, model: AcceleratorModel, unit: str = "CARD_HOUR", price_fen: int = 600
) -> Offering:
    """Return a published offering with a filed price."""
    offering = listing.create_offering(
        provider, f"{model.name} 租用 {new_id().hex[-6:]}", model, actor=ENGINEER, at=AT
    )
    listing.file_price(offering, unit, price_fen, valid_from=AT, actor=ENGINEER, at=AT)
    return listing.publish_offering(offering, actor=ENGINEER, at=AT)


def an_order(
    offering: Offering,
    enterprise: Enterprise | None = None,
    voucher: Any = None,
    *,
    device_count: int = 8,
    starts_on: date = date(2026, 10, 1),
    ends_on: date = date(2026, 12, 31),
    planned_hours: int | None = None,
    at: datetime = AT,
    accept: bool = True,
) -> Order:
    """Return an order, accepted unless told."""
    enterprise = enterprise or (voucher.enterprise if voucher else story.an_enterprise())
    order = ordering.place_order(
        enterprise,
        voucher,
        offering,
        offering.price_at(at),
        device_count=device_count,
        starts_on=starts_on,
        ends_on=ends_on,
        planned_hours=planned_hours,
        actor=story.admin_of(enterprise),
        at=at,
        key=new_id(),
    )
    return ordering.accept_order(order, actor=ENGINEER, at=at) if accept else order


class World:
    """One provider, one model, one offering, one order: ready to report."""

    def __init__(self, *, devices: int = 64, voucher: Any = None, **order: Any) -> None:
        """Make everything by the acts."""
        self.provider = a_provider()
        self.model = a_model()
        give_capacity(self.provider, self.model, devices)
        self.offering = an_offering(self.provider, self.model)
        self.order = an_order(self.offering, voucher=voucher, **order)

    def record(self, record_id: str = "r-1", **changes: Any) -> dict[str, Any]:
        """Return one honest record: eight devices for an hour."""
        return {
            "record_id": record_id,
            "order_no": self.order.order_no,
            "device_model": "nvidia-a100",
            "device_count": 8,
            "started_at": "2026-10-03T00:00:00+08:00",
            "ended_at": "2026-10-03T01:00:00+08:00",
        } | changes

    def send(
        self,
        *records: dict[str, Any],
        on_error: str = "accept_valid",
        at: datetime = LATER,
        key: UUID | None = None,
        livemode: bool = True,
        provider_key: ProviderKey | None = None,
        **upload: Any,
    ) -> UsageBatch:
        """Upload records through the act and return the batch as stored."""
        body = upload.pop("body", None)
        if body is None:
            body = json.dumps({"records": list(records)}, ensure_ascii=False).encode()
        sent = metering.Upload(
            body,
            upload.pop("content_type", "application/json"),
            on_error=on_error,
            **upload,
        )
        taken = metering.take_upload(
            self.provider,
            sent,
            provider_key=provider_key,
            livemode=livemode,
            actor=ENGINEER,
            at=at,
            key=key or new_id(),
        )
        return UsageBatch.objects.get(pk=taken.batch.pk)


def hours(start: datetime, count: float) -> str:
    """Return the instant some hours after a start, as RFC 3339."""
    return (start + timedelta(hours=count)).isoformat()


def a_live_key(provider: Provider) -> tuple[ProviderKey, str, Ed25519PrivateKey]:
    """Return a confirmed live key, its token and its private half."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    new = admitting.propose_key(
        provider, "live", public_key=public.decode(), title="采集机", actor=ENGINEER, at=AT
    )
    proof = base64.b64encode(private.sign(new.key.challenge.encode())).decode()
    admitting.prove_possession(new.key, proof, actor=ENGINEER, at=AT)
    return admitting.confirm_key(new.key, actor=CLERK, at=AT), new.token, private


def a_test_key(provider: Provider) -> tuple[ProviderKey, str]:
    """Return a test key and its token."""
    new = admitting.propose_key(provider, "test", title="试用", actor=ENGINEER, at=AT)
    return new.key, new.token


def public_pem(private: Ed25519PrivateKey) -> str:
    """Return the public half as PEM."""
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode()


def do_work() -> int:
    """Do what was left for a worker."""
    return work.run_due(HANDLERS, now=clock.now, worker="test")


def in_process() -> WSGITransport:
    """Return a way to the site inside this process that leaves a test's connection open."""
    application = get_wsgi_application()

    def call(environ, start_response):
        signals.request_started.disconnect(close_old_connections)
        signals.request_finished.disconnect(close_old_connections)
        try:
            response = application(environ, start_response)
            body = b"".join(response)
            response.close()
        finally:
            signals.request_started.connect(close_old_connections)
            signals.request_finished.connect(close_old_connections)
        return [body]

    return WSGITransport(app=call)


def private_pem(private: Ed25519PrivateKey) -> bytes:
    """Return the private half as PEM."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
