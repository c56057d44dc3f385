"""Whether mails go out: asked every minute, so each is answered by an index."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, or_, select

from notifier.storage import tables as t
from notifier.storage.store_subscribers import is_suppressed

# A mail that went out is looked for among so many of the last attempts, then back for some days:
# there is no index of them.
_LOOKED_AT = 10_000
# Made so long ago, a digest is expired, however long it was worth being sent.
LOOKED_BACK = timedelta(days=7)
# What should have gone out by now.
_UNSENT = ("pending", "claimed", "held", "expired")


def last_sent(conn: Connection, *, now: datetime) -> datetime | None:
    """Return when a digest went out last; None where none did of late.

    What was sent by a clock that was ahead of `now` (UTC) does not count.
    """
    a = t.attempt.c
    behind = select(func.coalesce(func.max(a.id), 0) - _LOOKED_AT).scalar_subquery()
    sent = (a.at <= now) & (a.outcome == "sent")
    last = select(a.at, a.outcome).order_by(a.id.desc()).limit(1)
    found = conn.execute(last.where(a.id > behind, sent)).one_or_none()
    if not found:
        is_old = a.at <= now - LOOKED_BACK
        found = conn.execute(last.where(a.id <= behind, or_(sent, is_old))).one_or_none()
    return found.at if found and found.outcome == "sent" else None


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
    s, p = t.subscriber.c, t.planned.c
    unwritten = select(p.due_at).join(t.subscriber, s.id == p.subscriber_id)
    found = []
    for due, query in ((s.next_due_at, select(s.next_due_at)), (p.due_at, unwritten)):
        is_due = (due > after) & (due <= now) & (s.state == "active")
        found.append(conn.scalar(query.where(is_due, ~is_suppressed(now)).order_by(due).limit(1)))
    return min(filter(None, found), default=None)
