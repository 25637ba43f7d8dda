"""Second part of the story: who sells compute, at what price, and the orders placed."""

import base64
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings

from billing.management.demonstration.cast import Cast, Person, later, when
from ledger.identifiers import new_id
from providers import admitting, listing, ordering
from providers.models import AcceleratorModel, Offering, Order, Provider, ProviderKey
from vouchers import banking
from vouchers.models import Voucher


@dataclass(frozen=True)
class Shelf:
    """What a provider of the story offers: model, cards it has, how it charges.

    Units: price in fen per card-hour or per PFLOPS-hour.
    """

    title: str
    model: str
    cards: int
    unit: str
    price_fen: int


@dataclass(frozen=True)
class House:
    """A provider of the story."""

    name: str
    uscc: str
    username: str
    shelves: tuple[Shelf, ...]


TAOPU = House(
    "桃浦智算服务有限公司（演示）",
    "91310107MAFAKE182C",
    "provider1",
    (
        Shelf("昇腾 910B 训练节点", "huawei-ascend-910b", 256, "CARD_HOUR", 600),
        Shelf("A800 通用节点", "nvidia-a800", 128, "PFLOPS_HOUR", 1750),
    ),
)
CHANGFENG = House(
    "长风边缘算力有限公司（演示）",
    "91310107MAFAKE1907",
    "provider2",
    (Shelf("L40S 推理节点", "nvidia-l40s", 64, "CARD_HOUR", 580),),
)
JULY, SUMMER = when("2026-07-01 00:00"), when("2026-07-02 09:00")
ACCOUNT = "31001550400050000000"  # invented; pages show the last four digits only


@dataclass(frozen=True)
class Supplier:
    """A provider admitted into the story, with its key and what it offers."""

    house: House
    provider: Provider
    key: ProviderKey
    token: str
    private_key_path: Path
    offerings: dict[str, Offering]


def load_rates(cast: Cast, at: datetime = SUMMER) -> int:
    """Enter the accelerator registry: proposed by one person, approved by another."""
    return listing.load_registry(
        # A card's dense peak does not age; public traces reach back to 2017.
        valid_from=when("2016-01-01 00:00"),
        proposed_by=cast.actor("reviewer"),
        actor=cast.actor("approver"),
        at=at,
    )


def admit(cast: Cast, house: House, at: datetime, *, machines_from: datetime = JULY) -> Supplier:
    """Admit a provider, confirm its machines and key, and open what it offers."""
    user = cast.enter(
        Person(
            house.username,
            f"{house.username} 运营（演示）",
            "provider_admin",
            f"服务商 · {house.name}",
        )
    )
    own, bureau = cast.actor(house.username), cast.actor("approver")
    provider = admitting.apply_provider(
        house.name,
        house.uscc,
        contact="演示联系人 021-00000000",
        bank_name="演示银行普陀支行",
        bank_account=ACCOUNT,
        user=user,
        actor=own,
        at=at,
    )
    provider = admitting.admit_provider(
        provider, batch_no="2026-1", actor=bureau, at=later(at, hours=2)
    )
    banking.confirm_account(
        provider.accounts.waiting().get(),
        number=ACCOUNT,
        evidence="基本存款账户信息（演示）",
        actor=bureau,
        at=later(at, hours=2),
    )
    offerings = {
        shelf.model: _fill_shelf(
            cast, provider, shelf, house.username, at=later(at, hours=3), since=machines_from
        )
        for shelf in house.shelves
    }
    key, token, path = _make_key(cast, provider, house.username, later(at, hours=5))
    return Supplier(house, provider, key, token, path, offerings)


def _fill_shelf(
    cast: Cast,
    provider: Provider,
    shelf: Shelf,
    username: str,
    *,
    at: datetime,
    since: datetime,
) -> Offering:
    own = cast.actor(username)
    model = AcceleratorModel.objects.get(key=shelf.model)
    capacity = admitting.register_capacity(
        provider,
        model,
        shelf.cards,
        valid_from=since,
        evidence="演示：机房验收单",
        actor=own,
        at=at,
    )
    admitting.confirm_capacity(capacity, actor=cast.actor("approver"), at=later(at, minutes=10))
    offering = listing.create_offering(
        provider, shelf.title, model, description="按实际分配时长计费。", actor=own, at=at
    )
    listing.file_price(
        offering,
        shelf.unit,
        shelf.price_fen,
        valid_from=later(at, minutes=15),
        actor=own,
        at=later(at, minutes=15),
    )
    return listing.publish_offering(offering, actor=own, at=later(at, minutes=20))


def _make_key(
    cast: Cast, provider: Provider, username: str, at: datetime
) -> tuple[ProviderKey, str, Path]:
    """Make a key pair as the provider would, prove it, have it confirmed; keep the private half."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    own = cast.actor(username)
    proposed = admitting.propose_key(
        provider, "live", public_key=public.decode(), title="演示正式密钥", actor=own, at=at
    )
    answer = base64.b64encode(private.sign(proposed.key.challenge.encode())).decode()
    key = admitting.prove_possession(proposed.key, answer, actor=own, at=later(at, minutes=5))
    key = admitting.confirm_key(key, actor=cast.actor("approver2"), at=later(at, minutes=30))
    folder = Path(settings.VAR_DIR) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{username}-ed25519.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return key, proposed.token, path


def order(
    cast: Cast,
    voucher: Voucher,
    supplier: Supplier,
    model: str,
    *,
    cards: int,
    hours: int,
    at: datetime,
    first: date,
    last: date,
    accepted: bool = True,
) -> Order:
    """Place an order with a voucher and, unless told otherwise, have the provider accept it."""
    offering = supplier.offerings[model]
    username = voucher.application.enterprise.seats.get().user.username
    price = offering.prices.get()
    placed = ordering.place_order(
        voucher.enterprise,
        voucher,
        offering,
        price,
        device_count=cards,
        starts_on=first,
        ends_on=last,
        planned_hours=hours,
        actor=cast.actor(username),
        at=at,
        key=new_id(),
    )
    if not accepted:
        return placed
    return ordering.accept_order(
        placed, actor=cast.actor(supplier.house.username), at=later(at, hours=2)
    )
