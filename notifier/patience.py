"""How long pieces of work wait that fail since the database cannot be used now, and when to say so.

Pure: times are seconds of a clock that only goes on. A full disk makes everything fail again and
again: it is said once, tried less and less often, and said when it is over.
"""

from __future__ import annotations

FIRST_SECONDS, LONGEST_SECONDS = 5.0, 300.0


class Patience:
    """What waits, by name."""

    def __init__(self) -> None:
        self._waits: dict[str, tuple[float, float]] = {}  # how long, and until when

    def has_to_wait(self, name: str, now: float) -> bool:
        """Return whether it is too soon to try some work again."""
        return name in self._waits and now < self._waits[name][1]

    def failed(self, name: str, now: float) -> bool:
        """Note that some work could not be done now; True when nothing else waits: to be said."""
        is_first = not self._waits
        before, _ = self._waits.get(name, (FIRST_SECONDS / 2, 0.0))
        seconds = min(2 * before, LONGEST_SECONDS)
        self._waits[name] = seconds, now + seconds
        return is_first

    def went_well(self, name: str) -> bool:
        """Note that some work was done; True when it was the last that waited: to be said."""
        return self._waits.pop(name, None) is not None and not self._waits
