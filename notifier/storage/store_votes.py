"""Votes: what subscribers say of papers. Of one paper the last word counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, delete, func, select

from notifier.storage import statements
from notifier.storage import tables as t
from notifier.storage.statements import chunks

Kind: TypeAlias = Literal["up", "down", "saved"]


@dataclass(frozen=True, slots=True)
class StoredVote:
    """A subscriber said this of a paper; `at` is aware UTC. Who saves one wants more like it."""

    subscriber: int
    paper: int
    kind: Kind
    at: datetime

    @property
    def is_up(self) -> bool:
        return self.kind != "down"


def put(conn: Connection, vote: StoredVote) -> None:
    """Keep a vote; what the subscriber said of this paper before is overwritten."""
    row = {"subscriber_id": vote.subscriber, "paper_id": vote.paper}
    statements.put(conn, t.vote, row | {"kind": vote.kind, "at": vote.at})


def said(conn: Connection, subscriber: int, paper: int) -> Kind | None:
    """Return what a subscriber says of a paper."""
    here = (t.vote.c.subscriber_id == subscriber) & (t.vote.c.paper_id == paper)
    kind: Kind | None = conn.scalar(select(t.vote.c.kind).where(here))
    return kind


def is_newer(conn: Connection, subscriber: int, paper: int, at: datetime) -> bool:
    """Whether a subscriber has said nothing of a paper at that time (UTC) or since."""
    v = t.vote.c
    query = select(v.at).where(v.subscriber_id == subscriber, v.paper_id == paper)
    said_at = conn.scalar(query)
    return said_at is None or at > said_at


def remove(conn: Connection, subscriber: int, paper: int) -> bool:
    """Forget what a subscriber said of a paper; False when they said nothing."""
    here = (t.vote.c.subscriber_id == subscriber) & (t.vote.c.paper_id == paper)
    return conn.execute(delete(t.vote).where(here)).rowcount > 0


def reset(conn: Connection, subscriber: int) -> int:
    """Forget all votes of a subscriber and return how many there were."""
    return conn.execute(delete(t.vote).where(t.vote.c.subscriber_id == subscriber)).rowcount


def counts(conn: Connection, subscriber: int) -> dict[str, int]:
    """Return a subscriber's number of votes by kind."""
    query = select(t.vote.c.kind, func.count()).where(t.vote.c.subscriber_id == subscriber)
    return dict(conn.execute(query.group_by(t.vote.c.kind)).all())


def of(
    conn: Connection, subscriber: int, *, limit: int, kind: Kind | None = None
) -> list[StoredVote]:
    """Return the latest votes of a subscriber, of one kind or all."""
    query = (
        select(t.vote)
        .where(t.vote.c.subscriber_id == subscriber)
        .order_by(t.vote.c.at.desc(), t.vote.c.paper_id.desc())
        .limit(limit)
    )
    if kind:
        query = query.where(t.vote.c.kind == kind)
    return [StoredVote(*row) for row in conn.execute(query)]


def voters(conn: Connection, subscribers: Sequence[int]) -> set[int]:
    """Return which of the subscribers have voted."""
    found: set[int] = set()
    for chunk in chunks(subscribers):
        query = select(t.vote.c.subscriber_id).where(t.vote.c.subscriber_id.in_(chunk)).distinct()
        found.update(conn.scalars(query))
    return found


def texts(conn: Connection, papers: Collection[int]) -> dict[int, tuple[str, str]]:
    """Return (title, abstract) by row: all that is learned from."""
    found: dict[int, tuple[str, str]] = {}
    for chunk in chunks(sorted(papers)):
        query = select(t.paper.c.id, t.paper.c.title, t.paper.c.abstract)
        rows = conn.execute(query.where(t.paper.c.id.in_(chunk)))
        found.update({row.id: (row.title, row.abstract) for row in rows})
    return found
