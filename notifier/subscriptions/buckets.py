"""How often something may be asked for: token buckets. Pure.

A bucket holds `size` tokens at most and gets one `every` so often; each request takes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and one more every so often."""

    size: int
    every: timedelta

    @property
    def whole(self) -> timedelta:
        """After so long an empty bucket is full again."""
        return self.size * self.every


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens, 0 to the rate's size, as of a moment (aware UTC)."""

    tokens: float
    at: datetime


def taken(bucket: Bucket | None, rate: Rate, now: datetime) -> Bucket | None:
    """Return the bucket without one token; None when it holds none. No bucket is a full one.

    A clock that was set back fills nothing.
    """
    tokens: float = rate.size
    if bucket:
        gained = max((now - bucket.at) / rate.every, 0.0)
        tokens = min(bucket.tokens + gained, rate.size)
    return Bucket(tokens - 1, now) if tokens >= 1 else None


def network_of(host: str) -> str:
    """Return the network that an address is one of many in: /24, or /48 of IPv6.

    "" for a proxy on this machine that nobody trusts, and for what is no address: readers cannot
    be told apart there.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_loopback:
        return ""
    return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))
