"""What needs somebody: noticed, told, over. Each step is a statement that one process wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, update

from notifier.storage import tables as t
from notifier.storage.statements import insert_new


@dataclass(frozen=True, slots=True)
class Alert:
    """A trouble while it lasts; see `alert_rows.AlertRow`."""

    kind: str
    name: str
    since: datetime
    why: str
    noticed_at: datetime
    told_at: datetime | None = None


def every(conn: Connection) -> list[Alert]:
    """Return all that lasts, what began first first."""
    a = t.alert.c
    query = select(t.alert).order_by(a.since, a.kind, a.name)
    return [Alert(**row._asdict()) for row in conn.execute(query)]


def notice(conn: Connection, alert: Alert) -> bool:
    """Keep one that has begun; False when another process was faster."""
    row = {name: getattr(alert, name) for name in Alert.__slots__}
    return bool(insert_new(conn, t.alert, [row]))


def tell(conn: Connection, alert: Alert, *, why: str, now: datetime) -> bool:
    """Take it on us to tell of one, as it was read; False when another process was faster."""
    changed = update(t.alert).where(_as_read(alert)).values(told_at=now, why=why)
    return conn.execute(changed).rowcount == 1


def end(conn: Connection, alert: Alert) -> bool:
    """Forget one that is over, as it was read; False when another process was faster."""
    return conn.execute(delete(t.alert).where(_as_read(alert))).rowcount == 1


def _as_read(alert: Alert) -> ColumnElement[bool]:
    a = t.alert.c
    told = a.told_at.is_(None) if alert.told_at is None else a.told_at == alert.told_at
    return (a.kind == alert.kind) & (a.name == alert.name) & told
