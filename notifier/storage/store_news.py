"""What is news, and since when: papers by the numbers and times at which they came and changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, true

from notifier.storage import tables as t
from notifier.storage.statements import last_number


@dataclass(frozen=True, slots=True)
class Changes:
    """When a paper became news and when it last changed (UTC), with that change's number."""

    arrived_at: datetime | None
    changed_at: datetime
    number: int


def changes_of(conn: Connection, row: int) -> Changes:
    """Return when a paper came and changed."""
    columns = (t.paper.c.arrived_at, t.paper.c.updated_at, t.paper.c.change)
    return Changes(*conn.execute(select(*columns).where(t.paper.c.id == row)).one())


def rows_arrived(
    conn: Connection,
    after: int,
    *,
    since: datetime,
    replacements: bool = False,
    upto: int | None = None,
) -> list[int]:
    """Return the rows of papers that became news behind number `after`, and not before `since`.

    Args:
        replacements: Also papers of which a new version came.
        upto: The last number that is looked at; None: the last there is.
    """
    p = t.paper.c
    is_within = true() if upto is None else p.arrival <= upto
    wanted = (p.arrival > after) & is_within & (p.arrived_at >= since)
    if replacements:
        is_within = true() if upto is None else p.revision <= upto
        wanted |= (p.revision > after) & is_within & (p.updated_at >= since)
    return list(conn.scalars(select(p.id).where(wanted)))


def arrival(conn: Connection, *, before: datetime | None = None) -> int:
    """Return the highest number given so far, or to papers that were news before a time."""
    if before is None:
        return last_number(conn, "arrival")
    query = select(func.max(t.paper.c.arrival)).where(t.paper.c.arrived_at < before)
    return conn.scalar(query) or 0


def newest(conn: Connection) -> datetime | None:
    """Return when the newest paper was first seen (UTC), None without papers."""
    found: datetime | None = conn.scalar(select(func.max(t.paper.c.first_seen_at)))
    return found


def is_newer(conn: Connection, than: datetime) -> bool:
    """Return whether a paper became news after a time (UTC)."""
    query = select(t.paper.c.id).where(t.paper.c.arrived_at > than).limit(1)
    return conn.scalar(query) is not None
