"""Who asks for mails too often is not given more: by the address, and by the asker's network."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from sqlalchemy import Connection

from notifier.storage import store_buckets
from notifier.subscriptions.buckets import Bucket, Rate, network_of, taken

# A person who mistypes or waits for a mail that is slow; a lab that signs up together.
BY_ADDRESS = Rate(3, timedelta(hours=1))
BY_NETWORK = Rate(30, timedelta(minutes=2))
# Rules tried while they are typed: each takes some hundredths of a second of a processor.
TRIES = Rate(120, timedelta(seconds=1))
LONGEST = max(BY_ADDRESS.whole, BY_NETWORK.whole, TRIES.whole)


class Gate:
    """Token buckets under names made with `secret`, so that no address is kept for them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def lets_network(self, conn: Connection, host: str, *, now: datetime) -> bool:
        """Whether the network of an asker (an IP address, or "") may ask once more."""
        network = network_of(host)
        return not network or self._take(conn, f"network:{network}", BY_NETWORK, now)

    def lets_try(self, conn: Connection, host: str, *, now: datetime) -> bool:
        """Whether rules may be tried once more for the network of an asker."""
        network = network_of(host)
        return not network or self._take(conn, f"tries:{network}", TRIES, now)

    def lets_address(self, conn: Connection, address: str, *, now: datetime) -> bool:
        """Whether an address may be sent one more mail that somebody asked for."""
        return self._take(conn, f"address:{address}", BY_ADDRESS, now)

    def _take(self, conn: Connection, about: str, rate: Rate, now: datetime) -> bool:
        name = hmac.new(self._secret, f"bucket:{about}".encode(), hashlib.sha256).hexdigest()[:32]
        found = store_buckets.get(conn, name)
        left = taken(Bucket(*found) if found else None, rate, now)
        if left is None:
            return False
        store_buckets.keep(conn, name, left.tokens, left.at)
        return True
