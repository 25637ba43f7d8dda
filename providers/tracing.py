"""Set up a clearly named demonstration provider for a public trace, by the acts like anybody else.

Orders without a voucher, capacity far above need, two named system persons for what needs two
people. Never part of a production site: the command refuses there.
"""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from ledger.actors import Actor
from ledger.periods import day_of
from providers import admitting, listing, ordering
from providers.models import AcceleratorModel, Offering, OfferingPrice, Order, Provider, ProviderKey
from vouchers.credit_codes import inner_check, outer_check
from vouchers.enrolling import register_enterprise, verify_enterprise
from vouchers.models import Enterprise

CAPACITY = 20_000
PRICE_FEN = 500
_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_DISTRICT = "91310107"
_LONGEST_DAYS = 366


def _person(name: str) -> Actor:
    return Actor(kind="system", id=name, name=f"系统（{name}）", role="system", person=name)


FIRST, SECOND = _person("trace-setup-1"), _person("trace-setup-2")


@dataclass(frozen=True)
class TraceLine:
    """How to send a trace: the provider's key with its private half, and an order per group."""

    provider: Provider
    token: str
    key_id: str
    private_key: Ed25519PrivateKey
    orders: dict[str, str]


def set_up(
    title: str,
    groups: dict[str, tuple[datetime, datetime]],
    models: set[str],
    *,
    registry_from: datetime,
    at: datetime,
) -> TraceLine:
    """Make or find provider, capacity, key and one order per group that covers its records.

    Writes: what the acts write; the key file and the token under ``VAR_DIR/trace``.
    """
    listing.load_registry(valid_from=registry_from, proposed_by=FIRST, actor=SECOND, at=at)
    provider = _provider(f"演示算力中心·{title}", at)
    folder = Path(settings.VAR_DIR) / "trace" / str(provider.pk)
    token, key_id, private_key = _key(provider, folder, at)
    known = AcceleratorModel.objects.filter(key__in=models) | AcceleratorModel.objects.filter(
        aliases__alias__in={each.lower() for each in models}
    )
    for model in known.distinct():
        if not provider.capacities.filter(model=model, state="approved").exists():
            capacity = admitting.register_capacity(
                provider,
                model,
                CAPACITY,
                valid_from=registry_from,
                evidence="公开轨迹演示",
                actor=FIRST,
                at=at,
            )
            admitting.confirm_capacity(capacity, actor=SECOND, at=at)
    offering = _offering(provider, title, at)
    orders = {
        group: _order(offering, f"{title} {group}", starts_at, ends_at, at).order_no
        for group, (starts_at, ends_at) in sorted(groups.items())
    }
    return TraceLine(provider, token, key_id, private_key, orders)


def trace_code(name: str) -> str:
    """Return a made-up credit code with right check characters; the same name, the same code."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    body = "".join(_DIGITS[number // 31**place % 31] for place in range(6))
    organisation = f"MA{body}"
    code = f"{_DISTRICT}{organisation}{inner_check(organisation)}"
    return code + outer_check(code)


def _provider(name: str, at: datetime) -> Provider:
    code = trace_code(name)
    found = Provider.objects.filter(uscc=code).first()
    if found is None:
        found = admitting.apply_provider(name, code, contact="演示", actor=FIRST, at=at)
        found = admitting.admit_provider(found, batch_no="演示", actor=SECOND, at=at)
    return found


def _key(provider: Provider, folder: Path, at: datetime) -> tuple[str, str, Ed25519PrivateKey]:
    """Return the key of an earlier run as long as it is valid, else a new one."""
    pem, token_file = folder / "key.pem", folder / "token"
    if token_file.exists():
        token = token_file.read_text()
        key = ProviderKey.objects.filter(key_id=token.partition(".")[0]).first()
        if key is not None and key.is_valid_at(at):
            private = load_pem_private_key(pem.read_bytes(), None)
            if isinstance(private, Ed25519PrivateKey):
                return token, key.key_id, private
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    new = admitting.propose_key(
        provider, "live", public_key=public.decode(), title="轨迹导入", actor=FIRST, at=at
    )
    proof = b64encode(private.sign(new.key.challenge.encode())).decode()
    admitting.prove_possession(new.key, proof, actor=FIRST, at=at)
    admitting.confirm_key(new.key, actor=SECOND, at=at)
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in (
        (pem, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
        (token_file, new.token.encode()),
    ):
        path.touch(mode=0o600)
        path.write_bytes(content)
    return new.token, new.key.key_id, private


def _offering(provider: Provider, title: str, at: datetime) -> Offering:
    found = provider.offerings.filter(title=title).first()
    if found is not None:
        return found
    model = AcceleratorModel.objects.get(key="nvidia-p100")
    offering = listing.create_offering(provider, title, model, actor=FIRST, at=at)
    listing.file_price(
        offering,
        OfferingPrice.PricingUnit.PFLOPS_HOUR,
        PRICE_FEN,
        valid_from=at,
        actor=FIRST,
        at=at,
    )
    return listing.publish_offering(offering, actor=FIRST, at=at)


def _order(
    offering: Offering, name: str, starts_at: datetime, ends_at: datetime, at: datetime
) -> Order:
    enterprise = _enterprise(f"演示企业·{name}", at)
    for found in enterprise.orders.filter(offering=offering, state="accepted"):
        if found.starts_at <= starts_at and found.ends_at >= ends_at:
            return found
    starts_on, ends_on = day_of(starts_at), day_of(ends_at)
    if (ends_on - starts_on).days >= _LONGEST_DAYS:
        raise ValueError(f"{name}: the records span more than a year; import them in parts")
    price = offering.price_at(at)
    if price is None:
        raise ValueError("the demonstration offering has no price")
    order = ordering.place_order(
        enterprise,
        None,
        offering,
        price,
        device_count=1,
        starts_on=starts_on,
        ends_on=ends_on,
        actor=FIRST,
        at=at,
    )
    return ordering.accept_order(order, actor=SECOND, at=at)


def _enterprise(name: str, at: datetime) -> Enterprise:
    code = trace_code(name)
    found = Enterprise.objects.filter(uscc=code).first()
    if found is None:
        found = register_enterprise(name, code, actor=FIRST, at=at)
        found = verify_enterprise(found, evidence="公开轨迹演示", actor=SECOND, at=at)
    return found
