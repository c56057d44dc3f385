"""Token buckets by network, kept in memory: what is refused costs no look at the database.

A page that only shows something may count who asks for it and changes nothing that is stored.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from notifier.subscriptions.buckets import Bucket, Rate, network_of, taken

_MOST = 10_000  # networks that are remembered, the one that asked longest ago forgotten first


class Remembered:
    """The buckets of one process. Not for threads: who shares it holds a lock."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def has(self, host: str, now: datetime) -> bool:
        """Whether the network of a host (an IP address, or "") has a token left."""
        network = network_of(host)
        return not network or taken(self._buckets.get(network), self._rate, now) is not None

    def take(self, host: str, now: datetime) -> bool:
        """Take a token; False where there is none. Who cannot be told apart has any number."""
        network = network_of(host)
        if not network:
            return True
        left = taken(self._buckets.get(network), self._rate, now)
        if left is None:
            return False
        self._buckets[network] = left
        self._buckets.move_to_end(network)
        while len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return True
