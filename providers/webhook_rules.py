"""What providers are told of, how it is signed, and to which addresses it may go.

Signing follows Standard Webhooks: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``
(``v1a``, Ed25519 over ``id.timestamp.body``). Each webhook has a key of its own, which follows from
the secret of the house and the webhook's id, so it is stored nowhere.

Source: reliability paper 1.2 rows 60 and 61, 2.3 A18; Standard Webhooks 1.0 (decision 0088).
"""

import base64
from collections.abc import Iterable, Sequence
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ledger.networks import Address, Network, plain, within

EVENTS: dict[str, str] = {
    "batch.finished": "批次处理完毕",
    "record.held": "记录待定",
    "statement.ready": "对账单已出",
    "statement.objected": "对账单收到异议",
    "statement.decided": "对账异议有结果",
    "statement.deemed": "对账单视为确认",
    "settlement.approved": "结算已签发",
    "settlement.paid": "款项已付",
    "key.expiring": "密钥即将到期",
}
#: Pauses before each further try; together a little over a day.
PAUSES = tuple(
    timedelta(seconds=each) for each in (10, 60, 300, 1800, 3600, 7200, 14_400, 21_600, 43_200)
)
MOST_URL = 500
#: Blocks of IPv6 that carry an IPv4 address inside, which may be an inner one.
_CARRIERS = tuple(
    ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
_SEED_BYTES = 32


class AddressRefused(ValueError):  # noqa: N818 - says why an address will not do
    """An address that is not called; the message is Chinese."""


def key_of(secret: str, webhook_id: UUID) -> Ed25519PrivateKey:
    """Return the signing key of a webhook under a secret of the house."""
    derived = HKDF(SHA256(), _SEED_BYTES, salt=webhook_id.bytes, info=b"slq webhook v1a")
    return Ed25519PrivateKey.from_private_bytes(derived.derive(secret.encode()))


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public half as receivers take it: ``whpk_`` and Base64."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return "whpk_" + base64.b64encode(raw).decode()


def signed_headers(
    key: Ed25519PrivateKey, message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three fields that a receiver checks."""
    signature = key.sign(f"{message_id}.{timestamp}.".encode() + body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1a," + base64.b64encode(signature).decode(),
    }


def check_url(url: str, allowed: Sequence[Network]) -> SplitResult:
    """Return the parts of an address that may be registered.

    Plain http is for addresses that the operator allows by number; nothing else goes unencrypted.

    Raises:
        AddressRefused: not https, no host, user or fragment in it, or a number that is not public.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("地址写法不对。") from error
    host = parts.hostname or ""
    plain_url = url.isascii() and url.isprintable() and " " not in url and len(url) <= MOST_URL
    if not host or not plain_url or port == 0:
        raise AddressRefused("地址写法不对。")
    if parts.username or parts.password or parts.fragment:
        raise AddressRefused("地址中不能有用户名、口令或片段。")
    numeric = plain(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and within(numeric, allowed)):
        raise AddressRefused("只能通知 https 地址。")
    if numeric is not None:
        check_addresses([host], allowed)
    return parts


def check_addresses(found: Iterable[str], allowed: Sequence[Network]) -> str:
    """Return one address to call, of those a name leads to; each of them must be a public one.

    Raises:
        AddressRefused: none, or one that is private, local, or otherwise not of the internet.
    """
    addresses = [plain(each.partition("%")[0]) for each in found]
    if not addresses:
        raise AddressRefused("域名没有地址。")
    if not all(within(each, allowed) or _is_public(each) for each in addresses):
        raise AddressRefused("地址指向内部网络，不予通知。")
    return str(addresses[0])


def _is_public(address: Address | None) -> bool:
    if address is None or within(address, _CARRIERS):
        return False
    return address.is_global and not address.is_multicast
