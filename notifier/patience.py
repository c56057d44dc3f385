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
        self._forget_old(name, now)
        is_first = not self._waits
        before, _ = self._waits.get(name, (FIRST_SECONDS / 2, 0.0))
        seconds = min(2 * before, LONGEST_SECONDS)
        self._waits[name] = seconds, now + seconds
        return is_first

    def went_well(self, name: str, now: float) -> bool:
        """Note that some work was done; True when it was the last that waited: to be said."""
        self._forget_old(name, now)
        return self.forget(name) and not self._waits

    def forget(self, name: str) -> bool:
        """Wait for some work no more; whether it had to. Nothing is to be said."""
        return self._waits.pop(name, None) is not None

    def _forget_old(self, name: str, now: float) -> None:
        """Forget what could long have been tried again and was not, but for this one."""
        for other, (_, until) in list(self._waits.items()):
            if other != name and now >= until + LONGEST_SECONDS:
                del self._waits[other]
