"""SQL that both databases know, a step above the dialects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    func,
    literal,
    select,
    update,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from notifier.storage import tables as t

# Asked at each pass, like others of its kind: to make a query costs as much as to run it.
_LAST_NUMBER = select(t.counter.c.value).where(t.counter.c.name == bindparam("called"))

# An INSERT whose `rowcount` is asked for; only SQLite tells it anyway.
COUNTED = {"preserve_rowcount": True}
_IN_LIST = 400
_BLOCK = 20_000


def insert_new(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows that violate no unique key; return how many were inserted."""
    statement = _dialect(conn).insert(table).on_conflict_do_nothing().inline()
    statement = statement.execution_options(**COUNTED)
    return sum(conn.execute(statement, dict(row)).rowcount for row in rows)


def add_counts(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], count: str
) -> None:
    """Insert rows; where the primary key is known already, add to its column `count`."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = _dialect(conn).insert(table)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={count: table.c[count] + statement.excluded[count]},
        ),
        list(rows),
    )


def upsert(
    conn: Connection, table: Table, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]
) -> None:
    """Insert rows, many at a time; where the primary key is known, overwrite these columns."""
    statement = _dialect(conn).insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=[column.name for column in table.primary_key],
        set_={name: statement.excluded[name] for name in columns},
    )
    waiting = iter(rows)
    while block := list(islice(waiting, _BLOCK)):
        conn.execute(statement, block)


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the values in pieces of at most as many as one IN list may hold."""
    for start in range(0, len(values), _IN_LIST):
        yield values[start : start + _IN_LIST]


def among(
    conn: Connection, column: ColumnElement[int], numbers: Sequence[int]
) -> ColumnElement[bool]:
    """Whether a column has one of many thousand numbers, which are sent as one value."""
    if _dialect(conn) is postgresql:
        return column == func.any(literal(list(numbers), ARRAY(BigInteger)))
    listed = func.json_each(json.dumps(list(numbers))).table_valued("value")
    return column.in_(select(listed.c.value))


def write_each(conn: Connection, column: Column[Any], values: Sequence[tuple[int, Any]]) -> None:
    """Write a column of many rows, each its own value: pairs of a row's number and that."""
    if not values:
        return
    table = column.table
    if _dialect(conn) is postgresql:
        rows, given = (list(part) for part in zip(*values, strict=True))
        each = (
            func.unnest(literal(rows, ARRAY(BigInteger)), literal(given, ARRAY(column.type)))
            .table_valued(sql_column("row", BigInteger), sql_column("given", column.type))
            .render_derived(name="each")
        )
        written = update(table).where(table.c.id == each.c.row)
        conn.execute(written.values({column: each.c.given}))
        return
    written = update(table).where(table.c.id == bindparam("row"))
    conn.execute(
        written.values({column: bindparam("given", type_=column.type)}),
        [{"row": row, "given": value} for row, value in values],
    )


def put(conn: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert the row, or overwrite the one with the same primary key."""
    keys = [column.name for column in table.primary_key]
    statement = _dialect(conn).insert(table).values(row)
    conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=dict(row)))


def next_numbers(conn: Connection, name: str, count: int) -> int:
    """Take `count` numbers from a counter and return the first.

    The counter's row stays locked until the transaction ends, so numbers grow in the order
    of commits: whoever has seen number n has seen all below it.
    """
    insert_new(conn, t.counter, [{"name": name, "value": 0}])
    last = conn.execute(
        update(t.counter)
        .where(t.counter.c.name == name)
        .values(value=t.counter.c.value + count)
        .returning(t.counter.c.value)
    ).scalar_one()
    return int(last) - count + 1


def last_number(conn: Connection, name: str) -> int:
    """Return the last number taken from a counter, 0 where none was."""
    return conn.scalar(_LAST_NUMBER, {"called": name}) or 0


def set_number(conn: Connection, name: str, value: int) -> None:
    """Write a counter's number."""
    upsert(conn, t.counter, [{"name": name, "value": value}], ("value",))


def last_day(conn: Connection, name: str) -> date:
    """Return the day that was written down under a name, the first of all where none was."""
    return date.fromordinal(max(last_number(conn, name), 1))


def set_day(conn: Connection, name: str, day: date) -> None:
    """Write down a day under a name."""
    set_number(conn, name, day.toordinal())


def last_time(conn: Connection, name: str) -> datetime:
    """Return the time (UTC, to the second) that was written down under a name; 1970 for none."""
    return datetime.fromtimestamp(last_number(conn, name), UTC)


def set_time(conn: Connection, name: str, time: datetime | None) -> None:
    """Write down a time under a name; None: there is none any more."""
    set_number(conn, name, int(time.timestamp()) if time else 0)


def raise_time(conn: Connection, name: str, time: datetime) -> None:
    """Write down a time under a name, unless a later one stands there."""
    statement = _dialect(conn).insert(t.counter).values(name=name, value=int(time.timestamp()))
    new = statement.excluded["value"]
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": new}, where=t.counter.c.value < new
        )
    )


class epoch(FunctionElement[int]):  # noqa: N801  # called like the functions of `func`
    """A time as whole seconds since 1970: 100,000 `datetime`s take half a second to make."""

    type, inherit_cache = BigInteger(), True


@compiles(epoch, "sqlite")
def _sqlite_epoch(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER)"


@compiles(epoch, "postgresql")
def _postgres_epoch(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    return f"CAST(floor(extract(epoch FROM {time})) AS BIGINT)"  # a cast alone would round


def _dialect(conn: Connection) -> Any:
    return postgresql if conn.dialect.name == "postgresql" else sqlite
