"""Everything of one database into another of the other kind.

Table after table in the order of their references, in pieces that are committed one by one; a copy
that was aborted goes on behind the last piece. Until all is there and the sums of both are equal,
the target's schema is called a copy in the making, so that no other command works on it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, delete, func, inspect, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from notifier import errors
from notifier.storage import carried, schema, store_processes
from notifier.storage import tables as t
from notifier.storage.carried import Carried
from notifier.storage.columns import Row
from notifier.storage.database import Database
from notifier.storage.store_processes import Seen

PIECE = 5_000  # rows; a mail may have 50 kB
# What the schema comes with, and a program that opens it leaves there; the source's take its place.
_REPLACED = (t.destination, t.secret)

Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """A table: its rows in the source, and those of them that an earlier copy has written."""

    table: str
    rows: int
    present: int


@dataclass(frozen=True, slots=True)
class Copied:
    """A table in both: how many rows, and the sum over them."""

    table: str
    rows: int
    sum: int
    target_rows: int
    target_sum: int

    @property
    def is_equal(self) -> bool:
        """Whether the target has what the source has."""
        return (self.rows, self.sum) == (self.target_rows, self.target_sum)


def tables() -> list[Table]:
    """Return all tables, those that others refer to first."""
    return Row.metadata.sorted_tables


def numbered() -> list[Table]:
    """Return the tables whose rows the database numbers."""
    return [one for one in tables() if carried.is_numbered(one)]


def parts(source: Database, target: Database) -> list[Part]:
    """Return what is to be copied; changes nothing.

    Raises:
        UsageError: these two cannot be copied so: the text says why.
        DatabaseError: one of them is of a newer version.
    """
    if source.is_sqlite == target.is_sqlite:
        raise errors.UsageError(
            "db copy moves from SQLite to PostgreSQL or back - "
            "for a copy of the same kind: notifier db backup"
        )
    if schema.revision(source) is None:
        raise errors.UsageError(f"{source.place} is empty - which database is to be copied?")
    if schema.pending(source):
        raise errors.UsageError(f"{source.place} has an older schema - first: notifier db upgrade")
    has = _present(target)
    with source.reading() as conn:
        return [Part(one.name, count(conn, one), has.get(one.name, 0)) for one in tables()]


def _present(target: Database) -> dict[str, int]:
    """Return how many rows of each table an earlier, aborted copy has written.

    Raises:
        UsageError: the target holds what is of no copy, or of another version's.
    """
    if target.is_sqlite and not Path(target.place).exists():
        return {}  # to look into it would make it
    with target.reading() as conn:
        known = set(inspect(conn).get_table_names())
        if schema.VERSION in known and schema.is_copy(conn):
            if not schema.is_copy_of_ours(conn):
                raise errors.UsageError(
                    f"{target.place} is a copy begun by another version of notifier - "
                    "empty the target, and copy again"
                )
            return {one.name: count(conn, one) for one in tables() if one.name in known}
        for one in tables():
            if one.name in known and one not in _REPLACED and _has_rows(conn, one):
                raise errors.UsageError(
                    f'{target.place} is not empty, there are rows in "{one.name}" - '
                    "make an empty database"
                )
    schema.pending(target)  # of another program, or of a newer version
    return {}


def processes(database: Database) -> list[Seen]:
    """Return the processes that ran on a database of ours, of which some may have ended."""
    if schema.revision(database) is None:
        return []
    with database.reading() as conn:
        return store_processes.every(conn)


def copy(source: Database, target: Database, *, tell: Tell) -> list[Copied]:
    """Copy what `parts` tells of; return each table as it is in both.

    Where all are equal the target is complete. Where one is not, the source was changed since an
    earlier copy was aborted, and the target stays a copy in the making.

    Args:
        tell: Called with a table's name and how many more of its rows are done: read, or read back.
    Raises:
        UsageError: the target holds what is of no copy of ours.
        Conflict: another process copies into the target, or the source was changed since an earlier
            copy was aborted.
        DatabaseError: the target does not take a row.
    """
    into = _begin(target)
    with source.reading() as conn:
        read = [_copied(conn, table, into, tell) for table in tables()]
        highest = {one: carried.numbered_from(conn, one) for one in numbered()}
    with target.reading() as conn:
        back = [summed(conn, table, tell) for table in tables()]
    done = [
        Copied(table.name, *one, *other)
        for table, one, other in zip(tables(), read, back, strict=True)
    ]
    if all(one.is_equal for one in done):
        _end(into, highest)
    return done


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to; `mark`: by which it is ours; `goes_on`: with the rows of an earlier copy."""

    database: Database
    mark: str
    goes_on: bool


def _begin(target: Database) -> _Target:
    """Have the target be a copy in the making, and ours."""
    goes_on = any(_present(target).values())
    mark = f"{schema.COPY} {schema.head()} {secrets.token_hex(6)}"
    with target.reading() as conn:
        is_begun = inspect(conn).has_table(schema.VERSION) and schema.is_copy(conn)
    if not is_begun:
        schema.upgrade(target)
    with target.writing() as conn:
        if not schema.is_copy(conn):
            for one in _REPLACED:
                conn.execute(delete(one))
        schema.mark(conn, mark)
    return _Target(target, mark, goes_on)


@contextmanager
def _ours(target: _Target) -> Iterator[Connection]:
    """A transaction on the target while it is still this process that copies into it."""
    with target.database.writing() as conn:
        if schema.marked(conn) != target.mark:
            raise errors.Conflict(f"{target.database.place}: another process copies into it by now")
        yield conn


def _copied(conn: Connection, table: Table, target: _Target, tell: Tell) -> tuple[int, int]:
    """Write the rows of a table that are not there yet; return how many it has, and their sum."""
    with _ours(target) as other:
        present = count(other, table)
    found, sums = 0, 0
    with carried.rows(conn, table, piece=PIECE) as pieces:
        for rows in pieces:
            sums += carried.total(rows)
            if new := rows[max(present - found, 0) :]:
                _write(target, table, new)
            found += len(rows)
            tell(table.name, len(rows))
    return found, sums % carried.MODULUS


def _write(target: _Target, table: Table, rows: list[Carried]) -> None:
    try:
        with _ours(target) as conn:
            carried.write(conn, table, rows)
    except (DataError, IntegrityError) as error:
        if len(rows) > 1:  # look for the one
            half = len(rows) // 2
            _write(target, table, rows[:half])
            _write(target, table, rows[half:])
            return
        if target.goes_on and isinstance(error, IntegrityError):  # it does not go with those there
            raise errors.Conflict(
                "the source was changed since the copy was aborted - "
                "empty the target, and copy again"
            ) from None
        row = (
            f"row {rows[0][0]} of {table.name}"
            if carried.is_numbered(table)
            else f"a row of {table.name}"
        )
        raise errors.DatabaseError(
            f"{target.database.place} does not take {row}: {said(error)} - mend it in the source"
        ) from None


def said(error: DBAPIError) -> str:
    """Return what the database says, without values: they may be addresses."""
    first = (str(error.orig).splitlines() or [""])[0]
    return re.sub('"[^"]*"', '"..."', first)


def summed(conn: Connection, table: Table, tell: Tell) -> tuple[int, int]:
    """Return how many rows a table has, and the sum over them."""
    found, sums = 0, 0
    with carried.rows(conn, table, piece=PIECE) as pieces:
        for rows in pieces:
            found, sums = found + len(rows), sums + carried.total(rows)
            tell(table.name, len(rows))
    return found, sums % carried.MODULUS


def _end(target: _Target, highest: dict[Table, int]) -> None:
    """New rows are numbered behind all that ever were; the copy is a database as any other."""
    with _ours(target) as conn:
        for table, number in highest.items():
            carried.number_behind(conn, table, number)
        conn.execute(text("ANALYZE"))  # statements are planned by it, from the first on
        schema.mark(conn, schema.head())


def count(conn: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return conn.scalar(select(func.count()).select_from(table)) or 0


def _has_rows(conn: Connection, table: Table) -> bool:
    return conn.execute(select(1).select_from(table).limit(1)).first() is not None
