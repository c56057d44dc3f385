"""What came back: kept once, counted, and tied to the delivery it speaks of."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select

from notifier.storage import tables as t
from notifier.storage.statements import insert_new

# What was done where an edition did not arrive.
FAILED = ("counted", "suppressed")


@dataclass(frozen=True, slots=True)
class Mailed:
    """A delivery that something came back of; `at` is when it was sent, None: not yet recorded."""

    row: int
    digest: str
    subscriber: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the list."""

    id: int
    received_at: datetime
    kind: str
    recipient: str
    status: str
    reason: str
    via: str
    done: str
    address: str | None


def is_known(conn: Connection, key: str) -> bool:
    """Whether a mail was read before."""
    return conn.scalar(select(t.bounce.c.id).where(t.bounce.c.key == key).limit(1)) is not None


def add(conn: Connection, values: Mapping[str, Any], *, raw: bytes | None = None) -> None:
    """Keep what a mail says of a recipient, with the mail itself where it is given."""
    packed = zlib.compress(raw) if raw is not None else None
    insert_new(conn, t.bounce, [{**values, "raw": packed}])


def _mailed() -> Select[Any]:
    d = t.delivery.c
    return select(d.id, t.digest.c.key, d.subscriber_id, d.finished_at).join(
        t.digest, t.digest.c.id == d.digest_id
    )


def _one(conn: Connection, query: Select[Any]) -> Mailed | None:
    row = conn.execute(query.limit(1)).first()
    return Mailed(*row) if row else None


def delivery(conn: Connection, row: int) -> Mailed | None:
    """Return the delivery of a row."""
    return _one(conn, _mailed().where(t.delivery.c.id == row)) if row < 2**63 else None


def delivery_of(conn: Connection, digest: str) -> Mailed | None:
    """Return the delivery of a digest's key."""
    return _one(conn, _mailed().where(t.digest.c.key == digest))


def last_delivery(conn: Connection, subscriber: int) -> Mailed | None:
    """Return what was last sent to a subscriber."""
    d = t.delivery.c
    query = _mailed().where(d.subscriber_id == subscriber, d.state == "sent")
    return _one(conn, query.order_by(d.finished_at.desc(), d.id.desc()))


def forgiven_at(conn: Connection, subscriber: int) -> datetime | None:
    """Return since when a subscriber's mail counts, after a fresh start."""
    s = t.subscriber.c
    found: datetime | None = conn.scalar(select(s.forgiven_at).where(s.id == subscriber))
    return found


def soft(
    conn: Connection, subscriber: int, *, since: datetime | None
) -> list[tuple[int, datetime]]:
    """Return (delivery, when it came back) of soft bounces, of what was sent after `since`."""
    b, d = t.bounce.c, t.delivery.c
    query = (
        select(b.delivery_id, func.min(b.received_at))
        .join(t.delivery, d.id == b.delivery_id)
        .where(b.subscriber_id == subscriber, b.done.in_(FAILED))
        .group_by(b.delivery_id)
    )
    if since is not None:
        query = query.where(d.finished_at >= since)
    return [(row, at) for row, at in conn.execute(query)]


def accepted(conn: Connection, subscriber: int) -> list[datetime]:
    """Return when deliveries were sent of which nothing came back as failed."""
    b, d = t.bounce.c, t.delivery.c
    came_back = exists(select(b.id).where(b.delivery_id == d.id, b.done.in_(FAILED)))
    query = select(d.finished_at).where(
        d.subscriber_id == subscriber, d.state == "sent", ~came_back
    )
    return list(conn.scalars(query))


def counts(conn: Connection, *, since: datetime | None = None) -> dict[str, int]:
    """Return how many of each kind came, since a time or ever."""
    b = t.bounce.c
    query = select(b.kind, func.count()).group_by(b.kind).order_by(b.kind)
    if since is not None:
        query = query.where(b.received_at >= since)
    return dict(conn.execute(query).all())


def newest(conn: Connection, *, kind: str = "", limit: int) -> list[Listed]:
    """Return what came, the newest first, of one kind or all."""
    b = t.bounce.c
    query = (
        select(b.id, b.received_at, b.kind, b.recipient, b.status, b.reason, b.via, b.done,
               t.subscriber.c.address)
        .outerjoin(t.subscriber, t.subscriber.c.id == b.subscriber_id)
        .order_by(b.received_at.desc(), b.id.desc())
        .limit(limit)
    )  # fmt: skip
    if kind:
        query = query.where(b.kind == kind)
    return [Listed(*row) for row in conn.execute(query)]


def raw(conn: Connection, row: int) -> bytes | None:
    """Return the mail that nobody understood, where it was kept."""
    packed = conn.scalar(select(t.bounce.c.raw).where(t.bounce.c.id == row))
    return zlib.decompress(packed) if packed else None


def of(conn: Connection, subscriber: int) -> list[dict[str, str]]:
    """Return what came back of a subscriber's mails, oldest first, ready for JSON."""
    b = t.bounce.c
    query = select(b.kind, b.status, b.reason, b.done, b.received_at).where(
        b.subscriber_id == subscriber
    )
    return [
        {"kind": row.kind, "status": row.status, "reason": row.reason, "done": row.done,
         "received_at": row.received_at.isoformat()}
        for row in conn.execute(query.order_by(b.id))
    ]  # fmt: skip
