"""A provider that is in the register before a journey begins: rated cards, a price, a live key."""

import base64
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from ledger import clock
from providers.admitting import (
    admit_provider,
    apply_provider,
    confirm_capacity,
    confirm_key,
    propose_key,
    prove_possession,
    register_capacity,
)
from providers.client import MeteringClient
from providers.listing import (
    approve_rate,
    create_offering,
    file_price,
    propose_rate,
    publish_offering,
    register_model,
)
from providers.models import AcceleratorModel, Offering, Provider
from tests.journeys.given import acting, given_a_person
from vouchers.banking import confirm_account

NAME = "上海旅程算力服务有限公司"
USCC = "91310107MA7K2D5R7Y"
CARDS = 64
GFLOPS = 320_000
PRICE_FEN = 600


@dataclass(frozen=True)
class Seller:
    """The provider of the story and what it needs to sign."""

    provider: Provider
    staff: Any
    offering: Offering
    token: str
    key_id: str
    private_key: Ed25519PrivateKey

    def client(self, address: str) -> MeteringClient:
        """Return the provider's program, pointed at the live server."""
        return MeteringClient(
            address,
            self.token,
            self.key_id,
            self.private_key,
            public_origin=settings.PUBLIC_ORIGIN,
        )


def given_a_provider(bureau: dict[str, Any], *, username: str = "cloud") -> Seller:
    """Admit a provider with capacity, a rated model, an offering and a confirmed live key."""
    staff = given_a_person(username, "陈运维")
    owner, at = acting(staff, "provider_admin"), clock.now()
    clerk, chief = acting(bureau["li"], "reviewer"), acting(bureau["zhao"], "approver")
    provider = apply_provider(
        NAME, USCC, bank_name="演示银行", bank_account="6222000000001234", user=staff,
        actor=owner, at=at,
    )  # fmt: skip
    provider = admit_provider(provider, batch_no="第一批", actor=chief, at=at)
    confirm_account(
        provider.accounts.waiting().get(), number="6222000000001234", evidence="开户许可证",
        actor=chief, at=at,
    )  # fmt: skip
    model = given_a_rated_model(clerk, chief)
    capacity = register_capacity(provider, model, CARDS, valid_from=at, actor=owner, at=at)
    confirm_capacity(capacity, actor=chief, at=at)
    offering = create_offering(provider, "昇腾训练集群", model, actor=owner, at=at)
    file_price(offering, "CARD_HOUR", PRICE_FEN, valid_from=at, actor=owner, at=at)
    offering = publish_offering(offering, actor=owner, at=at)
    private = Ed25519PrivateKey.generate()
    made = propose_key(
        provider, "live", public_key=_public_text(private), title="旅程", actor=owner, at=at
    )
    signed = base64.b64encode(private.sign(made.key.challenge.encode())).decode()
    prove_possession(made.key, signed, actor=owner, at=at)
    key = confirm_key(made.key, actor=chief, at=at)
    return Seller(provider, staff, offering, made.token, key.key_id, private)


def given_a_rated_model(clerk: Any, chief: Any) -> AcceleratorModel:
    """Register an accelerator whose rate two people put into force."""
    at = clock.now()
    model = register_model("journey-card", "旅程加速卡", "演示", domestic=True, actor=clerk, at=at)
    rate = propose_rate(model, GFLOPS, valid_from=at, source="演示数据", actor=clerk, at=at)
    approve_rate(rate, actor=chief, at=at)
    return model


def _public_text(private: Ed25519PrivateKey) -> str:
    raw = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode()
