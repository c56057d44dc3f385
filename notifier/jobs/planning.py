"""Plan the digests that are due, thousands in one transaction; who writes them is another matter.

The digest is put down as planned and the subscriber's time moved beyond now in one transaction, so
two who plan at once plan nothing twice. Who is due again before it is written gets one for both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from notifier.digests import cadence
from notifier.jobs import set_back
from notifier.jobs.edition import NOTHING_MISSING, ComposeSettings, Outlook
from notifier.jobs.expiry import end_stale
from notifier.profiles.profile import Schedule
from notifier.storage import store_ahead, store_due, store_left_out, store_planned
from notifier.storage.database import Database
from notifier.storage.store_due import Due

log = structlog.get_logger()

# Planned in one transaction, for which all others wait: about a tenth of a second.
TOGETHER = 5000
# Looked for at once: a number each is kept in memory.
_AT_ONCE = 1_000_000
TRY_AGAIN = timedelta(minutes=15)


@dataclass(slots=True)
class Planned:
    """Whose digests were planned, those of one transaction by row.

    `waiting` are due and wait for a source that is late. `failed` cannot be read, and are looked at
    again in a while. `expired` mails were ended: their papers belong into what is written now.
    """

    rows: list[int] = field(default_factory=list)
    waiting: int = 0
    failed: int = 0
    expired: int = 0


def plan(
    database: Database,
    settings: ComposeSettings,
    *,
    now: datetime,
    outlook: Outlook = NOTHING_MISSING,
    stopping: Callable[[], bool] = lambda: False,
) -> Planned:
    """Plan every digest that is due at `now`; run again, it plans none.

    `stopping` is asked before each transaction; whoever is left over is due at the next run.
    """
    set_back.notice(database, settings, now=now, stopping=stopping)
    done = Planned(expired=_expire(database, settings, now))
    due = Due(now)
    if outlook.waits:  # a sample, of days that are gone, waits for no source
        due = Due(now, waited_since=now - settings.wait, samples=settings.sample)
        with database.reading() as conn:
            done.waiting = due.others(conn)
    times = _Times(now, settings.spread_minutes)
    for some in _found(database, due):
        if stopping():
            break
        _plan(database, due, some, times, done)
    return done


def _found(database: Database, due: Due) -> Iterator[Sequence[int]]:
    """Who is due, some at a time; found anew until those are all."""
    rows, is_all = list[int](), False
    while not is_all:
        with database.asking() as conn:
            rows = due.rows(conn, limit=_AT_ONCE)
        is_all = len(rows) < _AT_ONCE
        for first in range(0, len(rows), TOGETHER):
            yield rows[first : first + TOGETHER]


class _Times:
    """The next times of subscribers beyond `now`; see `cadence.planned`, which says them."""

    def __init__(self, now: datetime, spread_minutes: int) -> None:
        self._now, self._spread_minutes = now, spread_minutes
        self._schedules: dict[tuple[Any, ...], Schedule] = {}

    def beyond(self, row: int, *written: Any) -> datetime:
        """Return the next time of one, from what is written of their schedule.

        Raises:
            Exception: it is no schedule.
        """
        schedule = self._schedules.get(written)
        if schedule is None:  # many have the same
            schedule = self._schedules[written] = _schedule(*written)
        return cadence.planned(
            schedule, self._now, subscriber=row, spread_minutes=self._spread_minutes
        )


def _schedule(zone: str, hour: int, minute: int, days: str, rhythm: Any) -> Schedule:
    read = tuple(json.loads(days))
    if not read or not set(read) <= set(range(7)):
        raise ValueError("no day of the week")
    return Schedule(zone, hour, minute, read, rhythm)


@contextmanager
def _planning(database: Database, now: datetime) -> Iterator[Connection]:
    """A transaction that plans somebody: by which time is written down, see `set_back`."""
    with database.writing() as conn:
        store_ahead.note_clock(conn, now)
        yield conn


def _plan(database: Database, due: Due, rows: Sequence[int], times: _Times, done: Planned) -> None:
    """Plan the digests of some who are due still; those who cannot be read are put off."""
    with _planning(database, due.now) as conn:
        moved, unreadable = _beyond(conn, due, rows, times)
        planned = [row for row, _ in moved]
        store_planned.add(conn, planned, now=due.now)
        store_due.move(conn, moved)
        if unreadable:
            store_due.put_off(conn, unreadable, now=due.now, to=due.now + TRY_AGAIN)
            store_left_out.note(conn, "subscriber", unreadable, now=due.now)
    for row in unreadable:
        log.error("subscriber cannot be read", subscriber=row)
    done.rows += planned
    done.failed += len(unreadable)


def _beyond(
    conn: Connection, due: Due, rows: Sequence[int], times: _Times
) -> tuple[list[tuple[int, datetime]], list[int]]:
    """The next times of those who are due still, by row; and who cannot be read."""
    moved, unreadable = list[tuple[int, datetime]](), list[int]()
    for row, *written in _written(conn, due, rows, unreadable):
        try:
            moved.append((row, times.beyond(row, *written)))
        except Exception:  # of one of them
            unreadable.append(row)
    return sorted(moved), unreadable


def _written(
    conn: Connection, due: Due, rows: Sequence[int], unreadable: list[int]
) -> list[Sequence[Any]]:
    """What is written of their schedules; where a row cannot be read, each is read alone."""
    try:
        return due.times(conn, rows)
    except (TypeError, ValueError):
        if len(rows) == 1:
            unreadable.extend(rows)
            return []
        return [one for row in rows for one in _written(conn, due, [row], unreadable)]


def _expire(database: Database, settings: ComposeSettings, now: datetime) -> int:
    """End mails that are too late: papers given back belong into the digests made now."""
    expired, _ = end_stale(
        database, now=now, takes_over=not settings.holds_doubtful, spared_owner=settings.owner
    )
    return expired
