"""Answers that are given once more to who asks once more; see `access.answers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from notifier.storage import tables as t
from notifier.storage.statements import insert_new


@dataclass(frozen=True, slots=True)
class Kept:
    """See `access_rows.AnswerRow`."""

    request: str
    status: int | None
    headers: Mapping[str, str]
    body: bytes
    made_at: datetime


def begin(conn: Connection, name: str, request: str, *, now: datetime) -> bool:
    """Write down that a request is carried out; False when one of that name was before."""
    row = {"name": name, "request": request, "headers": {}, "body": b"", "made_at": now}
    return bool(insert_new(conn, t.answer, [row]))


def find(conn: Connection, name: str) -> Kept | None:
    """Return what was answered, or that it is being carried out."""
    a = t.answer.c
    query = select(a.request, a.status, a.headers, a.body, a.made_at).where(a.name == name)
    row = conn.execute(query).one_or_none()
    return Kept(*row) if row else None


def finish(
    conn: Connection,
    name: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    subscriber: int | None,
) -> None:
    """Keep an answer."""
    values = {"status": status, "headers": dict(headers), "body": body, "subscriber": subscriber}
    conn.execute(update(t.answer).where(t.answer.c.name == name).values(values))


def drop(conn: Connection, name: str) -> None:
    """Forget one, so that its request can be made anew."""
    conn.execute(delete(t.answer).where(t.answer.c.name == name))


def empty(conn: Connection, subscriber: int) -> None:
    """Take out what answers said of a subscriber; that they were given stays known."""
    conn.execute(update(t.answer).where(t.answer.c.subscriber == subscriber).values(body=b""))
