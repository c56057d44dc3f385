"""Posts: what channels get of digests, fixed with them and kept for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, func, insert, literal, or_, select, update

from notifier.storage import tables as t
from notifier.storage.statements import COUNTED, insert_new

# Made once: each pass asks it.
_ANY_WAITING = select(exists(select(t.post.c.id).where(t.post.c.state.in_(("pending", "claimed")))))


@dataclass(frozen=True, slots=True)
class NewPost:
    """What a channel gets of a digest, and the papers in it; see `tables.PostRow`."""

    channel: int
    page: str
    profiles: tuple[str, ...]
    title: str
    body: str
    papers: tuple[int, ...]


def fix(
    conn: Connection,
    digest: int,
    posts: Sequence[NewPost],
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Fix the posts of a digest in the transaction that makes it.

    A channel that was removed a moment ago gets none.
    """
    c = t.channel.c
    names = ("digest_id", "channel_id", "page", "profiles", "title", "body", "state", "attempts",
             "claim", "not_before", "expires_at")  # fmt: skip
    for one in posts:
        values = (digest, c.id, one.page, list(one.profiles), one.title, one.body, "pending", 0, 0,
                  now, expires_at)  # fmt: skip
        columns = [
            value if value is c.id else literal(value, t.post.c[name].type).label(name)
            for name, value in zip(names, values, strict=True)
        ]
        source = select(*columns).where(c.id == one.channel)
        statement = insert(t.post).from_select(names, source).execution_options(**COUNTED)
        if conn.execute(statement).rowcount:
            rows = [
                {"channel_id": one.channel, "paper_id": paper, "digest_id": digest}
                for paper in one.papers
            ]
            insert_new(conn, t.post_paper, rows)


def is_any_waiting(conn: Connection) -> bool:
    """Whether there is a post that is not sent, given up or closed as too late."""
    return bool(conn.scalar(_ANY_WAITING))


def counts(conn: Connection, *, since: datetime) -> dict[str, int]:
    """Return the number of posts by state: the open ones, and those ended since a time."""
    p = t.post.c
    query = (
        select(p.state, func.count())
        .where(or_(p.finished_at.is_(None), p.finished_at >= since))
        .group_by(p.state)
    )
    return dict(conn.execute(query).all())


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a post: of which digest, and of which of its profiles."""

    digest: str
    profiles: tuple[str, ...]


def page(conn: Connection, name: str) -> Page | None:
    """Return what the page of this name shows; None when there is none."""
    p, d = t.post.c, t.digest.c
    query = select(d.key, p.profiles).join(t.digest, d.id == p.digest_id).where(p.page == name)
    row = conn.execute(query).one_or_none()
    return Page(row.key, tuple(row.profiles)) if row else None


def rename_profile(conn: Connection, subscriber: int, old: str, new: str | None) -> None:
    """Let the posts of a subscriber's channels hold papers of a profile by its new name.

    Args:
        new: None: it is gone, and the next one of its name is another.
    """
    p, c = t.post.c, t.channel.c
    query = select(p.id, p.profiles).join(t.channel, c.id == p.channel_id)
    for row, names in conn.execute(query.where(c.subscriber_id == subscriber)).all():
        if old in names:
            renamed = [new if name == old else name for name in names if new or name != old]
            conn.execute(update(t.post).where(p.id == row).values(profiles=renamed))


@dataclass(frozen=True, slots=True)
class Post:
    """A post: what a channel got, or is to get, of a digest, and what its service said."""

    digest: str
    title: str
    body: str
    state: str
    reply: str | None


def of(conn: Connection, channel: int) -> list[Post]:
    """Return the posts of a channel that are kept, oldest first."""
    p, d = t.post.c, t.digest.c
    query = (
        select(d.key, p.title, p.body, p.state, p.reply)
        .join(t.digest, d.id == p.digest_id)
        .where(p.channel_id == channel)
        .order_by(p.id)
    )
    return [Post(*row) for row in conn.execute(query)]
