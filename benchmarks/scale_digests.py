"""Digests that wait in a database on PostgreSQL, made once and copied for each run."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rival_postgres import Cluster
from sqlalchemy import create_engine, func, insert, select, update

from notifier.storage import schema
from notifier.storage import tables as t
from notifier.storage.database import Database

# A server as it is installed, but for the memory; what is committed is on the disk.
SERVER = {"listen_addresses": "''", "max_connections": "150", "shared_buffers": "256MB"}
MAIL_BYTES = 30_000
_PROVIDERS = ("gmail.com", "gmail.com", "outlook.com", "gmx.de")
_TEMPLATE, _BLOCK = "made", 1000
_FOR_LONG = timedelta(days=2)


def key(row: int) -> str:
    """Return the key of a digest."""
    return f"{row:032x}"


def make(cluster: Cluster, digests: int) -> None:
    """Make a database in which so many digests wait; none is due for a day."""
    _execute(cluster, f"CREATE DATABASE {_TEMPLATE}")
    database = Database(cluster.url(_TEMPLATE))
    schema.upgrade(database)
    due = datetime.now(UTC) + timedelta(days=1)
    chance = random.Random(1)  # noqa: S311  no secret is made of it
    words = [f"{chance.getrandbits(40):x}" for _ in range(400)]
    text = " ".join(chance.choice(words) for _ in range(MAIL_BYTES // 11))
    body = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    for first in range(1, digests + 1, _BLOCK):
        _put(database, range(first, min(first + _BLOCK, digests + 1)), body, due)
    database.close()
    _execute(cluster, "CHECKPOINT")


def _put(database: Database, rows: range, body: str, due: datetime) -> None:
    subscribers, digests, messages, deliveries = [], [], [], []
    for row in rows:
        at = _PROVIDERS[row % len(_PROVIDERS)] if row % 2 else f"uni{row % 997}.example"
        head = f"From: <papers@example.org>\r\nMessage-ID: <{key(row)}@example.org>\r\n\r\n"
        subscribers.append({
            "id": row, "address": f"r{row}@{at}", "state": "active", "zone": "UTC", "hour": 7,
            "minute": 0, "days": [0], "cadence": "daily", "max_papers": 12, "seen": 0,
            "consent": "", "created_at": due, "confirmed_at": due, "next_due_at": due + _FOR_LONG,
        })  # fmt: skip
        digests.append({
            "id": row, "key": key(row), "subscriber_id": row, "period": "p", "subject": "s",
            "papers": 0, "more": 0, "seen_from": 0, "seen_to": 1, "composed_at": due,
        })  # fmt: skip
        content = zlib.compress(f"{head}{body}\r\n".encode(), 1)
        messages.append({"digest_id": row, "content": content})
        deliveries.append({
            "digest_id": row, "subscriber_id": row, "state": "pending", "attempts": 0,
            "not_before": due, "expires_at": due + _FOR_LONG,
        })  # fmt: skip
    with database.writing() as conn:
        for table, values in ((t.subscriber, subscribers), (t.digest, digests),
                              (t.message, messages), (t.delivery, deliveries)):  # fmt: skip
            conn.execute(insert(table), values)


@contextmanager
def copied(cluster: Cluster, name: str) -> Iterator[Database]:
    """Yield a database of its own with what was made."""
    _execute(cluster, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}", "CHECKPOINT")
    database = Database(cluster.url(name))
    yield database
    database.close()
    _execute(cluster, f"DROP DATABASE {name} WITH (FORCE)")


def fall_due(database: Database) -> None:
    """Let everything be due from now on."""
    with database.writing() as conn:
        conn.execute(update(t.delivery).values(not_before=datetime.now(UTC)))


def states(database: Database) -> dict[str, int]:
    """Return the number of deliveries by state."""
    d = t.delivery.c
    with database.reading() as conn:
        return dict(conn.execute(select(d.state, func.count()).group_by(d.state)).all())


def held(database: Database, process: int) -> dict[int, datetime]:
    """Return which deliveries a process has claimed, and until when."""
    d = t.delivery.c
    query = select(d.id, d.lease_until).where(
        d.state == "claimed", d.lease_owner.like(f"%:{process}:%")
    )
    with database.reading() as conn:
        return dict(conn.execute(query).all())


def ended(database: Database, rows: list[int]) -> datetime:
    """Return when the last of some deliveries was sent; now where there are none."""
    d = t.delivery.c
    with database.reading() as conn:
        last = conn.scalar(select(func.max(d.finished_at)).where(d.id.in_(rows)))
    return last or datetime.now(UTC)


def _execute(cluster: Cluster, *statements: str) -> None:
    engine = create_engine(
        cluster.url("postgres").replace("postgresql:", "postgresql+psycopg:"),
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)
    engine.dispose()
