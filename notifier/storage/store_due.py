"""Whose digest is due, found by an index; and what is read of many of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from notifier.profiles.profile import Subscriber
from notifier.storage import tables as t
from notifier.storage.statements import among, write_each


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

    def rows(self, conn: Connection, *, limit: int) -> list[int]:
        """Return the rows of some of them, in order: those next to each other lie together.

        Found by the index on (state, next_due_at), which has all that is asked.
        """
        query = select(t.subscriber.c.id).where(self._whose_time_has_come(), self._goes())
        return sorted(conn.scalars(query.order_by(t.subscriber.c.next_due_at).limit(limit)))

    def others(self, conn: Connection) -> int:
        """Return of how many the time has come who are not among them."""
        if self.waited_since is None:
            return 0
        query = select(func.count()).where(self._whose_time_has_come(), ~self._goes())
        return conn.scalar(query) or 0

    def times(self, conn: Connection, rows: Sequence[int]) -> list[Any]:
        """Return (row, zone, hour, minute, days as JSON, cadence) of those who are due still.

        Raises:
            TypeError, ValueError: one of the rows cannot be read.
        """
        s = t.subscriber.c
        query = select(
            s.id, s.zone, s.hour, s.minute, cast(s.days, Text), s.cadence, s.next_due_at
        ).where(among(conn, s.id, rows), self._whose_time_has_come(), self._goes())
        return [tuple(row)[:-1] for row in conn.execute(query)]


def put_off(conn: Connection, rows: Sequence[int], *, now: datetime, to: datetime) -> None:
    """Move the time of some who cannot be read, where they are due still."""
    s = t.subscriber.c
    is_due = among(conn, s.id, rows) & (s.state == "active") & (s.next_due_at <= now)
    conn.execute(update(t.subscriber).where(is_due).values(next_due_at=to))


def move(conn: Connection, times: Sequence[tuple[int, datetime]]) -> None:
    """Move the time of subscribers, by row."""
    write_each(conn, t.subscriber.c.next_due_at, times)


def is_as_read() -> ColumnElement[bool]:
    """Whether somebody is as they were when their digest was drafted; `read_values` says how.

    Else they left, pause, are due at another time, or were given papers back since: then the draft
    is worth nothing.
    """
    s = t.subscriber.c
    as_read = (s.id == bindparam("row")) & (s.state == "active") & (s.seen == bindparam("seen"))
    for column in (s.next_due_at, s.paused_until):
        as_read &= column.is_not_distinct_from(bindparam(column.name, type_=column.type))
    return as_read


def read_values(drafted: Subscriber) -> dict[str, Any]:
    """Return how somebody was, for a statement with `is_as_read`."""
    return {
        "row": drafted.row,
        "seen": drafted.seen,
        "next_due_at": drafted.next_due_at,
        "paused_until": drafted.paused_until,
    }


def suppressed(conn: Connection, rows: Iterable[int], *, now: datetime) -> dict[int, datetime]:
    """Return who of these must not be mailed, by row, and until when: `now` where for good."""
    s = t.suppression.c
    query = (
        select(t.subscriber.c.id, s.until)
        .join(t.suppression, s.address == t.subscriber.c.address)
        .where(t.subscriber.c.id.in_(list(rows)), or_(s.until.is_(None), s.until > now))
    )
    return {row: until or now for row, until in conn.execute(query)}
