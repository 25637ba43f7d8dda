"""Who may use a key from where and how much: asked once a request, told with every answer."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ledger.networks import allows, caller_address
from ledger.refusals import Refused
from providers import limits
from providers.models import ProviderKey
from providers.problems import CATALOGUE

_COUNTED_BY_RECORDS = ("/batches", "/validate")


def check_use(request: HttpRequest, key: ProviderKey) -> None:
    """Refuse a strange address, and whoever asks too much; counted once a request.

    Raises:
        Refused: ``address_not_allowed`` or ``rate_limited``.
    """
    if hasattr(request, "rate"):
        return
    came = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    address = caller_address(*came, settings.ACCESS.trusted_proxies)
    if not allows(key.networks, address):
        raise Refused(
            "address_not_allowed",
            f"{CATALOGUE['address_not_allowed'].zh}：来自 {address or '未知地址'}。",
            details={"address": str(address or "")},
        )
    uploads = request.method == "POST" and request.path.endswith(_COUNTED_BY_RECORDS)
    standing = limits.count_request(key, upload=uploads)
    request.rate = standing  # type: ignore[attr-defined]
    if standing.refused:
        raise Refused("rate_limited", CATALOGUE["rate_limited"].zh)


def count_records(request: HttpRequest, key: ProviderKey, records: int) -> None:
    """Count the records that this request brought, for its answer and the next one."""
    request.rate = limits.count_records(key, records)  # type: ignore[attr-defined]


def tell_standing(request: HttpRequest, response: Any) -> None:
    """Put onto an answer how its key stands against the limits."""
    standing: limits.Standing | None = getattr(request, "rate", None)
    if standing is not None:
        for name, value in standing.headers.items():
            response[name] = value
