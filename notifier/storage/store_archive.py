"""Digests of the past: what was sent, as long as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, delete, exists, select

from notifier.storage import tables as t
from notifier.storage.statements import last_day, set_day

_CLEARED = "messages cleared on"


@dataclass(frozen=True, slots=True)
class Archived:
    """A digest that was made: see `store_digests.NewDigest`; `papers` and `more` are counts."""

    row: int
    key: str
    subscriber: int
    subject: str
    papers: int
    more: int
    seen_from: int
    seen_to: int
    composed_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A paper that a digest holds, by its row, where it stands and with what score."""

    paper: int
    profile: str
    score: float


def find(conn: Connection, key: str) -> Archived | None:
    """Return the digest with this key, all of it."""
    d = t.digest.c
    columns = (d.id, d.key, d.subscriber_id, d.subject, d.papers, d.more, d.seen_from, d.seen_to)
    row = conn.execute(select(*columns, d.composed_at).where(d.key == key)).one_or_none()
    return Archived(*row) if row else None


def held(conn: Connection, digest: int) -> list[Held]:
    """Return the papers of a digest, in order."""
    c = t.digest_paper.c
    query = select(c.paper_id, c.profile, c.score).where(c.digest_id == digest).order_by(c.place)
    return [Held(*row) for row in conn.execute(query)]


def cleared_on(conn: Connection) -> date:
    """Return the day on which old mails were deleted last."""
    return last_day(conn, _CLEARED)


def set_cleared(conn: Connection, today: date) -> None:
    """Write down that old mails are deleted."""
    set_day(conn, _CLEARED, today)


def forget_mails(conn: Connection, *, before: datetime, limit: int) -> int:
    """Delete mails of digests made before a time (UTC) that are not to be sent any more.

    Returns:
        How many there were, at most `limit`.
    """
    is_open = exists(
        select(t.delivery.c.id).where(
            t.delivery.c.digest_id == t.message.c.digest_id, t.delivery.c.finished_at.is_(None)
        )
    )
    old = (
        select(t.message.c.digest_id)
        .join(t.digest, t.digest.c.id == t.message.c.digest_id)
        .where(t.digest.c.composed_at < before, ~is_open)
        .limit(limit)
    )
    return conn.execute(delete(t.message).where(t.message.c.digest_id.in_(old))).rowcount
