"""When a lease may be taken over. Pure: no clock of another machine is trusted, nor our own date.

A holder renews its lease all the time. Who waits counts the seconds in which the beat stood still
while it looked; who holds it stops acting well before anybody can have counted to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from notifier.storage.store_processes import Lease

# Shares of a lease: of 45 seconds, a beat comes every 10 and a look every 2.
_BEATS, _LOOKS = 4.5, 22.5


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long a lease lasts without a beat, in seconds that nobody sets."""

    lease_seconds: float = 45.0

    @property
    def beat_seconds(self) -> float:
        """How often the holder renews it."""
        return self.lease_seconds / _BEATS

    @property
    def look_seconds(self) -> float:
        """How often who waits looks at it."""
        return self.lease_seconds / _LOOKS

    def is_fresh(self, renewed: float | None, now: float) -> bool:
        """Whether a lease renewed at a time is ours beyond doubt, with a beat's time to spare."""
        return renewed is not None and now - renewed < self.lease_seconds - self.beat_seconds


@dataclass(frozen=True, slots=True)
class Watched:
    """A lease as it was last seen; `moved`: its holder was seen to live; the look was `at`."""

    lease: Lease
    at: float
    still_seconds: float = 0.0
    moved: bool = False


def watched(before: Watched | None, lease: Lease, at: float, rhythm: Rhythm) -> Watched:
    """Return what is known after a look `at` so many seconds.

    A pause between two looks counts as two at most: whoever slept may have slept with the holder.
    """
    if before is None or before.lease.holder != lease.holder:
        return Watched(lease, at)
    if before.lease.beat != lease.beat:
        return Watched(lease, at, moved=True)
    more = min(at - before.at, 2 * rhythm.look_seconds)
    return Watched(lease, at, before.still_seconds + more, before.moved)
