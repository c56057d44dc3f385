"""Processes that run on this database, and leases: what only one of them may do.

A lease changes hands by one statement that names the holder and the beat it was seen with, so of
several that want it one gets it. No clock is asked: who waits counts how long the beat stands
still.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from notifier.storage import tables as t
from notifier.storage.statements import insert_new, upsert

NOBODY = ""


@dataclass(frozen=True, slots=True)
class Process:
    """A process: `machine` tells whether another one sees the same process numbers."""

    token: str
    host: str
    machine: str
    pid: int
    roles: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A process as it was when it last said that it lives."""

    process: Process
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a lease (`NOBODY`: free), its last beat, and since when (aware UTC)."""

    holder: str = NOBODY
    beat: int = 0
    taken_at: datetime | None = None


def beat(conn: Connection, process: Process, *, now: datetime) -> None:
    """Note that a process lives."""
    upsert(conn, t.process, [asdict(process) | {"beat_at": now}], ("beat_at",))


def every(conn: Connection) -> list[Seen]:
    """Return all processes that are known, oldest first."""
    p = t.process.c
    query = select(p.token, p.host, p.machine, p.pid, p.roles, p.started_at, p.beat_at)
    rows = conn.execute(query.order_by(p.started_at, p.token))
    return [Seen(Process(*row[:-1]), row[-1]) for row in rows]


def find(conn: Connection, token: str) -> Seen | None:
    """Return the process of a token, if it is known."""
    return next((one for one in every(conn) if one.process.token == token), None)


def forget(conn: Connection, tokens: Iterable[str]) -> None:
    """Forget processes that are gone."""
    conn.execute(delete(t.process).where(t.process.c.token.in_(list(tokens))))


def lease(conn: Connection, name: str) -> Lease:
    """Return who holds a lease."""
    c = t.lease.c
    row = conn.execute(select(c.holder, c.beat, c.taken_at).where(c.name == name)).one_or_none()
    return Lease(*row) if row else Lease()


def take(conn: Connection, name: str, token: str, *, seen: Lease, now: datetime) -> bool:
    """Take a lease that is still as it was `seen`; False when another was faster."""
    insert_new(conn, t.lease, [{"name": name, "holder": NOBODY, "beat": 0, "taken_at": now}])
    c = t.lease.c
    as_seen = (c.name == name) & (c.holder == seen.holder) & (c.beat == seen.beat)
    values = {"holder": token, "beat": c.beat + 1, "taken_at": now}
    return conn.execute(update(t.lease).where(as_seen).values(values)).rowcount == 1


def renew(conn: Connection, name: str, token: str) -> bool:
    """Show that the holder lives; False when the lease is another's by now."""
    c = t.lease.c
    mine = (c.name == name) & (c.holder == token)
    return conn.execute(update(t.lease).where(mine).values(beat=c.beat + 1)).rowcount == 1


def release(conn: Connection, name: str, token: str) -> bool:
    """Give a lease back; False when it is another's by now."""
    c = t.lease.c
    mine = (c.name == name) & (c.holder == token)
    values = {"holder": NOBODY, "beat": c.beat + 1}
    return conn.execute(update(t.lease).where(mine).values(values)).rowcount == 1
