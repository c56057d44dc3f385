"""Very many rows at once, as tuples: by the driver's own loop on SQLite, by COPY on PostgreSQL.

A row is a tuple of plain Python values, in the order of the named columns; they are written as any
statement writes them (times as UTC, lists as JSON). Rows are taken as they are needed, so that a
generator of a million needs no memory. All is part of the caller's transaction.
"""
# ruff: noqa: S608  # statements are put together from names of our own tables and columns

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table
from sqlalchemy.exc import DBAPIError

from notifier.storage.postgres import without_values

_BLOCK = 20_000
# Fewer than these are no reason for a table of their own on PostgreSQL.
_FEW = 500

Values = tuple[Any, ...]


def insert(conn: Connection, table: Table, names: Sequence[str], rows: Iterable[Values]) -> int:
    """Insert rows and return how many; a key that is known already is an error.

    Args:
        names: The columns that the values are of.
    """
    return insert_as_is(conn, table, names, _as_bound(conn, table, names, rows))


def insert_as_is(
    conn: Connection, table: Table, names: Sequence[str], rows: Iterable[Values]
) -> int:
    """The same with values that are as the driver takes them already."""
    if conn.dialect.name == "postgresql":
        return _copy(conn, _named(conn, table.name, names), rows)
    return _run_many(conn, _statement(conn, table, names), iter(rows))


def upsert(
    conn: Connection,
    table: Table,
    names: Sequence[str],
    rows: Iterable[Values],
    overwrite: Sequence[str] = (),
) -> None:
    """Insert rows; where the primary key is known, overwrite these columns, or leave it as it is.

    No key may stand in the rows twice.
    """
    waiting = _as_bound(conn, table, names, rows)
    ending = _on_conflict(conn, table, overwrite)
    if conn.dialect.name != "postgresql":
        _run_many(conn, f"{_statement(conn, table, names)} {ending}", waiting)
        return
    first = list(islice(waiting, _FEW))
    if len(first) < _FEW:
        _run_many(conn, f"{_statement(conn, table, names)} {ending}", iter(first))
        return
    target, quote = _named(conn, table.name, names), conn.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    copied = f"copied_{table.name}"
    conn.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {quote(copied)} ON COMMIT DROP AS "
        f"SELECT {columns} FROM {quote(table.name)} WITH NO DATA"
    )
    _copy(conn, _named(conn, copied, names), chain(first, waiting))
    conn.exec_driver_sql(f"INSERT INTO {target} SELECT {columns} FROM {quote(copied)} {ending}")
    conn.exec_driver_sql(f"DROP TABLE {quote(copied)}")


def _as_bound(
    conn: Connection, table: Table, names: Sequence[str], rows: Iterable[Values]
) -> Iterator[Values]:
    """The rows as the driver takes them."""
    kinds = [table.c[name].type.dialect_impl(conn.dialect) for name in names]
    changes = [
        (place, change)
        for place, kind in enumerate(kinds)
        if not isinstance(kind, LargeBinary)  # the drivers take bytes as they are
        and (change := kind.bind_processor(conn.dialect)) is not None
    ]
    return _changed(rows, changes) if changes else iter(rows)


def _changed(
    rows: Iterable[Values], changes: Sequence[tuple[int, Callable[[Any], Any]]]
) -> Iterator[Values]:
    for row in rows:
        values = list(row)
        for place, change in changes:
            values[place] = change(values[place])
        yield tuple(values)


def _named(conn: Connection, table: str, names: Sequence[str]) -> str:
    quote = conn.dialect.identifier_preparer.quote
    return f"{quote(table)} ({', '.join(map(quote, names))})"


def _statement(conn: Connection, table: Table, names: Sequence[str]) -> str:
    mark = "%s" if conn.dialect.name == "postgresql" else "?"
    marks = ", ".join([mark] * len(names))
    return f"INSERT INTO {_named(conn, table.name, names)} VALUES ({marks})"


def _on_conflict(conn: Connection, table: Table, overwrite: Sequence[str]) -> str:
    quote = conn.dialect.identifier_preparer.quote
    keys = ", ".join(quote(column.name) for column in table.primary_key)
    new = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in overwrite)
    return f"ON CONFLICT ({keys}) DO " + (f"UPDATE SET {new}" if new else "NOTHING")


def _run_many(conn: Connection, statement: str, rows: Iterator[Values]) -> int:
    written = 0
    while block := list(islice(rows, _BLOCK)):
        conn.exec_driver_sql(statement, block)
        written += len(block)
    return written


def _copy(conn: Connection, target: str, rows: Iterable[Values]) -> int:
    written = 0
    driver: Any = conn.connection.driver_connection
    statement = f"COPY {target} FROM STDIN"
    with (
        _as_of_sqlalchemy(conn, statement),
        driver.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        for row in rows:
            copy.write_row(row)
            written += 1
    return written


@contextmanager
def _as_of_sqlalchemy(conn: Connection, statement: str) -> Iterator[None]:
    """The driver's errors become those that every statement raises, and tell no values."""
    driver: Any = conn.dialect.dbapi
    try:
        yield
    except driver.Error as error:
        without_values(error)
        raise DBAPIError.instance(
            statement, None, error, driver.Error, hide_parameters=True, dialect=conn.dialect
        ) from error
