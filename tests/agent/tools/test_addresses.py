"""Which addresses a tool may reach."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from dialogari.agent.addresses import ForbiddenAddressError, Network, check_address

EVERYTHING: list[Network] = [ip_network("0.0.0.0/0"), ip_network("::/0")]


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.128.0.1", "223.255.255.1"),
        *("2606:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"),
    ],
)
def test_public_addresses_pass(address: str) -> None:
    """Without a setting, what is public may be reached, by NAT64 and mapped as well."""
    check_address(address, [])


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.1", "100.64.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9"),
        *("240.0.0.1", "192.0.0.8", "192.88.99.1"),
        *("::1", "fc00::1", "fd12:3456::1", "2001:db8::1", "100::1", "fec0::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3"),
        *("64:ff9b:1::8.8.8.8", "::127.0.0.1", "::8.8.8.8", "2002:7f00:1::1", "2002:808:808::1"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "fd00::1%eth0", "5f00::1"),
    ],
)
def test_private_addresses_need_a_setting(address: str) -> None:
    """What is not public is refused, however it is wrapped, until TOOL_NETWORKS names it."""
    with pytest.raises(ForbiddenAddressError):
        check_address(address, [])

    check_address(address, EVERYTHING)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"),
        *("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254"),
        *("fd00:c1::a9fe:a9fe", "fd00:42::42", "0.0.0.0", "0.1.2.3", "::"),  # noqa: S104 - refused
        *("224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255"),
        *("::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "::ffff:0.0.0.0"),
        *("64:ff9b::100.100.100.200", "", "localhost", "127.1", "2130706433", "0x7f000001"),
    ],
)
def test_some_are_never_reached(address: str) -> None:
    """Link-local, metadata, unspecified and multicast: not even where TOOL_NETWORKS is all."""
    with pytest.raises(ForbiddenAddressError):
        check_address(address, EVERYTHING)


@pytest.mark.parametrize(
    ("address", "passes"),
    [
        ("192.168.10.7", True),
        ("192.168.11.7", False),
        ("::ffff:192.168.10.7", True),
        ("64:ff9b::192.168.10.7", True),
        ("fd12::7", True),
        ("fd13::7", False),
        ("127.0.0.1", False),
    ],
)
def test_a_setting_opens_what_it_names(address: str, passes: bool) -> None:
    """A network that is named is open, in either form, and nothing beside it."""
    networks: list[Network] = [ip_network("192.168.10.0/24"), ip_network("fd12::/16")]
    if passes:
        check_address(address, networks)
    else:
        with pytest.raises(ForbiddenAddressError):
            check_address(address, networks)
