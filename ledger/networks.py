"""From where a key may be used: address blocks as filed, and which address a request came from.

Source: reliability paper 4.9 I15 (a spoofed X-Forwarded-For counts for nothing).
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
MOST_NETWORKS = 20


class NetworksRefused(ValueError):  # noqa: N818 - says which block will not do
    """A list of address blocks that cannot be filed; the message is Chinese."""


def read_networks(lines: Iterable[str]) -> list[str]:
    """Return address blocks in their one spelling, without repeats, in order.

    Raises:
        NetworksRefused: not an address or block, bits behind the mask, all addresses, or too many.
    """
    found: list[Network] = []
    for line in (each.strip() for each in lines):
        if not line:
            continue
        try:
            network = ip_network(line)
        except ValueError as error:
            raise NetworksRefused(
                f"“{line[:60]}”不是网段。请写成 203.0.113.0/24 或 2001:db8::/32，主机位须为零。"
            ) from error
        if network.prefixlen == 0:
            raise NetworksRefused(f"“{line[:60]}”包含所有地址；不限制来源请留空。")
        if network not in found:
            found.append(network)
    if len(found) > MOST_NETWORKS:
        raise NetworksRefused(f"最多填写 {MOST_NETWORKS} 个网段，请合并。")
    return [str(each) for each in sorted(found, key=lambda each: (each.version, each))]


def plain(text: str) -> Address | None:
    """Return an address, an IPv4 one written as IPv6 as what it is; nothing if it is none."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Say whether an address lies in one of the blocks."""
    return address is not None and any(
        address.version == each.version and address in each for each in networks
    )


def caller_address(remote: str, forwarded: str, trusted: Sequence[Network]) -> Address | None:
    """Return where a request came from.

    Only what a trusted proxy wrote counts: of ``X-Forwarded-For`` the last address that is not a
    trusted proxy itself. Whoever comes directly may write there what they like.

    Args:
        remote: who holds the other end of the connection.
        forwarded: the header as it came, if any.
    """
    address = plain(remote)
    for said in reversed(forwarded.split(",") if forwarded else []):
        if not within(address, trusted):
            break
        address = plain(said)
    return address


def allows(networks: Sequence[str], address: Address | None) -> bool:
    """Say whether a list of blocks lets an address in; an empty list lets everybody in."""
    return not networks or within(address, [ip_network(each) for each in networks])
