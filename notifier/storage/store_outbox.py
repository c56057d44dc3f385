"""The outbox, for operators and the API: what waits, what was tried, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, insert, select, update

from notifier.storage import tables as t
from notifier.storage.pace_rows import UNSORTED

OPEN = ("pending", "claimed", "held")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery: of which digest, to whom, in which state, and how the last attempt ended."""

    row: int
    key: str
    subscriber: int
    address: str
    period: str
    state: str
    attempts: int
    not_before: datetime
    expires_at: datetime
    finished_at: datetime | None
    stage: str | None
    code: int | None
    enhanced: str | None
    reply: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: see `tables.AttemptRow`."""

    number: int
    at: datetime
    outcome: str
    stage: str | None
    code: int | None
    enhanced: str | None
    reply: str | None


def listed(
    conn: Connection, *, states: Sequence[str] = OPEN, key: str | None = None, limit: int
) -> list[Waiting]:
    """Return deliveries in some states, the longest waiting first.

    Args:
        key: Those of digests that begin so, in any state.
    """
    d = t.delivery.c
    query = _deliveries().order_by(d.not_before, d.id).limit(limit)
    if key is None:
        query = query.where(d.state.in_(states))
    else:
        query = query.where(t.digest.c.key.startswith(key, autoescape=True))
    return [Waiting(**row._mapping) for row in conn.execute(query)]


def page(
    conn: Connection,
    *,
    before: int | None,
    limit: int,
    states: Sequence[str] = (),
    subscriber: int | None = None,
) -> list[Waiting]:
    """Return deliveries before a row, the newest first; in some states, or (none named) in any."""
    d = t.delivery.c
    query = _deliveries().order_by(d.id.desc()).limit(limit)
    if before is not None:
        query = query.where(d.id < before)
    if states:
        query = query.where(d.state.in_(states))
    if subscriber is not None:
        query = query.where(d.subscriber_id == subscriber)
    return [Waiting(**row._mapping) for row in conn.execute(query)]


def find(conn: Connection, key: str) -> Waiting | None:
    """Return the delivery of a digest's key, all of it."""
    row = conn.execute(_deliveries().where(t.digest.c.key == key)).one_or_none()
    return Waiting(**row._mapping) if row else None


def _deliveries() -> Select[Any]:
    d = t.delivery.c
    columns = {
        "row": d.id,
        "key": t.digest.c.key,
        "subscriber": d.subscriber_id,
        "address": t.subscriber.c.address,
        "period": t.digest.c.period,
    }
    own = {field.name: d[field.name] for field in fields(Waiting) if field.name not in columns}
    return (
        select(*(column.label(name) for name, column in (columns | own).items()))
        .join_from(t.delivery, t.digest, t.digest.c.id == d.digest_id)
        .join(t.subscriber, t.subscriber.c.id == d.subscriber_id)
    )


def attempts(conn: Connection, key: str) -> list[Attempt]:
    """Return what was tried for a digest, in order."""
    a = t.attempt.c
    query = (
        select(a.number, a.at, a.outcome, a.stage, a.code, a.enhanced, a.reply)
        .join(t.delivery, t.delivery.c.id == a.delivery_id)
        .join(t.digest, t.digest.c.id == t.delivery.c.digest_id)
        .where(t.digest.c.key == key)
        .order_by(a.id)
    )
    return [Attempt(*row) for row in conn.execute(query)]


def has_mail(conn: Connection, key: str) -> bool:
    """Whether the mail of a digest is there still: old ones are deleted."""
    m, g = t.message.c, t.digest.c
    mail = select(m.digest_id).join(t.digest, g.id == m.digest_id).where(g.key == key)
    return bool(conn.scalar(select(exists(mail))))


def retry(conn: Connection, key: str, *, now: datetime, expires_at: datetime) -> bool:
    """Let a digest that waits, is held, was refused or expired be sent at once.

    It is worth sending until `expires_at` at least. False when it was sent, is on the wire, is
    not there, or its mail was deleted.
    """
    return has_mail(conn, key) and _end(
        conn, key, ("pending", "held", "failed"), "retried", now,
        state="pending", not_before=now, finished_at=None, expires_at=expires_at,
        destination=UNSORTED, queue=UNSORTED,  # its old queue may be gone
    )  # fmt: skip


def drop(conn: Connection, key: str, *, now: datetime) -> bool:
    """Give a waiting digest up; False when it does not wait."""
    return _end(conn, key, ("pending", "held"), "dropped", now, state="dropped", finished_at=now)


def _end(
    conn: Connection, key: str, states: Sequence[str], said: str, now: datetime, **values: Any
) -> bool:
    """Change a delivery that is in one of these states, and keep that somebody said so."""
    d = t.delivery.c
    of = select(t.digest.c.id).where(t.digest.c.key == key).scalar_subquery()
    changed = conn.execute(
        update(t.delivery)
        .where(d.digest_id == of, d.state.in_(states))
        .values(values)
        .returning(d.id, d.attempts)
    ).one_or_none()
    if changed is None:
        return False
    row = {"delivery_id": changed.id, "number": changed.attempts, "at": now, "outcome": said}
    conn.execute(insert(t.attempt).values(row | {"reply": "by the operator"}))
    return True
