"""In which time zones subscribers are."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from notifier.storage import tables as t


def names(conn: Connection) -> list[str]:
    """Return each zone that a subscriber has, by name; found by the index, a look for each."""
    zone, found = t.subscriber.c.zone, list[str]()
    query = select(func.min(zone))
    while (name := conn.scalar(query)) is not None:
        found.append(name)
        query = select(func.min(zone)).where(zone > name)
    return found


def active_in(conn: Connection, zone: str) -> int:
    """Return how many active subscribers have a zone."""
    s = t.subscriber.c
    query = select(func.count()).where(s.zone == zone, s.state == "active")
    return conn.scalar(query) or 0
