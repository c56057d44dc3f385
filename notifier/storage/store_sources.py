"""What is known of each source: health, and the validators of its last committed answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from notifier.storage import tables as t
from notifier.storage.statements import put


@dataclass(frozen=True, slots=True)
class Health:
    """How a source did. `failures` counts those since the last success; counts are the last's."""

    name: str
    kind: str
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    failures: int = 0
    error: str | None = None
    seen: int = 0
    new: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes a GET conditional (RFC 9110, 13.1): entity tag and date of the last answer."""

    etag: str | None = None
    last_modified: str | None = None


def health(conn: Connection) -> list[Health]:
    """Return what is known of each source, by name."""
    query = select(t.source).order_by(t.source.c.name)
    return [Health(**row._asdict()) for row in conn.execute(query)]


def succeeded(
    conn: Connection, name: str, kind: str, *, counts: tuple[int, int, int], now: datetime
) -> None:
    """Record an answer that was read and committed.

    `counts` are (seen, new, rejected); those of the last answer with entries are kept when this
    one had none, as a 304 has.
    """
    row = {
        "name": name, "kind": kind, "last_attempt_at": now, "last_success_at": now,
        "failures": 0, "error": None,
    }  # fmt: skip
    known = conn.scalar(select(t.source.c.name).where(t.source.c.name == name))
    if counts[0] or known is None:
        row |= dict(zip(("seen", "new", "rejected"), counts, strict=True))
        put(conn, t.source, row)
    else:
        conn.execute(update(t.source).where(t.source.c.name == name).values(row))


def failed(conn: Connection, name: str, kind: str, error: str, *, now: datetime) -> int:
    """Record a failure; return how many there were since the last success."""
    before = conn.execute(select(t.source).where(t.source.c.name == name)).one_or_none()
    failures = (before.failures if before else 0) + 1
    row = before._asdict() if before else {"name": name, "seen": 0, "new": 0, "rejected": 0}
    put(
        conn,
        t.source,
        row | {"kind": kind, "last_attempt_at": now, "failures": failures, "error": error[:500]},
    )
    return failures


def validators(conn: Connection, url: str) -> Validators:
    """Return the validators of the last committed answer of `url`."""
    row = conn.execute(select(t.http_cache).where(t.http_cache.c.url == url)).one_or_none()
    return Validators(row.etag, row.last_modified) if row else Validators()


def keep_validators(conn: Connection, url: str, kept: Validators, *, now: datetime) -> None:
    """Keep an answer's validators, in the transaction that commits its papers."""
    put(
        conn,
        t.http_cache,
        {"url": url, "etag": kept.etag, "last_modified": kept.last_modified, "fetched_at": now},
    )
