"""Token buckets by name. A name tells nothing of the address it stands for: see `Gate`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from notifier.storage import tables as t
from notifier.storage.statements import put


def get(conn: Connection, name: str) -> tuple[float, datetime] | None:
    """Return a bucket's tokens and as of when."""
    b = t.bucket.c
    query = select(b.tokens, b.at).where(b.name == name)
    row = conn.execute(query).one_or_none()
    return (row.tokens, row.at) if row else None


def keep(conn: Connection, name: str, tokens: float, at: datetime) -> None:
    """Write a bucket."""
    put(conn, t.bucket, {"name": name, "tokens": tokens, "at": at})
