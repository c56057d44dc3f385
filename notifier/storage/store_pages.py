"""Long lists, a page at a time: rows behind (or before) a row, so that pages stay put while
others come and go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from notifier.storage import tables as t


@dataclass(frozen=True, slots=True)
class DigestLine:
    """A digest, and how its mail went: `state` None where none was mailed."""

    row: int
    key: str
    subscriber: int
    period: str
    subject: str
    papers: int
    more: int
    composed_at: datetime
    state: str | None


def subscribers(conn: Connection, *, after: int, limit: int, state: str | None = None) -> list[int]:
    """Return the rows of subscribers behind a row, oldest first."""
    s = t.subscriber.c
    query = select(s.id).where(s.id > after).order_by(s.id).limit(limit)
    return list(conn.scalars(query.where(s.state == state) if state else query))


def papers(
    conn: Connection, *, before: int | None, limit: int, since: datetime | None = None
) -> list[int]:
    """Return the rows of papers before a row, the newest first."""
    p = t.paper.c
    query = select(p.id).order_by(p.id.desc()).limit(limit)
    if before is not None:
        query = query.where(p.id < before)
    return list(conn.scalars(query.where(p.first_seen_at >= since) if since else query))


def _digests() -> Select[Any]:
    d = t.digest.c
    return select(
        d.id, d.key, d.subscriber_id, d.period, d.subject, d.papers, d.more, d.composed_at,
        t.delivery.c.state,
    ).join(t.delivery, t.delivery.c.digest_id == d.id, isouter=True)  # fmt: skip


def digests(
    conn: Connection, *, before: int | None, limit: int, subscriber: int | None = None
) -> list[DigestLine]:
    """Return digests before a row, the newest first."""
    d = t.digest.c
    query = _digests().order_by(d.id.desc()).limit(limit)
    if before is not None:
        query = query.where(d.id < before)
    if subscriber is not None:
        query = query.where(d.subscriber_id == subscriber)
    return [DigestLine(*row) for row in conn.execute(query)]


def digest(conn: Connection, key: str) -> DigestLine | None:
    """Return the digest with this key, all of it."""
    row = conn.execute(_digests().where(t.digest.c.key == key)).one_or_none()
    return DigestLine(*row) if row else None
