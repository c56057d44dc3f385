"""How the mailbox of bounces was read: one row, of the mailbox that is read at present."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, select

from notifier.storage import tables as t
from notifier.storage.statements import put


@dataclass(frozen=True, slots=True)
class Health:
    """How it was read; `failures` counts those since the last success, `taken` is the last one's.

    `refused`: its server did not know the login.
    """

    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    failures: int = 0
    refused: bool = False
    error: str | None = None
    taken: int = 0


def health(conn: Connection, name: str) -> Health:
    """Return what is known of a mailbox; of one that was never read nothing."""
    m = t.mailbox.c
    query = select(
        m.last_attempt_at, m.last_success_at, m.failures, m.refused, m.error, m.taken
    ).where(m.name == name)
    row = conn.execute(query).one_or_none()
    return Health(*row) if row else Health()


def succeeded(
    conn: Connection, name: str, *, taken: int, error: str | None = None, now: datetime
) -> None:
    """Record a round; `error`: what went wrong on the way. Other mailboxes are forgotten."""
    _write(conn, name, Health(now, now, error=error, taken=taken))


def failed(conn: Connection, name: str, error: str, *, refused: bool, now: datetime) -> None:
    """Record a failure."""
    before = health(conn, name)
    after = replace(
        before,
        last_attempt_at=now,
        failures=before.failures + 1,
        refused=refused,
        error=error[:500],
    )
    _write(conn, name, after)


def _write(conn: Connection, name: str, values: Health) -> None:
    conn.execute(delete(t.mailbox).where(t.mailbox.c.name != name))
    row = {field: getattr(values, field) for field in Health.__dataclass_fields__}
    put(conn, t.mailbox, {"name": name, **row})
