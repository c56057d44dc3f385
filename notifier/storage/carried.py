"""Rows as both databases give and take them, so that a sum over them is the same in both.

Numbers, texts, bytes and None; times as SQLite keeps them, JSON as its text, yes and no as 1 and 0.
NUL characters, which PostgreSQL takes into no text, are left out. Nothing is judged here: a row
that the program could not read is carried as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    cast,
    func,
    literal_column,
    select,
    text,
    type_coerce,
)

from notifier.storage import bulk, postgres
from notifier.storage.columns import Utc

Carried = tuple[Any, ...]
_TIME: ColumnElement[str] = literal_column("'YYYY-MM-DD HH24:MI:SS.US'")
MODULUS = 2**64


@contextmanager
def rows(conn: Connection, table: Table, *, piece: int) -> Iterator[Iterator[list[Carried]]]:
    """All rows in pieces of so many, in the order of their primary key."""
    is_sqlite = conn.dialect.name == "sqlite"
    query = select(*(_read(column, is_sqlite=is_sqlite) for column in table.columns))
    streamed = query.order_by(*table.primary_key.columns).execution_options(
        stream_results=True, max_row_buffer=piece
    )
    with conn.execute(streamed) as found:
        yield (
            [_without_nul(table, tuple(row)) if is_sqlite else tuple(row) for row in part]
            for part in found.partitions(piece)
        )


def _read(column: Column[Any], *, is_sqlite: bool) -> ColumnElement[Any]:
    if is_sqlite:
        if isinstance(column.type, Boolean):
            return type_coerce(column, Integer)
        return type_coerce(column, Text) if isinstance(column.type, Utc | JSON) else column
    if isinstance(column.type, Utc):
        return func.to_char(func.timezone("UTC", column), _TIME)
    if isinstance(column.type, Boolean):
        return cast(column, Integer)
    return cast(column, Text) if isinstance(column.type, JSON) else column


def _without_nul(table: Table, row: Carried) -> Carried:
    said = repr(row)
    if "\\x00" not in said and "\\u0000" not in said:  # faster than a look at each value
        return row
    return tuple(map(_clean, table.columns, row))


def _clean(column: Column[Any], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    said = postgres.json_without_nul(value) if isinstance(column.type, JSON) else value
    return said.replace("\0", "")


def total(rows: Iterable[Carried]) -> int:
    """Return a sum over rows, in whatever order; of all pieces it is the sum modulo 2**64."""
    digests = (blake2b(repr(row).encode(), digest_size=8).digest() for row in rows)
    return sum(map(int.from_bytes, digests)) % MODULUS


def write(
    conn: Connection, table: Table, rows: Sequence[Carried], names: Sequence[str] = ()
) -> None:
    """Insert rows; `names`: the columns, where they are not those of the table as it is."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("SET LOCAL timezone = 'UTC'")  # of the times, which name none
        conn.exec_driver_sql("SET LOCAL statement_timeout = 0")
    bulk.insert_as_is(conn, table, names or table.columns.keys(), rows)


def numbered_from(conn: Connection, table: Table) -> int:
    """Return the highest number that a row of a table ever had, as far as is known."""
    (key,) = table.primary_key.columns
    highest = conn.scalar(select(func.max(key))) or 0
    if conn.dialect.name == "sqlite":
        asked = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return max(highest, conn.scalar(asked, {"name": table.name}) or 0)
    sequence = _sequence(conn, table)
    asked = text(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608  # PostgreSQL's name
    last, is_taken = conn.execute(asked).one()
    return max(highest, last if is_taken else 0)


def number_behind(conn: Connection, table: Table, highest: int) -> None:
    """Have the next new row of a table numbered behind this number, where the database can."""
    if not highest:
        return
    if conn.dialect.name != "sqlite":
        asked = text("SELECT setval(CAST(:sequence AS regclass), :highest)")
        conn.execute(asked, {"sequence": _sequence(conn, table), "highest": highest})
    elif table.dialect_options["sqlite"]["autoincrement"]:
        values = {"name": table.name, "highest": highest}
        conn.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        conn.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :highest)"), values)


def is_numbered(table: Table) -> bool:
    """Whether the database numbers the rows of a table."""
    keys = list(table.primary_key.columns)
    return len(keys) == 1 and isinstance(keys[0].type, Integer) and not keys[0].foreign_keys


def _sequence(conn: Connection, table: Table) -> str:
    (key,) = table.primary_key.columns
    asked = text("SELECT pg_get_serial_sequence(:table, :column)")
    return str(conn.scalar(asked, {"table": table.name, "column": key.name}))
