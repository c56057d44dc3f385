"""Posts on their way: claimed by one statement, sent by somebody, recorded here.

The claim itself checks that the subscriber is still active, not paused and not suppressed, and that
the channel is open: nothing goes out for who left, whatever the code around it believes. It has a
number; what the holder of an older one says afterwards changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from notifier.storage import tables as t
from notifier.storage.columns import Utc
from notifier.storage.store_queues import may_be_mailed
from notifier.storage.store_subscribers import is_suppressed

REPLY_CHARACTERS = 500
_LOST = "the sending process ended with it"
_NOW = bindparam("now", type_=Utc)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A post that is ours until its lease ends, by the number of our claim."""

    row: int
    claim: int
    channel: int
    digest: str
    url: str = field(repr=False)
    title: str
    body: str
    attempts: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an attempt, in the service's words.

    `counts`: else the post is given back, as if it had not been tried.
    """

    state: str
    status: int = 0
    reply: str = ""
    not_before: datetime | None = None
    counts: bool = True


@cache
def _claiming() -> ReturningUpdate[Any]:
    """The statement, made once: to make it costs as much as to run it."""
    p, c, other = t.post.c, t.channel.c, t.post.alias("other").c
    on_the_wire = exists(
        select(other.id).where(
            other.channel_id == p.channel_id, other.state == "claimed", other.lease_until >= _NOW
        )
    ).correlate(t.post)
    found = (
        select(p.id)
        .join(t.channel, c.id == p.channel_id)
        .where(
            p.state == "pending", p.not_before <= _NOW, p.expires_at > _NOW,
            c.paused_at.is_(None), or_(c.rest_until.is_(None), c.rest_until <= _NOW),
            c.service.in_(bindparam("services", type_=String, expanding=True)),
            ~on_the_wire, may_be_mailed(c.subscriber_id),
        )
        .order_by(p.not_before, p.id)
        .limit(1)
    )  # fmt: skip
    return (
        update(t.post)
        .where(p.id.in_(found.scalar_subquery()))
        .values(
            state="claimed",
            lease_until=bindparam("until", type_=Utc),
            attempts=p.attempts + 1,
            claim=p.claim + 1,
        )
        .returning(p.id, p.claim, p.channel_id, p.digest_id, p.title, p.body, p.attempts,
                   p.expires_at)
    )  # fmt: skip


def claim(
    conn: Connection, *, services: Sequence[str], now: datetime, until: datetime
) -> Claimed | None:
    """Claim the post that waits longest; of services that are allowed, one at a time a channel."""
    take_over(conn, now=now, until=until)
    values = {"now": now, "until": until, "services": list(services)}
    row = conn.execute(_claiming(), values).one_or_none()
    if row is None:
        return None
    url = conn.scalars(select(t.channel.c.url).where(t.channel.c.id == row.channel_id)).one()
    key = conn.scalars(select(t.digest.c.key).where(t.digest.c.id == row.digest_id)).one()
    return Claimed(
        row.id, row.claim, row.channel_id, key, url, row.title, row.body, row.attempts,
        row.expires_at,
    )  # fmt: skip


def take_over(conn: Connection, *, now: datetime, until: datetime) -> int:
    """Let what somebody had claimed and never told the end of wait again; return how many.

    No claim lasts beyond `until`: one that does was made by a clock that was ahead.
    """
    p = t.post.c
    ahead = (p.state == "claimed") & (p.lease_until > until)
    conn.execute(update(t.post).where(ahead).values(lease_until=until))
    lost = update(t.post).where(p.state == "claimed", p.lease_until < now)
    rows = list(conn.scalars(lost.values(state="pending", lease_until=None).returning(p.id)))
    _note(conn, rows, Fate("pending", reply=_LOST), now=now)
    return len(rows)


def record(conn: Connection, mine: Claimed, fate: Fate, *, now: datetime) -> bool:
    """Record what became of a claimed post; False when another has claimed it since.

    A claim that ran out counts while nobody else took the post. What the attempt came to is kept in
    any case.
    """
    p, done = t.post.c, fate.state in ("sent", "failed")
    _note(conn, [mine.row], fate, now=now)
    values: dict[str, Any] = {
        "state": fate.state,
        "lease_until": None,
        "status": fate.status or None,
        "reply": fate.reply[:REPLY_CHARACTERS] or None,
        "finished_at": now if done else None,
    }
    if not fate.counts:
        values["attempts"] = p.attempts - 1
    if fate.not_before is not None:
        values["not_before"] = fate.not_before
    is_open = p.state.in_(("claimed", "pending"))
    here = (p.id == mine.row) & is_open & (p.claim == mine.claim)
    return conn.execute(update(t.post).where(here).values(values)).rowcount == 1


def _note(conn: Connection, rows: Sequence[int], fate: Fate, *, now: datetime) -> None:
    """Keep what an attempt at each of these posts came to."""
    p, a = t.post.c, t.post_attempt.c
    said = {
        "at": now, "outcome": fate.state if fate.counts else "released",
        "status": fate.status or None, "reply": fate.reply[:REPLY_CHARACTERS] or None,
    }  # fmt: skip
    if rows:
        given = [literal(value, a[name].type).label(name) for name, value in said.items()]
        attempts = select(p.id, p.attempts, *given).where(p.id.in_(rows))
        conn.execute(insert(t.post_attempt).from_select(("post_id", "number", *said), attempts))


def close_stale(conn: Connection, *, now: datetime) -> tuple[int, int]:
    """End what can no longer be sent; return (expired, dropped).

    One whose subscriber left, or may not be mailed, is dropped. The papers of both may come again,
    if a later digest holds them.
    """
    p, c, s = t.post.c, t.channel.c, t.subscriber.c
    of = select(s.id).join(t.channel, c.subscriber_id == s.id).where(c.id == p.channel_id)
    gone = exists(of.where(or_(s.state != "active", is_suppressed(now)))).correlate(t.post)
    dropped = _close(conn, "dropped", gone, now)
    return _close(conn, "expired", p.expires_at <= now, now), dropped


def _close(conn: Connection, state: str, which: ColumnElement[bool], now: datetime) -> int:
    """End waiting posts, and let their channels have no paper by them; return how many."""
    p, h = t.post.c, t.post_paper.c
    ended = update(t.post).where(p.state == "pending", which).values(state=state, finished_at=now)
    rows = conn.execute(ended.returning(p.digest_id, p.channel_id)).all()
    for digest, channel in rows:
        mine = (h.digest_id == digest) & (h.channel_id == channel)
        conn.execute(delete(t.post_paper).where(mine))
    return len(rows)
