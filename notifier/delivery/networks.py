"""Which network addresses a channel may lead to: public ones, and those the operator lists.

Pure. What counts is the address that is connected to, not the name that was written: a name can be
made to lead anywhere, and to another place a moment later.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network
# What is given out to be used in the internet (IANA); the rest of the new kind is for itself,
# or for translators, which make one of the old kind of the last 32 bits (RFC 6052, RFC 8215).
_GIVEN_OUT = IPv6Network("2000::/3")


class Reach:
    """What may be asked beside the services' own hosts: hosts, with a port or any, and networks."""

    def __init__(self, listed: Iterable[str]) -> None:
        """Take what is listed: `ntfy.lan`, `ntfy.lan:8080`, `10.0.0.5`, `10.0.0.0/24`."""
        self.listed = tuple(one.lower() for one in listed)
        self._networks = [network for one in self.listed if (network := _network(one))]

    def names(self, host: str, port: int | None = None) -> bool:
        """Return whether a host is listed, by itself or with this port."""
        bare = host.lower().rstrip(".")
        address = _address(bare)
        if address is not None:
            return self._holds(address, port)
        return bool({bare, f"{bare}:{port}"} & set(self.listed))

    def leads_to(self, address: str, port: int) -> bool:
        """Return whether an IP address may be connected to: a public one, or one that is listed."""
        found = _address(address.partition("%")[0])
        return found is not None and (is_public(found) or self._holds(found, port))

    def _holds(self, address: IpAddress, port: int | None) -> bool:
        written = f"[{address}]" if address.version == 6 else str(address)
        by_port = f"{written}:{port}" in self.listed
        return by_port or any(address in network for network in self._networks)


def is_public(address: IpAddress) -> bool:
    """Return whether an address is one of the internet, and holds no other one inside."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address.sixtofour or address.teredo or address not in _GIVEN_OUT:
            return False
    return address.is_global and not address.is_multicast


def _address(written: str) -> IpAddress | None:
    """The address that is written; one of the old kind in the dress of the new is of the old."""
    try:
        found = ip_address(written)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(written: str) -> IpNetwork | None:
    host, colon, _ = written.rpartition(":")
    if colon and host.count(":") == 0:  # with a port: this host, by this port only
        return None
    try:
        return ip_network(written.strip("[]"))
    except ValueError:
        return None
