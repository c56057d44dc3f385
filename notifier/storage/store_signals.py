"""Signals as they were read over time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from notifier.ranking.trending import Reading, Talked
from notifier.storage import tables as t


def last(conn: Connection) -> int:
    """Return the number of the last reading."""
    return conn.scalar(select(func.max(t.signal.c.id))) or 0


def talked_about(conn: Connection, *, now: datetime, within: timedelta) -> list[Talked]:
    """Return the papers with a signal read in the last `within`, with all their readings."""
    recent = (
        select(t.signal.c.paper_id)
        .where(t.signal.c.read_at >= now - within, t.signal.c.read_at <= now)
        .distinct()
    )
    readings: dict[int, list[Reading]] = {}
    query = (
        select(t.signal.c.paper_id, t.signal.c.name, t.signal.c.value, t.signal.c.read_at)
        .where(t.signal.c.paper_id.in_(recent), t.signal.c.read_at <= now)
        .order_by(t.signal.c.read_at, t.signal.c.id)
    )
    for row, name, value, read_at in conn.execute(query):
        readings.setdefault(row, []).append(Reading(name, value, read_at))
    papers = select(t.paper.c.id, t.paper.c.categories, t.paper.c.first_seen_at).where(
        t.paper.c.id.in_(recent)
    )
    return [
        Talked(row, categories[0].split(".")[0] if categories else "", seen_at, readings[row])
        for row, categories, seen_at in conn.execute(papers)
    ]
