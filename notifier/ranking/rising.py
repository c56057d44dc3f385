"""What rose of late: "+38 upvotes in 24 h".

Pure. Only what two readings show is told, and the time named is the whole one between them: where
a number was last known to be lower five days ago, it has risen in five days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from notifier.ranking.trending import Reading

WINDOW = timedelta(hours=24)
# A paper rises when at least this share of one of its numbers is of late: of 100 upvotes 25.
RISING_SHARE = 0.25


class Rise(NamedTuple):
    """A signal went up by `gain`, to `value`, since so long ago."""

    name: str
    gain: float
    since: timedelta
    value: float


def rise(readings: Iterable[Reading], now: datetime, *, window: timedelta = WINDOW) -> list[Rise]:
    """Return what has risen, the highest gain first.

    Args:
        readings: Of one paper, in order of time; those after `now` take no part.
        now: Aware UTC.
        window: A signal is compared with what it was so long before `now`: its last reading up to
            then, else its first one. One that was not read since then has not risen.
    Returns:
        At most one for each signal, with `gain` above 0. Of one that several sources tell, the
        source that tells the least: the rise is true for all that have seen it rise.
    """
    series: dict[str, dict[str, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        if reading.read_at <= now:
            series[reading.name][reading.source].append(reading)
    found = [
        min(rises, key=lambda one: (one.gain, one.since))
        for sources in series.values()
        if (rises := [r for told in sources.values() if (r := _rise(told, now, window)).gain > 0])
    ]
    return sorted(found, key=lambda one: (-one.gain, one.name))


def is_rising(rises: Sequence[Rise]) -> bool:
    """Return whether a good part of what is known of a paper is of late."""
    return any(one.gain >= RISING_SHARE * one.value for one in rises)


def _rise(told: list[Reading], now: datetime, window: timedelta) -> Rise:
    before = [reading for reading in told if reading.read_at <= now - window]
    start, end = (before or told)[-1 if before else 0], told[-1]
    return Rise(end.name, end.value - start.value, now - start.read_at, end.value)
