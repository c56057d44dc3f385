"""How many mails may be taken for sending in a time, in whatever window of that length.

Pure. A bucket of tokens that fills up again lets twice its number through in one window: the last
of one filling and the first of the next. Here every window is cut into `PARTS`; a mail counts in
its part, and a part is forgotten as a whole, once all of it has left the window. So there are never
more than `most` in any window, wherever it begins; the price is that a limit that is used up stays
so for a `PARTS`th of the window longer than it need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PARTS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` mails in any window of so many `seconds`."""

    seconds: int
    most: int

    def part(self, now: datetime) -> int:
        """Return the number of the part that `now` lies in."""
        # In whole microseconds: a float would put a moment at a part's edge into either.
        microseconds = (now - _EPOCH) // timedelta(microseconds=1)
        return microseconds * PARTS // (self.seconds * 1_000_000)

    def begins(self, part: int) -> datetime:
        """Return when a part begins."""
        return _EPOCH + timedelta(microseconds=-(part * self.seconds * -1_000_000 // PARTS))


def counted(taken: Mapping[int, int], limit: Limit, now: datetime) -> dict[int, int]:
    """Return what counts now, by part.

    Parts further ahead than a window are of a clock that was set back: they count as of now.
    """
    present = limit.part(now)
    found: dict[int, int] = {}
    for part, number in taken.items():
        if part >= present - PARTS:
            kept = present if part > present + PARTS else part
            found[kept] = found.get(kept, 0) + number
    return found


def full_until(taken: Mapping[int, int], limit: Limit, now: datetime) -> datetime | None:
    """Return from when on there is room for one more; None: there is room now.

    Args:
        taken: Mails by part, as `counted` returns them.
    """
    left = sum(taken.values())
    if left < limit.most:
        return None
    for part in sorted(taken):
        left -= taken[part]
        if left < limit.most:
            return limit.begins(part + PARTS + 1)
    return limit.begins(limit.part(now) + PARTS + 1)  # only where `most` is 0
