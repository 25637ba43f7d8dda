"""Settings around providers' keys: trusted proxies, rates of use, webhooks."""

from dataclasses import dataclass
from ipaddress import ip_network

from config.environment import EnvironmentReader
from ledger.networks import Network


@dataclass(frozen=True)
class Access:
    """How machines may come in, and where the house may call out to.

    Args:
        trusted_proxies: only these may say by ``X-Forwarded-For`` for whom they speak.
        requests, records: how many one key may send in a window.
        webhook_networks: private addresses that webhooks may reach all the same, also by http.
    """

    trusted_proxies: tuple[Network, ...]
    requests: int
    records: int
    window_seconds: int
    webhook_networks: tuple[Network, ...]


def read_access(env: EnvironmentReader) -> Access:
    """Read the variables; faults are remembered by the reader."""
    return Access(
        trusted_proxies=_networks(env, "TRUSTED_PROXIES"),
        requests=env.number("RATE_REQUESTS", default=30_000, at_least=1),
        records=env.number("RATE_RECORDS", default=6_000_000, at_least=1),
        window_seconds=env.number("RATE_WINDOW_SECONDS", default=60, at_least=1),
        webhook_networks=_networks(env, "WEBHOOK_NETWORKS"),
    )


def _networks(env: EnvironmentReader, name: str) -> tuple[Network, ...]:
    found: list[Network] = []
    for word in env.words(name, default=[]):
        try:
            found.append(ip_network(word))
        except ValueError:
            env.refuse(True, f"{name} has {word!r}: write blocks like 10.0.0.0/8, fd00::/8")
    return tuple(found)
