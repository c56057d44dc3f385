"""Numbers for those who watch: what came since a row, and counts that an index answers.

Counts of whole tables are told apart: with a million rows they take a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Table, func, select

from notifier.storage import tables as t
from notifier.storage.store_outbox import OPEN

# The most destinations in use are those of so many of the last deliveries.
_LOOKED_AT = 20_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Mails in one state, and when the oldest was made."""

    mails: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Rows:
    """The last rows that were counted."""

    attempt: int
    digest: int
    paper: int
    bounce: int


@dataclass(frozen=True, slots=True)
class News:
    """What came behind some rows, up to `last`; attempts by (outcome, destination)."""

    last: Rows
    papers: int = 0
    digests: Mapping[str, int] = field(default_factory=dict)
    attempts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    bounces: Mapping[str, int] = field(default_factory=dict)


def last_rows(conn: Connection) -> Rows:
    """Return the last row of each table."""
    tables = (t.attempt, t.digest, t.paper, t.bounce)
    return Rows(*(_last(conn, table) for table in tables))


def _last(conn: Connection, table: Table) -> int:
    return conn.scalar(select(func.max(table.c.id))) or 0


def news(conn: Connection, since: Rows, *, limit: int) -> News:
    """Return what came since; of attempts at most `limit`, the rest the next time."""
    newest = last_rows(conn)
    last = Rows(
        min(newest.attempt, since.attempt + limit), newest.digest, newest.paper, newest.bounce
    )
    p = t.paper.c.id
    papers = select(func.count()).where(p > since.paper, p <= last.paper)
    return News(
        last,
        conn.scalar(papers) or 0,
        _digests(conn, since.digest, last.digest),
        _attempts(conn, since.attempt, last.attempt),
        _bounces(conn, since.bounce, last.bounce),
    )


def _digests(conn: Connection, since: int, last: int) -> dict[str, int]:
    d = t.digest.c
    found = conn.execute(
        select(func.count(), func.count().filter(d.papers == 0)).where(
            d.id > since, d.id <= last, d.sums_up.is_(None)
        )
    ).one()
    return {"made": found[0] - found[1], "nothing": found[1]}


def _attempts(conn: Connection, since: int, last: int) -> dict[tuple[str, str], int]:
    a, d = t.attempt.c, t.delivery.c
    query = (
        select(a.outcome, d.destination, func.count())
        .join(t.delivery, d.id == a.delivery_id)
        .where(a.id > since, a.id <= last)
        .group_by(a.outcome, d.destination)
    )
    return {(outcome, to): number for outcome, to, number in conn.execute(query)}


def _bounces(conn: Connection, since: int, last: int) -> dict[str, int]:
    b = t.bounce.c
    query = select(b.kind, func.count()).where(b.id > since, b.id <= last).group_by(b.kind)
    return dict(conn.execute(query).all())


def most_used(conn: Connection, *, limit: int) -> list[str]:
    """Return the destinations of the last mails, the most used first."""
    d = t.delivery.c
    behind = select(func.coalesce(func.max(d.id), 0) - _LOOKED_AT).scalar_subquery()
    number = func.count().label("number")
    query = (
        select(d.destination, number)
        .where(d.id > behind, d.destination != "")
        .group_by(d.destination)
        .order_by(number.desc(), d.destination)
        .limit(limit)
    )
    return [destination for destination, _ in conn.execute(query)]


def waiting(conn: Connection) -> dict[str, Waiting]:
    """Return what is to be sent, by state: rows grow with time, so the first is the oldest."""
    d = t.delivery.c
    query = select(d.state, func.count(), func.min(d.id)).where(d.state.in_(OPEN)).group_by(d.state)
    found = {state: (mails, first) for state, mails, first in conn.execute(query)}
    made = (
        select(d.id, t.digest.c.composed_at)
        .join(t.digest, t.digest.c.id == d.digest_id)
        .where(d.id.in_([first for _, first in found.values()]))
    )
    times = dict(conn.execute(made).all())
    return {
        state: Waiting(*((found[state][0], times.get(found[state][1])) if state in found
                         else (0, None)))
        for state in OPEN
    }  # fmt: skip


def letters_waiting(conn: Connection) -> int:
    """Return how many letters are to be sent."""
    query = select(func.count()).where(t.letter.c.state == "waiting")
    return conn.scalar(query) or 0


def last_made(conn: Connection) -> datetime | None:
    """Return when a digest was made last."""
    found: datetime | None = conn.scalar(select(func.max(t.digest.c.composed_at)))
    return found


def deliveries(conn: Connection) -> dict[str, int]:
    """Return the number of deliveries by state; reads the whole index."""
    d = t.delivery.c
    return dict(conn.execute(select(d.state, func.count()).group_by(d.state)).all())


def size_bytes(conn: Connection) -> int:
    """Return the size of the database; of SQLite's files, the journal among them."""
    if conn.dialect.name == "postgresql":
        return conn.scalar(select(func.pg_database_size(func.current_database()))) or 0
    place = conn.engine.url.database or ""
    files = (Path(place), Path(f"{place}-wal"))
    return sum(file.stat().st_size for file in files if file.is_file())
