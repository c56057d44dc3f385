"""When a source is expected to show something new.

Pure. All times are aware UTC; a calendar's own hours are meant in its zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_LONGEST_BREAK = 60  # days that are looked through for a working one
MON_FRI = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Expected:
    """One batch: papers of it cannot be seen before `opens`, and should be here by `due`."""

    opens: datetime
    due: datetime


class Rhythm(Protocol):
    """When batches come."""

    @property
    def share(self) -> float:
        """Which share of an answer's entries must be of the newest batch, in [0, 1], for the
        answer to be current; 0: a single one is enough."""

    def last(self, now: datetime) -> Expected | None:
        """Return the newest batch that is due at `now`; None where nothing ever is."""

    def next(self, now: datetime) -> datetime | None:
        """Return when the next batch is due, after `now`; None where nobody can say."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Batches on working days: each opens at `opens`, local time, and is due `within` after it.

    `days` are weekday numbers (Monday 0) of the opening, `holidays` local dates without one.
    """

    zone: str
    days: tuple[int, ...]
    opens: time
    within: timedelta
    share: float = 0.0
    holidays: frozenset[date] = frozenset()

    def last(self, now: datetime) -> Expected | None:
        day = now.astimezone(ZoneInfo(self.zone)).date()
        for _ in range(_LONGEST_BREAK):
            if self._opens_on(day) and (batch := self._batch(day)).due <= now:
                return batch
            day -= _DAY
        return None

    def next(self, now: datetime) -> datetime | None:
        day = (now - self.within).astimezone(ZoneInfo(self.zone)).date()
        for _ in range(_LONGEST_BREAK):
            if self._opens_on(day) and (batch := self._batch(day)).due > now:
                return batch.due
            day += _DAY
        return None

    def _opens_on(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays

    def _batch(self, day: date) -> Expected:
        opens = datetime.combine(day, self.opens, ZoneInfo(self.zone)).astimezone(UTC)
        return Expected(opens, opens + self.within)


@dataclass(frozen=True, slots=True)
class Silence:
    """No calendar is known; only a silence of more than `longest` is out of the ordinary."""

    longest: timedelta
    share: float = 0.0

    def last(self, now: datetime) -> Expected | None:
        return Expected(now - self.longest, now - self.longest)

    def next(self, now: datetime) -> datetime | None:
        return None
