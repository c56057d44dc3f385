"""What decides a paper's place among others, of many papers at once: no texts are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from notifier.storage import tables as t
from notifier.storage.statements import chunks


@dataclass(frozen=True, slots=True)
class Facts:
    """A paper without its texts; `newest`: when it was published, else first seen (UTC)."""

    row: int
    id: str
    categories: tuple[str, ...]
    first_seen_at: datetime
    newest: datetime


def of(conn: Connection, rows: Iterable[int]) -> Iterator[Facts]:
    """Yield the facts of these papers, in the order of rows."""
    columns = (t.paper.c.id, t.paper.c.key, t.paper.c.categories)
    times = (t.paper.c.first_seen_at, t.paper.c.published_at)
    for chunk in chunks(sorted(set(rows))):
        query = select(*columns, *times).where(t.paper.c.id.in_(chunk)).order_by(t.paper.c.id)
        for row, key, categories, first_seen_at, published_at in conn.execute(query):
            newest = published_at or first_seen_at
            yield Facts(row, key, tuple(categories), first_seen_at, newest)


def within(conn: Connection, begins: datetime, ends: datetime) -> Iterator[Facts]:
    """Yield the facts of the papers first seen from `begins` on and before `ends` (UTC)."""
    p = t.paper.c
    query = select(p.id, p.key, p.categories, p.first_seen_at, p.published_at).where(
        p.first_seen_at >= begins, p.first_seen_at < ends
    )
    for row, key, categories, first_seen_at, published_at in conn.execute(query):
        yield Facts(row, key, tuple(categories), first_seen_at, published_at or first_seen_at)


def seen_around(
    conn: Connection, begins: datetime, ends: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return when the last paper before a time was first seen, and the first after it (UTC)."""
    seen = t.paper.c.first_seen_at
    before = conn.scalar(select(func.max(seen)).where(seen < begins))
    return before, conn.scalar(select(func.min(seen)).where(seen >= ends))


def count_since(conn: Connection, since: datetime, *, now: datetime) -> int:
    """Return how many papers were first seen since a time, those of this moment too (UTC)."""
    return count_seen(conn, since, now + timedelta(microseconds=1))


def count_seen(conn: Connection, begins: datetime, ends: datetime) -> int:
    """Return how many papers were first seen from `begins` on and before `ends` (UTC)."""
    seen = t.paper.c.first_seen_at
    query = select(func.count()).select_from(t.paper).where(seen >= begins, seen < ends)
    return conn.scalar(query) or 0
