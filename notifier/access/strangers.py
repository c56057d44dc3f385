"""Who comes without a valid key: so many at once from a network, and then a few.

Kept in memory, so that a refusal costs no look at the database. Who has shown a valid key to this
process is no stranger, whatever others in their network do.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from notifier.subscriptions.buckets import Rate
from notifier.subscriptions.remembered import Remembered

RATE = Rate(30, timedelta(seconds=10))
_MOST = 10_000  # keys that are remembered


class Strangers:
    """Token buckets by network, and the keys that were valid."""

    def __init__(self) -> None:
        self._tries = Remembered(RATE)
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def is_known(self, digest: bytes) -> bool:
        """Whether a key was valid when it was shown last."""
        return digest in self._known

    def know(self, digest: bytes) -> None:
        """Remember that a key is valid."""
        self._known[digest] = None
        self._known.move_to_end(digest)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def forget(self, digest: bytes) -> None:
        """Remember no more that a key was valid."""
        self._known.pop(digest, None)

    def may_try(self, host: str, now: datetime) -> bool:
        """Whether the network of a host (an IP address, or "") has a try left."""
        return self._tries.has(host, now)

    def failed(self, host: str, now: datetime) -> None:
        """Count a try that failed."""
        self._tries.take(host, now)
