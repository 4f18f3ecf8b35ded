"""Which addresses a tool may reach: the public ones, and the private ones the operator has named.

An address is judged by what it leads to: the IPv4 address within an IPv4-mapped or NAT64 one is
what counts. Where the metadata of a cloud's machine and its credentials are served, and what only
the own link can see, no setting opens. No I/O.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

Network = IPv4Network | IPv6Network

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""The well-known prefix of RFC 6052; the last 32 bits are an IPv4 address."""
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""All IPv6 that is handed out to be public (IANA); the standard library calls more of it global."""
_NOT_PUBLIC: Final[Sequence[Network]] = (
    IPv6Network("2001::/32"),  # Teredo: tunnels to IPv4
    IPv6Network("2002::/16"),  # 6to4: tunnels to IPv4
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("192.0.0.0/24"),  # protocol assignments; older Pythons call most of it global
)
_NEVER: Final[Sequence[Network]] = (
    IPv4Network("169.254.0.0/16"),  # link-local; metadata of nearly every cloud
    IPv6Network("fe80::/10"),  # link-local
    IPv6Network("fd00:ec2::/32"),  # metadata, AWS
    IPv6Network("fd20:ce::254/128"),  # metadata, Google
    IPv6Network("fd00:c1::a9fe:a9fe/128"),  # metadata, Oracle
    IPv6Network("fd00:42::42/128"),  # metadata, Scaleway
    IPv4Network("100.100.100.200/32"),  # metadata, Alibaba
    IPv4Network("168.63.129.16/32"),  # the host's agent, Azure
    IPv4Network("192.0.0.192/32"),  # metadata, Oracle
    IPv4Network("0.0.0.0/8"),  # this machine under another name
    IPv6Network("::/128"),
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv6Network("ff00::/8"),
    IPv4Network("255.255.255.255/32"),
)


class ForbiddenAddressError(OSError):
    """A tool's address is one that it may not reach."""


def check_address(text: str, networks: Sequence[Network]) -> None:
    """Let pass an address that tools may reach; `networks`: private ones they may.

    Raises:
        ForbiddenAddressError: they may not reach it, or it is no address.
    """
    try:
        address = _destination(ipaddress.ip_address(text))
    except ValueError:
        raise ForbiddenAddressError(f"{text} is no address") from None
    if _is_within(address, _NEVER) or not (_is_within(address, networks) or _is_public(address)):
        raise ForbiddenAddressError(f"{address} may not be reached")


def _destination(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return where a packet to this address ends."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    plain = IPv6Address(int(address))  # without the interface that may stand behind a `%`
    return IPv4Address(plain.packed[-4:]) if plain in _NAT64 else plain


def _is_within(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not _is_within(address, _NOT_PUBLIC)
