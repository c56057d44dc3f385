"""Who asks for mails too often is not given more: by the address, and by the asker's network."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from sqlalchemy import Connection

from notifier import errors
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

    def let_ask(self, conn: Connection, host: str, *, now: datetime) -> None:
        """Let the network of an asker (an IP address, or "") ask for one more mail.

        Raises:
            TooOften: it has asked for very many.
        """
        if not self._lets_network(conn, "network", host, BY_NETWORK, now):
            raise errors.TooOften("too many mails were asked for from this network")

    def let_try(self, conn: Connection, host: str, *, now: datetime) -> None:
        """Let rules be tried once more for the network of an asker.

        Raises:
            TooOften: it has tried very many.
        """
        if not self._lets_network(conn, "tries", host, TRIES, now):
            raise errors.TooOften("very many rules were tried from this network")

    def _lets_network(
        self, conn: Connection, kind: str, host: str, rate: Rate, now: datetime
    ) -> bool:
        network = network_of(host)
        return not network or self._take(conn, f"{kind}:{network}", rate, now)

    def lets_address(self, conn: Connection, address: str, *, now: datetime) -> bool:
        """Whether an address may be sent one more mail that somebody asked for."""
        return self._take(conn, f"address:{address}", BY_ADDRESS, now)

    def unnamed(self, about: str) -> str:
        """Return a name that tells nothing of what it stands for, the same each time."""
        return hmac.new(self._secret, about.encode(), hashlib.sha256).hexdigest()[:32]

    def _take(self, conn: Connection, about: str, rate: Rate, now: datetime) -> bool:
        name = self.unnamed(f"bucket:{about}")
        found = store_buckets.get(conn, name)
        left = taken(Bucket(*found) if found else None, rate, now)
        if left is None:
            return False
        store_buckets.keep(conn, name, left.tokens, left.at)
        return True
