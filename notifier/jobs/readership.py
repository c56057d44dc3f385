"""How an instance's readers are: by the week they came, by what they say, by what they get.

For whoever runs it. Counts below five are hidden, since they tell of single people; and where one
count alone would be hidden, the next smallest is, too, or the sum would give it away (complementary
suppression: Hundepool and others, Statistical Disclosure Control, 2012, section 4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock

from sqlalchemy import Connection

from notifier.storage import store_cohorts, store_readership
from notifier.storage.database import Database
from notifier.storage.store_cohorts import BECAME, WEEK

HIDDEN_BELOW = 5
WEEKS = 12
DIGESTS = 20_000
PROFILES = 5_000
KEPT_FOR = timedelta(minutes=10)
# How many matches a week: from this number to below the next.
BOUNDS = (0, 1, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Those who confirmed in the week from a Monday on, and what became of them by now.

    None: hidden.
    """

    week: date
    confirmed: int | None
    active: int | None
    paused: int | None
    left: int | None
    bounced: int | None
    complained: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """What was said of papers at one place of digests, from 1; None: hidden."""

    place: int
    shown: int | None
    up: int | None
    saved: int | None
    down: int | None


@dataclass(frozen=True, slots=True)
class Share:
    """How many profiles had `least` to `most` matches in the last week (None: without end)."""

    least: int
    most: int | None
    profiles: int | None


@dataclass(frozen=True, slots=True)
class Readership:
    """All of it as of `now`; `digests` and `profiles`: so many were looked at."""

    now: datetime
    cohorts: tuple[Cohort, ...]
    digests: int
    places: tuple[Place, ...]
    profiles: int
    matches: tuple[Share, ...]


def readership(conn: Connection, *, now: datetime, weeks: int = WEEKS) -> Readership:
    """Return how the readers are at `now`: of so many weeks, from the first that has any."""
    placed = store_readership.by_place(conn, digests=DIGESTS)
    asked = store_readership.some_profiles(conn, PROFILES)
    numbers = store_readership.matches(conn, asked, since=now - WEEK)
    return Readership(
        now=now,
        cohorts=_cohorts(conn, now, weeks),
        digests=placed.digests,
        places=tuple(
            Place(
                place,
                _shown(placed.shown[place]),
                *(_shown(placed.votes.get((place, kind), 0)) for kind in ("up", "saved", "down")),
            )
            for place in sorted(placed.shown)
        ),
        profiles=len(asked),
        matches=_shares(numbers),
    )


def _cohorts(conn: Connection, now: datetime, weeks: int) -> tuple[Cohort, ...]:
    monday = store_cohorts.week_of(now)
    mondays = [monday - timedelta(weeks=back) for back in range(weeks)]
    counts = store_cohorts.counts(conn, mondays, now=now)
    rows = []
    for week in mondays:
        parts = [counts.get((week, became), 0) for became in BECAME]
        rows.append(Cohort(week, _shown(sum(parts)), *hidden(parts)))
    known = {week for week, _ in counts}
    return tuple(row for row in rows if known and row.week >= min(known))


def _shares(numbers: Sequence[int]) -> tuple[Share, ...]:
    ends = [*(bound - 1 for bound in BOUNDS[1:]), None]
    within = [
        sum(1 for one in numbers if one >= least and (most is None or one <= most))
        for least, most in zip(BOUNDS, ends, strict=True)
    ]
    counts = hidden(within)
    return tuple(Share(*one) for one in zip(BOUNDS, ends, counts, strict=True))


def _shown(count: int) -> int | None:
    return count if count >= HIDDEN_BELOW else None


def hidden(parts: Sequence[int]) -> list[int | None]:
    """Return the parts of a sum that is known, without those that tell of single people."""
    shown = [_shown(part) for part in parts]
    if shown.count(None) == 1 and len(shown) > 1 and parts[shown.index(None)]:
        least = min(part for part in shown if part is not None)
        shown[shown.index(least)] = None
    return shown


class Readers:
    """How the readers of one database are, worked out anew after some minutes."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, Lock()
        self._kept: Readership | None = None

    def at(self, now: datetime) -> Readership:
        """Return how they are at `now` (UTC), or were at most ten minutes before."""
        with self._lock:
            kept = self._kept
            if kept is None or not timedelta(0) <= now - kept.now < KEPT_FOR:
                with self._database.reading() as conn:
                    kept = self._kept = readership(conn, now=now)
            return kept
