"""Counts, and what went wrong of late, for whoever runs an instance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from notifier.storage import tables as t
from notifier.storage.store_outbox import OPEN

# Failures are looked for among so many of the last attempts: there is no index of them.
_LOOKED_AT = 10_000
_FAILED = ("failed", "pending", "held", "expired")


@dataclass(frozen=True, slots=True)
class Open:
    """Mails that are to be sent, in one state: how many, and when the oldest was made."""

    state: str
    mails: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt to send that failed, in the server's words; of which digest, and to whom."""

    at: datetime
    key: str
    subscriber: int
    address: str
    outcome: str
    code: int | None
    enhanced: str | None
    reply: str | None


def outbox(conn: Connection) -> list[Open]:
    """Return what is to be sent, by state."""
    d = t.delivery.c
    query = (
        select(d.state, func.count(), func.min(t.digest.c.composed_at))
        .join(t.digest, t.digest.c.id == d.digest_id)
        .where(d.state.in_(OPEN))
        .group_by(d.state)
        .order_by(d.state)
    )
    return [Open(*row) for row in conn.execute(query)]


def failures(conn: Connection, *, limit: int) -> list[Failure]:
    """Return the last attempts that failed, for good or for now, the newest first."""
    a = t.attempt.c
    behind = select(func.coalesce(func.max(a.id), 0) - _LOOKED_AT).scalar_subquery()
    query = (
        select(a.at, t.digest.c.key, t.delivery.c.subscriber_id, t.subscriber.c.address,
               a.outcome, a.code, a.enhanced, a.reply)
        .join(t.delivery, t.delivery.c.id == a.delivery_id)
        .join(t.digest, t.digest.c.id == t.delivery.c.digest_id)
        .join(t.subscriber, t.subscriber.c.id == t.delivery.c.subscriber_id)
        .where(a.id > behind, a.outcome.in_(_FAILED))
        .order_by(a.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [Failure(*row) for row in conn.execute(query)]


def suppressed(conn: Connection, *, now: datetime) -> int:
    """Return how many addresses must not be mailed at a time."""
    s = t.suppression.c
    query = select(func.count(s.address)).where(or_(s.until.is_(None), s.until > now))
    return conn.scalar(query) or 0
