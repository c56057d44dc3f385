"""Whose digest is due, found by an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select, true, update

from notifier.profiles.profile import Subscriber
from notifier.storage import store_subscribers
from notifier.storage import tables as t


@dataclass(frozen=True, slots=True)
class Batch:
    """Some who are due; `unreadable` are rows that cannot be read, `last` the last row, 0: none."""

    readable: list[Subscriber]
    unreadable: list[int]
    last: int


@dataclass(frozen=True, slots=True)
class Due:
    """Who is due at `now`: active, and their time has come.

    `waited_since`: only those whose time had come then; None: all. `samples`: also those who have
    had no digest yet. Those who must not be mailed are among them: their time moves on, so that
    they are not looked at each time.
    """

    now: datetime
    waited_since: datetime | None = None
    samples: bool = False

    def _goes(self) -> ColumnElement[bool]:
        if self.waited_since is None:
            return true()
        goes = t.subscriber.c.next_due_at <= self.waited_since
        digest = select(t.digest.c.id).where(t.digest.c.subscriber_id == t.subscriber.c.id)
        return goes | ~exists(digest.correlate(t.subscriber)) if self.samples else goes

    def _whose_time_has_come(self) -> ColumnElement[bool]:
        return (t.subscriber.c.state == "active") & (t.subscriber.c.next_due_at <= self.now)

    def some(self, conn: Connection, *, after_row: int = 0, limit: int) -> Batch:
        """Return some of them, by row behind `after_row`.

        Found by the index on (state, next_due_at); going on by row, so that one whose digest
        cannot be made stands in nobody's way.
        """
        s = t.subscriber.c
        here = self._whose_time_has_come() & (s.id > after_row) & self._goes()
        query = select(t.subscriber).where(here).order_by(s.id).limit(limit)
        try:
            found = [store_subscribers.from_row(row) for row in conn.execute(query)]
        except (TypeError, ValueError):  # of one row: it must not hide the others
            return _one_by_one(conn, conn.scalars(query.with_only_columns(s.id)).all())
        return Batch(found, [], found[-1].row if found else 0)

    def others(self, conn: Connection) -> int:
        """Return of how many the time has come who are not among them."""
        if self.waited_since is None:
            return 0
        query = select(func.count()).where(self._whose_time_has_come(), ~self._goes())
        return conn.scalar(query) or 0


def _one_by_one(conn: Connection, rows: Sequence[int]) -> Batch:
    batch = Batch([], [], rows[-1])
    for row in rows:
        try:
            found = store_subscribers.get(conn, row)
        except (TypeError, ValueError):
            batch.unreadable.append(row)
        else:
            batch.readable.extend([found] if found else [])
    return batch


def put_off(conn: Connection, row: int, *, now: datetime, to: datetime) -> None:
    """Move the time of one who cannot be read, if they are due still."""
    s = t.subscriber.c
    is_due = (s.id == row) & (s.state == "active") & (s.next_due_at <= now)
    conn.execute(update(t.subscriber).where(is_due).values(next_due_at=to))


def move(conn: Connection, drafted: Subscriber, *, to: datetime) -> bool:
    """Move the time of one whose digest was drafted, or is not to be made now.

    False: they left, pause, are due at another time, or were given papers back since they were
    read. Then nothing is changed, and the draft is worth nothing.
    """
    s = t.subscriber.c
    as_read = (s.state == "active") & (s.seen == drafted.seen)
    for column, value in (
        (s.next_due_at, drafted.next_due_at),
        (s.paused_until, drafted.paused_until),
    ):
        as_read &= column.is_not_distinct_from(value)
    this = update(t.subscriber).where(s.id == drafted.row, as_read)
    return conn.execute(this.values(next_due_at=to)).rowcount > 0


def suppressed(conn: Connection, rows: Iterable[int], *, now: datetime) -> dict[int, datetime]:
    """Return who of these must not be mailed, by row, and until when: `now` where for good."""
    s = t.suppression.c
    query = (
        select(t.subscriber.c.id, s.until)
        .join(t.suppression, s.address == t.subscriber.c.address)
        .where(t.subscriber.c.id.in_(list(rows)), or_(s.until.is_(None), s.until > now))
    )
    return {row: until or now for row, until in conn.execute(query)}
