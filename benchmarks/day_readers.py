"""Who reads, where and when: a seeded population of subscribers for a simulated day.

The shares are parameters. Zones: five are those of the world's researchers (UNESCO Science Report
"Towards 2030", 2015, figures of 2013: European Union with the United Kingdom 22.2 %, China 19.1,
United States 16.7, Japan 8.5, Russia 5.7); how these are cut into zones, and the rest, is an
assumption of ours. So are the hours, days and destinations: the product counts no reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import numpy as np

from notifier.digests import cadence
from notifier.profiles.profile import Schedule

ZONES: Mapping[str, float] = {
    "Europe/Berlin": 12.2, "Europe/London": 4.5, "Europe/Athens": 2.0, "Europe/Lisbon": 1.0,
    "Europe/Warsaw": 2.5,
    "Asia/Shanghai": 19.1,
    "America/New_York": 8.0, "America/Chicago": 3.7, "America/Denver": 1.2,
    "America/Los_Angeles": 3.8,
    "Asia/Tokyo": 8.5,
    "Europe/Moscow": 4.7, "Asia/Yekaterinburg": 1.0,
    # From here on: assumed.
    "Asia/Seoul": 4.0, "Asia/Kolkata": 5.0, "America/Sao_Paulo": 3.0, "America/Toronto": 2.0,
    "Australia/Sydney": 1.8, "Europe/Istanbul": 1.8, "Asia/Tehran": 1.2, "Asia/Singapore": 1.5,
    "Asia/Jerusalem": 1.2, "Europe/Zurich": 1.3, "Africa/Cairo": 1.0, "Africa/Johannesburg": 0.7,
    "America/Mexico_City": 0.8, "America/Argentina/Buenos_Aires": 0.8, "Pacific/Auckland": 0.5,
    "Asia/Karachi": 0.7, "Asia/Jakarta": 0.5,
}  # fmt: skip
# The chosen hour and minute. 07:00 is the default of the form, so most keep it.
TIMES: Mapping[tuple[int, int], float] = {
    (5, 0): 2, (6, 0): 7, (6, 30): 4, (7, 0): 34, (7, 30): 6, (8, 0): 20, (8, 30): 4, (9, 0): 11,
    (10, 0): 3, (12, 0): 3, (17, 0): 2, (18, 0): 2, (20, 0): 1, (22, 0): 1,
}  # fmt: skip
# Days and cadence; weekly ones on their first day.
RHYTHMS: Mapping[tuple[tuple[int, ...], str], float] = {
    ((0, 1, 2, 3, 4), "daily"): 70, (tuple(range(7)), "daily"): 10, ((0, 2, 4), "daily"): 4,
    ((0,), "weekly"): 9, ((4,), "weekly"): 4, ((2,), "weekly"): 2, ((6,), "weekly"): 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shares:
    """How readers are divided; the numbers are weights and need not add up to anything."""

    zones: Mapping[str, float] = field(default_factory=lambda: ZONES)
    times: Mapping[tuple[int, int], float] = field(default_factory=lambda: TIMES)
    rhythms: Mapping[tuple[tuple[int, ...], str], float] = field(default_factory=lambda: RHYTHMS)


@dataclass(frozen=True, slots=True)
class Readers:
    """Some subscribers: `schedules`, and which of them is each one's, by row from 1."""

    schedules: Sequence[Schedule]
    chosen: np.ndarray[Any, Any]

    def due(
        self, day: datetime, *, spread_minutes: int, first_row: int = 1
    ) -> np.ndarray[Any, Any]:
        """Return when, in seconds of a day that begins at `day` (aware UTC), digests are due.

        Of those alone whose chosen time falls into the day; not sorted, by row.
        """
        first = [self._first(schedule, day) for schedule in self.schedules]
        found = []
        for row, number in enumerate(self.chosen.tolist(), first_row):
            if (at := first[number]) < 24 * 3600:
                behind = cadence.behind(self.schedules[number], row, spread_minutes)
                found.append(at + behind.total_seconds())
        return np.array(found, dtype=np.float64)

    @staticmethod
    def _first(schedule: Schedule, day: datetime) -> float:
        due = cadence.next_due(schedule, day - timedelta(microseconds=1))
        return (due - day).total_seconds()


def readers(count: int, seed: int, shares: Shares | None = None) -> Readers:
    """Return so many readers, the same for the same seed."""
    of = shares or Shares()
    chance = np.random.default_rng([seed, 1])
    parts = [_drawn(chance, weights, count) for weights in (of.zones, of.times, of.rhythms)]
    schedules = [
        Schedule(zone, hour, minute, days, cadence=kind)  # type: ignore[arg-type]  # of RHYTHMS
        for zone, (hour, minute), (days, kind) in product(of.zones, of.times, of.rhythms)
    ]
    shape = len(of.zones), len(of.times), len(of.rhythms)
    return Readers(schedules, np.ravel_multi_index(tuple(parts), shape))


def _drawn(
    chance: np.random.Generator, weights: Mapping[Any, float], count: int
) -> np.ndarray[Any, Any]:
    shares = np.array(list(weights.values()), dtype=np.float64)
    return chance.choice(len(shares), count, p=shares / shares.sum())
