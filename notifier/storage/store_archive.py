"""Digests of the past: what was sent, as long as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from notifier.storage import tables as t
from notifier.storage.statements import last_day, last_time, set_day, set_time

_CLEARED = "messages cleared on"  # at first it was mails alone
_LEAPT = "clock leapt to"


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
    """Return the day on which all that is old was deleted last."""
    return last_day(conn, _CLEARED)


def set_cleared(conn: Connection, today: date) -> None:
    """Write down that all that is old is deleted."""
    set_day(conn, _CLEARED, today)


def leapt_to(conn: Connection) -> datetime:
    """Return at what time (UTC) a clock was first met that had leapt ahead; 1970 for none."""
    return last_time(conn, _LEAPT)


def note_leap(conn: Connection, now: datetime | None) -> None:
    """Write down that a clock has leapt to `now`; None: it was set back."""
    set_time(conn, _LEAPT, now)
