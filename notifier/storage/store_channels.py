"""Channels: where the papers of a subscriber's profiles go beside their mail.

An address is a secret: it leaves here only in values that do not print it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, or_, select, update

from notifier.storage import tables as t
from notifier.storage.statements import chunks, insert_new


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: see `tables.ChannelRow`. `profiles` are the names of those whose papers it gets,
    `waiting` counts its posts that wait; `last_sent_at` is when it took one, `last_answer` what its
    service said last."""

    row: int
    subscriber: int
    address: str
    language: str
    service: str
    url: str = field(repr=False)
    added_at: datetime
    paused_at: datetime | None
    reason: str
    rest_until: datetime | None
    profiles: tuple[str, ...]
    waiting: int
    last_sent_at: datetime | None
    last_answer: str | None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a channel wants: papers of these profiles, but for those that it has."""

    row: int
    service: str
    profiles: frozenset[str]
    has: frozenset[int]


def add(
    conn: Connection, subscriber: int, profile: int, service: str, url: str, *, now: datetime
) -> int:
    """Have a profile's papers go to a channel, which is made if it is not there; return its row."""
    row = {
        "subscriber_id": subscriber, "service": service, "url": url, "added_at": now, "reason": "",
    }  # fmt: skip
    insert_new(conn, t.channel, [row])
    c = t.channel.c
    found = conn.scalars(select(c.id).where(c.subscriber_id == subscriber, c.url == url)).one()
    insert_new(conn, t.channel_profile, [{"channel_id": found, "profile_id": profile}])
    return int(found)


def remove(conn: Connection, row: int) -> bool:
    """Delete a channel with what waits for it; False when there is none of that row."""
    return conn.execute(delete(t.channel).where(t.channel.c.id == row)).rowcount > 0


def pause(conn: Connection, row: int, *, reason: str, now: datetime) -> None:
    """Have nothing go to a channel; one that is paused stays so, with its first reason."""
    c = t.channel.c
    here = update(t.channel).where(c.id == row, c.paused_at.is_(None))
    conn.execute(here.values(paused_at=now, reason=reason))


def resume(conn: Connection, row: int, *, now: datetime) -> None:
    """Let papers go to a channel again; what waits is sent at once."""
    here = update(t.channel).where(t.channel.c.id == row)
    conn.execute(here.values(paused_at=None, reason="", rest_until=None))
    p = t.post.c
    waiting = update(t.post).where(p.channel_id == row, p.state == "pending", p.not_before > now)
    conn.execute(waiting.values(not_before=now))


def rest(conn: Connection, row: int, *, until: datetime) -> None:
    """Leave a channel alone for a while, as its service asked."""
    conn.execute(update(t.channel).where(t.channel.c.id == row).values(rest_until=until))


def listed(
    conn: Connection, *, subscriber: int | None = None, row: int | None = None
) -> list[Channel]:
    """Return channels, all or those of a subscriber or a row, oldest first."""
    query, c = _listing(), t.channel.c
    if subscriber is not None:
        query = query.where(c.subscriber_id == subscriber)
    if row is not None:
        query = query.where(c.id == row)
    return _channels(conn, query)


def paused(conn: Connection, *, now: datetime) -> list[Channel]:
    """Return channels to which nothing goes now: paused, or left alone for a while."""
    c = t.channel.c
    stopped = or_(c.paused_at.is_not(None), c.rest_until > now)
    return _channels(conn, _listing().where(stopped))


def _channels(conn: Connection, query: Select[Any]) -> list[Channel]:
    rows = conn.execute(query).all()
    names = _names(conn, [one.id for one in rows])
    return [
        Channel(
            one.id, one.subscriber_id, one.address, one.language, one.service, one.url,
            one.added_at, one.paused_at, one.reason, one.rest_until,
            tuple(names.get(one.id, ())), one.waiting, one.last, one.said,
        )
        for one in rows
    ]  # fmt: skip


def _listing() -> Select[Any]:
    c, p = t.channel.c, t.post.c
    mine = p.channel_id == c.id
    waiting = (
        select(func.count()).where(mine, p.state.in_(("pending", "claimed"))).scalar_subquery()
    )
    last = select(func.max(p.finished_at)).where(mine, p.state == "sent").scalar_subquery()
    said = (
        select(t.post_attempt.c.reply)
        .join(t.post, p.id == t.post_attempt.c.post_id)
        .where(mine)
        .order_by(t.post_attempt.c.id.desc())
        .limit(1)
        .correlate(t.channel)
        .scalar_subquery()
    )
    return (
        select(t.channel, t.subscriber.c.address, t.subscriber.c.language, waiting.label("waiting"),
               last.label("last"), said.label("said"))
        .join(t.subscriber, t.subscriber.c.id == c.subscriber_id)
        .order_by(c.id)
    )  # fmt: skip


def _names(conn: Connection, rows: Sequence[int]) -> dict[int, list[str]]:
    p, link = t.profile.c, t.channel_profile.c
    query = (
        select(link.channel_id, p.name)
        .join(t.profile, p.id == link.profile_id)
        .order_by(link.channel_id, p.id)
    )
    found: dict[int, list[str]] = {}
    for some in chunks(rows):
        for row, name in conn.execute(query.where(link.channel_id.in_(some))):
            found.setdefault(row, []).append(name)
    return found


def wishes(
    conn: Connection, subscribers: Iterable[int], *, services: Sequence[str], since: datetime
) -> dict[int, list[Wishes]]:
    """Return by subscriber what their channels want; of services that are allowed.

    A channel that somebody paused wants nothing; one that its service refused waits for what comes.

    Args:
        since: Papers of digests made before are not mailed again, and are left out of `has`.
    """
    if not services:
        return {}
    c = t.channel.c
    paused = and_(c.paused_at.is_not(None), c.reason == "")
    query = select(c.id, c.subscriber_id, c.service).where(
        c.subscriber_id.in_(list(subscribers)), c.service.in_(services), ~paused
    )
    rows = conn.execute(query.order_by(c.id)).all()
    channels = [one.id for one in rows]
    names, has = _names(conn, channels), _has(conn, channels, since)
    found: dict[int, list[Wishes]] = {}
    for one in rows:
        wanted = Wishes(
            one.id, one.service, frozenset(names.get(one.id, ())), frozenset(has.get(one.id, ()))
        )
        found.setdefault(one.subscriber_id, []).append(wanted)
    return found


def _has(conn: Connection, rows: Sequence[int], since: datetime) -> dict[int, set[int]]:
    h, d = t.post_paper.c, t.digest.c
    query = (
        select(h.channel_id, h.paper_id)
        .join(t.digest, d.id == h.digest_id)
        .where(d.composed_at >= since)
    )
    found: dict[int, set[int]] = {}
    for some in chunks(rows):
        for row, paper in conn.execute(query.where(h.channel_id.in_(some))):
            found.setdefault(row, set()).add(paper)
    return found
