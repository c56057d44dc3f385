"""Whether mails go out: asked every minute, so each is answered by an index."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, func, select

from notifier.storage import tables as t
from notifier.storage.store_subscribers import is_suppressed

# A mail that went out is looked for among so many of the last attempts: there is no index of them.
_LOOKED_AT = 10_000
# What should have gone out by now.
_UNSENT = ("pending", "claimed", "held", "expired")


def last_sent(conn: Connection) -> datetime | None:
    """Return when a digest went out last; None where none did of late."""
    a = t.attempt.c
    behind = select(func.coalesce(func.max(a.id), 0) - _LOOKED_AT).scalar_subquery()
    query = select(a.at).where(a.id > behind, a.outcome == "sent").order_by(a.id.desc()).limit(1)
    found: datetime | None = conn.scalar(query)
    return found


def unsent_since(conn: Connection, after: datetime) -> datetime | None:
    """Return when the first digest behind a time (UTC) was made that has not gone out."""
    made, d = t.digest.c.composed_at, t.delivery.c
    # As a condition: joined, all that waits would be read, and then looked at by time.
    waits = exists(select(d.id).where(d.digest_id == t.digest.c.id, d.state.in_(_UNSENT)))
    query = select(made).where(made > after, waits).order_by(made).limit(1)
    found: datetime | None = conn.scalar(query)
    return found


def overdue_since(conn: Connection, after: datetime, *, now: datetime) -> datetime | None:
    """Return when the first subscriber behind a time (UTC) was due who has had no digest since."""
    due = t.subscriber.c.next_due_at
    query = (
        select(due)
        .where(t.subscriber.c.state == "active", due > after, due <= now, ~is_suppressed(now))
        .order_by(due)
        .limit(1)
    )
    found: datetime | None = conn.scalar(query)
    return found
