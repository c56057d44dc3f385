"""The rows of a subscriber's in whatever tables there are, as the tables have them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from notifier.storage import tables as t
from notifier.storage.columns import Row


def beside(
    conn: Connection,
    subscriber: int,
    known: Collection[str],
    tables: Iterable[Table] = Row.metadata.sorted_tables,
) -> dict[str, list[dict[str, Any]]]:
    """Return what stands of a subscriber and their profiles in tables that are not `known`.

    Ready for JSON: times in ISO 8601; bytes are left out.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    own = select(t.profile.c.id).where(t.profile.c.subscriber_id == subscriber)
    for table in tables:
        if table.name in known:
            continue
        here = [
            column == subscriber if key.column.table.name == "subscriber" else column.in_(own)
            for column in table.columns
            for key in column.foreign_keys
            if key.column.table.name in ("subscriber", "profile")
        ]
        if here:
            query = select(table).where(or_(*here)).order_by(*table.primary_key.columns)
            if rows := [_plain(row._mapping) for row in conn.execute(query)]:
                found[table.name] = rows
    return found


def _plain(row: Any) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if not isinstance(value, bytes)
    }
