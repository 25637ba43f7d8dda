"""Address blocks are written one way; only a trusted proxy may speak for somebody else."""

from ipaddress import ip_network

import pytest

from ledger.networks import NetworksRefused, allows, caller_address, plain, read_networks

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ([], []),
        (["", "  "], []),
        (["203.0.113.7"], ["203.0.113.7/32"]),
        (
            ["2001:DB8::/32", "203.0.113.0/24", "203.0.113.0/24"],
            ["203.0.113.0/24", "2001:db8::/32"],
        ),
    ],
)
def test_blocks_are_kept_in_one_spelling(lines, kept):
    assert read_networks(lines) == kept


@pytest.mark.parametrize(
    "line",
    ["0.0.0.0/0", "::/0", "203.0.113.1/24", "203.0.113", "host.example", "1.2.3.4/33", "１.2.3.4"],
)
def test_what_is_no_block_is_refused_by_name(line):
    with pytest.raises(NetworksRefused, match=line[:4].replace(".", r"\.")):
        read_networks([line])


def test_too_many_blocks_are_refused():
    with pytest.raises(NetworksRefused, match="20"):
        read_networks([f"203.0.{number}.0/24" for number in range(21)])


@pytest.mark.parametrize(
    ("remote", "forwarded", "caller"),
    [
        ("198.51.100.9", "", "198.51.100.9"),
        ("198.51.100.9", "203.0.113.7", "198.51.100.9"),  # nobody asked this one to speak
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),  # what stands before is hearsay
        ("10.0.0.1", "1.1.1.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "None"),
        ("", "203.0.113.7", "None"),
    ],
)
def test_the_caller_is_whom_the_last_trusted_proxy_names(remote, forwarded, caller):
    assert str(caller_address(remote, forwarded, PROXIES)) == caller


def test_an_empty_list_lets_everybody_in_and_another_only_its_own():
    assert allows([], None)
    assert allows(["203.0.113.0/24", "2001:db8::/32"], plain("203.0.113.200"))
    assert allows(["203.0.113.0/24", "2001:db8::/32"], plain("2001:db8:1::5"))
    assert allows(["203.0.113.0/24"], plain("::ffff:203.0.113.9"))
    assert not allows(["203.0.113.0/24"], plain("203.0.114.1"))
    assert not allows(["203.0.113.0/24"], plain("2001:db8::1"))
    assert not allows(["203.0.113.0/24"], None)
