"""Digests: fixed once for a subscriber and a period, with their papers and their mail."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, update

from notifier.errors import DatabaseError
from notifier.storage import store_events, store_posts
from notifier.storage import tables as t
from notifier.storage.statements import insert_new
from notifier.storage.store_posts import NewPost

# Half the time of zlib's default, for a tenth more room.
_COMPRESSION = 3


@dataclass(frozen=True, slots=True)
class Chosen:
    """One paper of a digest: its row, the section's profile, its place from 1, its score.

    `rising`: what rose, None for one that is not marked so.
    """

    paper: int
    profile: str
    place: int
    score: float
    rising: str | None = None


@dataclass(frozen=True, slots=True)
class NewDigest:
    """All that is fixed when a digest is made.

    `content` is the mail, b"" when nothing matched: then there is no delivery. `next_due_at`
    is the subscriber's next time, beyond now. `posts` are what their channels get. `sums_up`: the
    week that it is the summary of; then it has no papers, and neither moves time nor looks on.
    `told`: the events of papers that it tells of.
    """

    key: str
    subscriber: int
    period: str
    subject: str
    papers: tuple[Chosen, ...]
    more: int
    seen_from: int
    seen_to: int
    composed_at: datetime
    expires_at: datetime
    next_due_at: datetime
    content: bytes
    posts: tuple[NewPost, ...] = ()
    sums_up: str | None = None
    told: tuple[int, ...] = ()


def fix(conn: Connection, new: NewDigest) -> bool:
    """Fix a digest in the caller's transaction; False when the period has one already.

    Writes the digest, its papers, its mail, its delivery and its posts, and moves the subscriber's
    time.

    Raises:
        sqlalchemy.exc.IntegrityError: one of the papers has reached the subscriber already.
    """
    columns = {
        "key": new.key,
        "subscriber_id": new.subscriber,
        "period": new.period,
        "subject": new.subject,
        "papers": len(new.papers),
        "more": new.more,
        "seen_from": new.seen_from,
        "seen_to": new.seen_to,
        "composed_at": new.composed_at,
        "sums_up": new.sums_up,
    }
    fresh = insert_new(conn, t.digest, [columns]) > 0
    if new.sums_up is None:
        _advance(conn, new, fresh)
    if fresh:
        row = conn.scalars(select(t.digest.c.id).where(t.digest.c.key == new.key)).one()
        _fix_papers(conn, row, new)
        store_events.tell(conn, new.subscriber, row, new.told)
        if new.content:
            _fix_mail(conn, row, new)
        store_posts.fix(conn, row, new.posts, now=new.composed_at, expires_at=new.expires_at)
    return fresh


def _advance(conn: Connection, new: NewDigest, fresh: bool) -> None:
    columns: dict[str, Any] = {"next_due_at": new.next_due_at}
    this = update(t.subscriber).where(t.subscriber.c.id == new.subscriber)
    if fresh:
        this = this.where(t.subscriber.c.seen == new.seen_from)
        columns["seen"] = new.seen_to
    if not conn.execute(this.values(columns)).rowcount:
        raise DatabaseError("papers were given back while the digest was made; it is made again")


def _fix_papers(conn: Connection, row: int, new: NewDigest) -> None:
    rows = [
        {
            "digest_id": row,
            "subscriber_id": new.subscriber,
            "paper_id": chosen.paper,
            "profile": chosen.profile,
            "place": chosen.place,
            "score": chosen.score,
            "rising": chosen.rising,
        }
        for chosen in new.papers
    ]
    if rows:
        conn.execute(insert(t.digest_paper), rows)


def _fix_mail(conn: Connection, row: int, new: NewDigest) -> None:
    packed = zlib.compress(new.content, _COMPRESSION)
    conn.execute(insert(t.message), {"digest_id": row, "content": packed})
    delivery = {
        "digest_id": row,
        "subscriber_id": new.subscriber,
        "state": "pending",
        "attempts": 0,
        "not_before": new.composed_at,
        "expires_at": new.expires_at,
    }
    conn.execute(insert(t.delivery), delivery)


def has_period(conn: Connection, subscriber: int, period: str) -> bool:
    """Return whether a subscriber's digest of a period is made."""
    d = t.digest.c
    here = (d.subscriber_id == subscriber) & (d.period == period)
    return conn.scalar(select(d.id).where(here)) is not None


def sent_papers(
    conn: Connection, subscribers: Iterable[int], *, before: datetime | None = None
) -> set[tuple[int, int]]:
    """Return (subscriber, paper) for every paper that has reached one of these subscribers.

    Args:
        before: Only by digests made before then (UTC).
    """
    found = t.digest_paper.c
    query = select(found.subscriber_id, found.paper_id).where(
        found.subscriber_id.in_(list(subscribers))
    )
    if before is not None:
        query = query.join(t.digest, t.digest.c.id == found.digest_id).where(
            t.digest.c.composed_at < before
        )
    return {(subscriber, paper) for subscriber, paper in conn.execute(query)}


def begun(
    conn: Connection, subscribers: Iterable[int], *, before: datetime | None = None
) -> set[int]:
    """Return which subscribers have had a digest, made `before` then (UTC)."""
    d = t.digest.c
    had = d.subscriber_id == t.subscriber.c.id
    if before is not None:
        had &= d.composed_at < before
    query = select(t.subscriber.c.id).where(
        t.subscriber.c.id.in_(list(subscribers)), exists(select(d.id).where(had))
    )
    return set(conn.scalars(query))


def seen_from(conn: Connection, subscriber: int, *, since: datetime) -> int | None:
    """Return up to which number papers had been looked at before the first digest `since` then."""
    d = t.digest.c
    return conn.scalar(
        select(d.seen_from)
        .where(d.subscriber_id == subscriber, d.composed_at >= since)
        .order_by(d.composed_at, d.id)
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class Considered:
    """What a subscriber's digests looked at: papers numbered behind `after`; the last one `at`."""

    after: int
    at: datetime


def considered(
    conn: Connection, subscribers: Iterable[int], *, since: datetime, before: datetime
) -> dict[int, Considered]:
    """Return by subscriber what digests made from `since` to `before` (UTC) looked at.

    Who had none is left out.
    """
    d = t.digest.c
    query = (
        select(d.subscriber_id, func.min(d.seen_from), func.max(d.composed_at))
        .where(
            d.subscriber_id.in_(list(subscribers)), d.composed_at >= since, d.composed_at < before
        )
        .group_by(d.subscriber_id)
    )
    return {row: Considered(after, at) for row, after, at in conn.execute(query)}


@dataclass(frozen=True, slots=True)
class Listed:
    """A digest for lists: what, for whom, how it went (`state` "nothing" when none was mailed)."""

    key: str
    address: str
    period: str
    subject: str
    papers: int
    more: int
    composed_at: datetime
    state: str
    attempts: int
    code: int | None
    reply: str | None
    not_before: datetime | None


def listed(
    conn: Connection, *, subscriber: int | None = None, key: str | None = None, limit: int = 50
) -> list[Listed]:
    """Return digests, the newest first."""
    query = (
        select(
            t.digest, t.subscriber.c.address, t.delivery.c.state, t.delivery.c.attempts,
            t.delivery.c.code, t.delivery.c.reply, t.delivery.c.not_before,
        )
        .join(t.subscriber, t.subscriber.c.id == t.digest.c.subscriber_id)
        .join(t.delivery, t.delivery.c.digest_id == t.digest.c.id, isouter=True)
        .order_by(t.digest.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if subscriber is not None:
        query = query.where(t.digest.c.subscriber_id == subscriber)
    if key is not None:
        query = query.where(t.digest.c.key.startswith(key, autoescape=True))
    return [
        Listed(
            r.key, r.address, r.period, r.subject, r.papers, r.more, r.composed_at,
            r.state or "nothing", r.attempts or 0, r.code, r.reply, r.not_before,
        )
        for r in conn.execute(query)
    ]  # fmt: skip


def content(conn: Connection, key: str) -> bytes | None:
    """Return the mail of a digest exactly as it was fixed."""
    packed = conn.scalar(
        select(t.message.c.content)
        .join(t.digest, t.digest.c.id == t.message.c.digest_id)
        .where(t.digest.c.key == key)
    )
    return zlib.decompress(packed) if packed else None


def papers_of(conn: Connection, key: str) -> Sequence[tuple[str, int, str, str]]:
    """Return (profile, place, paper id, title) of a digest, in order."""
    query = (
        select(t.digest_paper.c.profile, t.digest_paper.c.place, t.paper.c.key, t.paper.c.title)
        .join(t.digest, t.digest.c.id == t.digest_paper.c.digest_id)
        .join(t.paper, t.paper.c.id == t.digest_paper.c.paper_id)
        .where(t.digest.c.key == key)
        .order_by(t.digest_paper.c.place)
    )
    return [(r.profile, r.place, r.key, r.title) for r in conn.execute(query)]


@dataclass(frozen=True, slots=True)
class Sent:
    """The digest that has a paper, where it stands, and what became of the mail: its delivery's
    state, end and last reply."""

    key: str
    period: str
    profile: str
    place: int
    score: float
    composed_at: datetime
    state: str
    rising: str | None = None
    finished_at: datetime | None = None
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A digest that was made, with so many papers in it and over it."""

    period: str
    composed_at: datetime
    papers: int
    more: int


def sent(conn: Connection, subscriber: int, paper: int) -> Sent | None:
    """Return the digest by which a paper reached, or is to reach, a subscriber."""
    query = (
        select(
            t.digest.c.key, t.digest.c.period, t.digest.c.composed_at, t.digest_paper,
            t.delivery.c.state, t.delivery.c.finished_at, t.delivery.c.reply,
        )
        .join(t.digest, t.digest.c.id == t.digest_paper.c.digest_id)
        .join(t.delivery, t.delivery.c.digest_id == t.digest.c.id)
        .where(t.digest_paper.c.subscriber_id == subscriber, t.digest_paper.c.paper_id == paper)
    )  # fmt: skip
    row = conn.execute(query).one_or_none()
    names = [field.name for field in fields(Sent)]
    return Sent(**{name: getattr(row, name) for name in names}) if row else None


def made(conn: Connection, subscriber: int, *, number: int | None = None) -> Made | None:
    """Return a subscriber's last digest, or the last that looked at the paper numbered so."""
    d = t.digest.c
    query = (
        select(d.period, d.composed_at, d.papers, d.more)
        .where(d.subscriber_id == subscriber, d.sums_up.is_(None))
        .order_by(d.composed_at.desc(), d.id.desc())
        .limit(1)
    )
    if number is not None:
        query = query.where(d.seen_from < number, d.seen_to >= number)
    row = conn.execute(query).one_or_none()
    return Made(*row) if row else None


def last_made(conn: Connection) -> datetime | None:
    """Return when the last digest was made (UTC), with a mail or without; None where none was."""
    found: datetime | None = conn.scalar(select(func.max(t.digest.c.composed_at)))
    return found


def counts(conn: Connection, *, since: datetime) -> tuple[int, int]:
    """Return (digests with papers, digests for which nothing matched) composed since a time."""
    d = t.digest.c
    query = select(func.count(), func.count().filter(d.papers == 0)).where(
        d.composed_at >= since, d.sums_up.is_(None)
    )
    total, empty = conn.execute(query).one()
    return total - empty, empty
