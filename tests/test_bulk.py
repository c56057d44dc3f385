"""Very many rows at once are the same rows as one by one, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from notifier.storage import bulk
from notifier.storage import tables as t
from notifier.storage.database import Database

from .builders import NOON

pytestmark = pytest.mark.both

NAMES = ("id", "address", "state", "zone", "hour", "minute", "days", "cadence", "max_papers",
         "seen", "consent", "created_at", "confirmed_at")  # fmt: skip
MANY = 1_200  # more than are written one by one on PostgreSQL


def reader(number: int, **values: Any) -> tuple[Any, ...]:
    row = {
        "id": number, "address": f"r{number}@example.org", "state": "active", "zone": "UTC",
        "hour": 7, "minute": 0, "days": [0, 6], "cadence": "daily", "max_papers": 12, "seen": 0,
        "consent": 'a "quoted"\ttext\\n\n with é', "created_at": NOON, "confirmed_at": None,
    }  # fmt: skip
    return tuple((row | values)[name] for name in NAMES)


def stored(database: Database) -> list[tuple[Any, ...]]:
    with database.reading() as conn:
        return [tuple(row) for row in conn.execute(select(t.subscriber).order_by("id"))]


def test_rows_at_once_are_stored_as_rows_one_by_one(database: Database) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    rows = [reader(1), reader(2, confirmed_at=elsewhere, days=[])]
    with database.writing() as conn:
        for row in rows:
            conn.execute(insert(t.subscriber).values(dict(zip(NAMES, row, strict=True))))
    one_by_one = stored(database)
    with database.writing() as conn:
        conn.execute(t.subscriber.delete())
        assert bulk.insert(conn, t.subscriber, NAMES, iter(rows)) == 2
    assert stored(database) == one_by_one
    assert one_by_one[1][NAMES.index("created_at")] == NOON


def test_a_key_that_is_known_is_an_error_and_nothing_is_kept(database: Database) -> None:
    with database.writing() as conn:
        bulk.insert(conn, t.subscriber, NAMES, [reader(1)])
    with pytest.raises(IntegrityError, match=r"(?i)unique") as refused, database.writing() as conn:
        bulk.insert(conn, t.subscriber, NAMES, [reader(2), reader(1)])
    assert "example.org" not in str(refused.value)
    assert [row[0] for row in stored(database)] == [1]


@pytest.mark.parametrize("count", [3, MANY])
def test_where_a_key_is_known_the_named_columns_are_overwritten(
    database: Database, count: int
) -> None:
    def rows(hour: int, zone: str) -> Iterator[tuple[Any, ...]]:
        return (reader(number, hour=hour, zone=zone) for number in range(1, count + 1))

    with database.writing() as conn:
        bulk.insert(conn, t.subscriber, NAMES, [reader(2, hour=3)])
        bulk.upsert(conn, t.subscriber, NAMES, rows(5, "Asia/Tokyo"), ("hour",))
        bulk.upsert(conn, t.subscriber, NAMES, rows(6, "Asia/Tokyo"))
    found = stored(database)
    assert len(found) == count
    assert {row[NAMES.index("hour")] for row in found} == {5}
    assert [row[NAMES.index("zone")] for row in found[:3]] == ["Asia/Tokyo", "UTC", "Asia/Tokyo"]


def test_a_transaction_that_fails_keeps_none_of_many_rows(database: Database) -> None:
    with database.engine.connect() as conn, conn.begin() as begun:
        bulk.upsert(conn, t.subscriber, NAMES, (reader(n) for n in range(1, MANY)), ("hour",))
        begun.rollback()
    assert stored(database) == []


def test_no_rows_are_no_rows(database: Database) -> None:
    with database.writing() as conn:
        assert bulk.insert(conn, t.subscriber, NAMES, []) == 0
        bulk.upsert(conn, t.subscriber, NAMES, [])
    assert stored(database) == []
