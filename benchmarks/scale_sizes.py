"""How many bytes each table has, with its indexes and what is kept apart."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from notifier.storage.database import Database

_SQLITE = """
SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
WHERE d.aggregate = TRUE GROUP BY s.tbl_name
"""
_POSTGRES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def by_table(database: Database) -> dict[str, int]:
    """Return the bytes of each table."""
    with database.reading() as conn:
        found = conn.execute(text(_SQLITE if database.is_sqlite else _POSTGRES))
        return {name: int(size) for name, size in found}


def grown(before: Mapping[str, int], after: Mapping[str, int], by: int) -> dict[str, float]:
    """Return by how many bytes tables have grown for each of so many, the largest first."""
    found = {name: (size - before.get(name, 0)) / by for name, size in after.items() if by}
    return {
        name: size for name, size in sorted(found.items(), key=lambda one: -one[1]) if size >= 0.5
    }
