"""Keys of the JSON API, by their public ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from notifier.storage import tables as t
from notifier.storage.statements import insert_new


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: `digest` is the SHA-256 of its secret part, times are UTC."""

    id: str
    digest: bytes
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """`valid`, `revoked` or `expired`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now else "valid"


def _key(row: Any) -> ApiKey:
    return ApiKey(**row._asdict() | {"scopes": tuple(row.scopes)})


def add(conn: Connection, key: ApiKey) -> bool:
    """Keep a new key; False when there is one of that id."""
    columns = {name: getattr(key, name) for name in ApiKey.__slots__}
    return bool(insert_new(conn, t.api_key, [columns | {"scopes": list(key.scopes)}]))


def find(conn: Connection, id_: str) -> ApiKey | None:
    """Return the key of an id, whatever its state."""
    row = conn.execute(select(t.api_key).where(t.api_key.c.id == id_)).one_or_none()
    return _key(row) if row else None


def every(conn: Connection) -> list[ApiKey]:
    """Return all keys, oldest first."""
    k = t.api_key.c
    return [_key(row) for row in conn.execute(select(t.api_key).order_by(k.created_at, k.id))]


def revoke(conn: Connection, id_: str, *, now: datetime) -> None:
    """End a key; one that is revoked stays as it is."""
    here = (t.api_key.c.id == id_) & t.api_key.c.revoked_at.is_(None)
    conn.execute(update(t.api_key).where(here).values(revoked_at=now))


def note_use(conn: Connection, id_: str, *, now: datetime) -> None:
    """Write down when a key was used last."""
    conn.execute(update(t.api_key).where(t.api_key.c.id == id_).values(last_used_at=now))
