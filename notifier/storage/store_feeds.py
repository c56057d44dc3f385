"""Feeds of profiles: the secret by which each is read, and the papers in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, delete, select

from notifier.storage import match_rows
from notifier.storage import tables as t
from notifier.storage.statements import chunks, upsert


@dataclass(frozen=True, slots=True)
class Followed:
    """Whose profile a feed shows: its row, name, when its rules were last changed (UTC)."""

    profile: int
    name: str
    changed_at: datetime
    state: str
    language: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper of a feed by its row, and when anything in it last changed (UTC)."""

    row: int
    updated_at: datetime


def secret(conn: Connection, profile: int) -> str | None:
    """Return by what secret a profile's feed is read, None where it has none."""
    return conn.scalar(select(t.feed.c.secret).where(t.feed.c.profile_id == profile))


def put_secret(conn: Connection, profile: int, secret: str) -> bool:
    """Let a profile's feed be read by this secret alone; False when there is no such profile."""
    if conn.scalar(select(t.profile.c.id).where(t.profile.c.id == profile)) is None:
        return False
    upsert(conn, t.feed, [{"profile_id": profile, "secret": secret}], ("secret",))
    return True


def forget_secret(conn: Connection, profile: int) -> bool:
    """Let nobody read a profile's feed; False when nobody could."""
    return conn.execute(delete(t.feed).where(t.feed.c.profile_id == profile)).rowcount > 0


def followed(conn: Connection, secret: str) -> Followed | None:
    """Return what a secret opens."""
    profile, subscriber = t.profile.c, t.subscriber.c
    columns = (profile.id, profile.name, profile.updated_at, subscriber.state, subscriber.language)
    query = (
        select(*columns)
        .join(t.feed, t.feed.c.profile_id == profile.id)
        .join(t.subscriber, subscriber.id == profile.subscriber_id)
        .where(t.feed.c.secret == secret)
    )
    row = conn.execute(query).one_or_none()
    return Followed(*row) if row else None


def listed(conn: Connection, papers: Sequence[int]) -> list[Listed]:
    """Return papers by their rows, in this order."""
    query = select(t.paper.c.id, t.paper.c.updated_at).where(t.paper.c.id.in_(papers))
    found = {row.id: Listed(*row) for row in conn.execute(query)}
    return [found[row] for row in papers if row in found]


def matched(conn: Connection, profile: int, *, since: datetime, limit: int) -> list[Listed]:
    """Return the newest papers that a profile wants, first seen `since` then (UTC).

    By their last number of news or new versions, the newest first.
    """
    found, known = match_rows.all_kept(conn, [profile])
    order = np.lexsort((-found.records.papers, -known.numbers))
    rows = found.records.papers[order].tolist()
    recent = {
        row.id: Listed(row.id, row.updated_at)
        for chunk in chunks(rows)
        for row in conn.execute(
            select(t.paper.c.id, t.paper.c.updated_at).where(
                t.paper.c.id.in_(chunk), t.paper.c.first_seen_at >= since
            )
        )
    }
    return [recent[row] for row in rows if row in recent][:limit]
