"""Saved papers: which they are, and the secret by which a feed of them is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from notifier.papers.paper import Paper
from notifier.storage import store_papers
from notifier.storage import tables as t
from notifier.storage.database import Database
from notifier.storage.statements import chunks, upsert
from notifier.storage.store_feeds import Listed

_SAVED = t.vote.c.kind == "saved"


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose saved papers a feed shows; `since` (UTC) is when they came."""

    subscriber: int
    state: str
    language: str
    since: datetime


def rows(conn: Connection, subscriber: int) -> list[int]:
    """Return the papers that a subscriber saved, by row, the first saved first."""
    v = t.vote.c
    query = select(v.paper_id).where(v.subscriber_id == subscriber, _SAVED)
    return list(conn.scalars(query.order_by(v.at, v.paper_id)))


def papers(database: Database, rows: Sequence[int]) -> Iterator[Paper]:
    """Yield papers in the order of these rows, some hundred at a time; those gone are left out."""
    for chunk in chunks(rows):
        with database.reading() as conn:
            found = {paper.row: paper for paper in store_papers.load(conn, chunk)}
        yield from (found[row] for row in chunk if row in found)


def listed(conn: Connection, subscriber: int, *, limit: int | None = None) -> list[Listed]:
    """Return the papers saved last, the newest first: when each was saved, or changed since.

    Args:
        limit: None: all of them.
    """
    v, p = t.vote.c, t.paper.c
    query = (
        select(v.paper_id, v.at, p.updated_at)
        .join(t.paper, p.id == v.paper_id)
        .where(v.subscriber_id == subscriber, _SAVED)
        .order_by(v.at.desc(), v.paper_id.desc())
        .limit(limit)
    )
    return [Listed(row, max(at, changed)) for row, at, changed in conn.execute(query)]


def secret(conn: Connection, subscriber: int) -> str | None:
    """Return by what secret the feed is read, None where there is none."""
    f = t.saved_feed.c
    return conn.scalar(select(f.secret).where(f.subscriber_id == subscriber))


def put_secret(conn: Connection, subscriber: int, secret: str) -> None:
    """Let the feed be read by this secret alone."""
    upsert(conn, t.saved_feed, [{"subscriber_id": subscriber, "secret": secret}], ("secret",))


def forget_secret(conn: Connection, subscriber: int) -> bool:
    """Let nobody read the feed; False when nobody could."""
    here = t.saved_feed.c.subscriber_id == subscriber
    return conn.execute(delete(t.saved_feed).where(here)).rowcount > 0


def reader(conn: Connection, secret: str) -> Reader | None:
    """Return whose feed a secret opens."""
    s = t.subscriber.c
    query = (
        select(s.id, s.state, s.language, s.created_at)
        .join(t.saved_feed, t.saved_feed.c.subscriber_id == s.id)
        .where(t.saved_feed.c.secret == secret)
    )
    row = conn.execute(query).one_or_none()
    return Reader(*row) if row else None
