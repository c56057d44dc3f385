"""`db copy`: everything goes from SQLite to PostgreSQL and back, whatever stops it on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from notifier.cli import copying as command
from notifier.daemon.identity import this_process
from notifier.errors import Conflict, DatabaseError
from notifier.intake import system_clock
from notifier.storage import copying, schema, store_processes
from notifier.storage import tables as t
from notifier.storage.columns import Utc
from notifier.storage.database import Database

from .builders import NOON
from .commands import DATABASE, Notifier, notifier
from .databases import cluster, database_url, skip_without_postgres
from .pages import ADA, Place, place

__all__ = ["notifier", "place"]

ROOT = Path(__file__).resolve().parents[1]
ROWS = 7
TEXTS = ("a\0b", "Grüße", "\t\\N\n\r\\.", "\\x00 \\", "𝔸 古詩 \u2028", "'\"%s :a", "", "NULL")
JSONS = (
    [],
    ["a\0", "\0\\\0\0\\u0000", "ü\\"],
    [1, 2.5, None, True],
    {"b": 1, "a": {"c": "\t"}},
    "x",
)


@pytest.fixture(autouse=True)
def server() -> Iterator[None]:
    """A running PostgreSQL; databases made inside a test go with it."""
    skip_without_postgres()
    with cluster().cleared():
        yield


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """An SQLite file and a database of PostgreSQL, both as `db upgrade` makes them."""
    with (
        closing(Database(database_url(tmp_path, "old", kind="sqlite"))) as old,
        closing(Database(database_url(tmp_path, "new", kind="postgres"))) as new,
    ):
        yield old, new


def value(column: Column[Any], n: int, dice: Random) -> Any:
    """Return a value for a column's row `n`, as awkward as it can be."""
    if column.nullable and dice.random() < 0.3:
        return None
    kind = column.type
    if isinstance(kind, Utc):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=dice.randrange(10**15))
    if isinstance(kind, JSON):
        return dice.choice(JSONS)
    if isinstance(kind, Boolean):
        return dice.random() < 0.5
    if isinstance(kind, BigInteger):
        return dice.randrange(2**62) - 2**61 + n
    if isinstance(kind, Integer):
        return dice.randrange(2**31)
    if isinstance(kind, Float):
        return dice.choice((-0.0, 1 / 3, 5e-324, 1.7976931348623157e308, dice.random()))
    if isinstance(kind, LargeBinary):
        return dice.randbytes(dice.randrange(300))
    return f"{n} {dice.choice(TEXTS)}"


def fill(conn: Connection, dice: Random) -> None:
    """Write some rows into every table there is."""
    numbers: dict[str, list[int]] = {}
    for table in copying.tables():
        if any(column.name == "id" and not column.foreign_keys for column in table.columns):
            numbers[table.name] = dice.sample(range(1, 2**40), ROWS)
        for n in range(ROWS):
            row = {column.name: value(column, n, dice) for column in table.columns}
            for key in table.foreign_keys:
                row[key.parent.name] = numbers[key.column.table.name][n]
            if table.name in numbers and isinstance(table.c.id.type, Integer):
                row["id"] = numbers[table.name][n]
            conn.execute(insert(table), row)


def without_nul(value: Any) -> Any:
    if isinstance(value, list):
        return [without_nul(one) for one in value]
    return value.replace("\0", "") if isinstance(value, str) else value


def everything(database: Database) -> dict[str, list[str]]:
    """Return all rows of all tables, as the program reads them, but for NUL."""
    with database.reading() as conn:
        return {
            table.name: sorted(
                repr([without_nul(one) for one in row]) for row in conn.execute(select(table))
            )
            for table in copying.tables()
        }


def silent(table: str, rows: int) -> None:
    """Tell nobody."""


def copied(old: Database, new: Database) -> None:
    done = copying.copy(old, new, tell=silent)
    assert all(one.is_equal for one in done), [one for one in done if not one.is_equal]


@pytest.fixture
def filled(pair: tuple[Database, Database]) -> tuple[Database, Database]:
    with pair[0].writing() as conn:
        fill(conn, Random(7))
    return pair


def test_every_row_of_every_table_arrives_and_comes_back(
    filled: tuple[Database, Database], tmp_path: Path
) -> None:
    old, new = filled
    before = everything(old)
    assert [name for name, rows in before.items() if not rows] == []
    copied(old, new)
    assert everything(new) == before
    assert schema.revision(new) == schema.head()
    with closing(Database(f"sqlite:///{tmp_path}/back.db")) as back:
        copied(new, back)
        assert everything(back) == before
        assert schema.pending(back) == []


def next_number(database: Database, table: Table) -> int:
    """Return the number of a new row, which is not kept."""
    with database.engine.connect() as conn, conn.begin() as begun:
        row = {c.name: value(c, 99, Random(1)) for c in table.columns if c.name != "id"}
        conn.execute(delete(table))  # what a unique key would refuse
        row |= {
            key.parent.name: conn.scalar(select(key.column).limit(1)) for key in table.foreign_keys
        }
        made = conn.execute(insert(table).returning(table.c.id), row).scalar_one()
        begun.rollback()
    return int(made)


def test_a_number_of_a_row_that_was_deleted_is_never_used_again(
    filled: tuple[Database, Database], tmp_path: Path
) -> None:
    old, new = filled
    kept = (t.channel, t.subscriber, t.paper)
    last = {table: next_number(old, table) - 1 for table in kept}
    with old.writing() as conn:
        for table, number in last.items():
            conn.execute(delete(table).where(table.c.id == number))
    copied(old, new)
    assert {table: next_number(new, table) - 1 for table in kept} == last
    with closing(Database(database_url(tmp_path, "back", kind="sqlite"))) as back:
        copied(new, back)
        assert all(next_number(back, table) > last[table] for table in kept)


def test_rows_of_every_numbered_table_go_on_behind_the_highest(
    filled: tuple[Database, Database],
) -> None:
    old, new = filled
    copied(old, new)
    for table in copying.numbered():
        with old.reading() as conn:
            known = set(conn.scalars(select(table.c.id)))
        assert next_number(new, table) == max(known) + 1, table.name


class Stopped(Exception):
    """The copy was stopped here."""


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_that_is_stopped_again_and_again_ends_complete(
    filled: tuple[Database, Database], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PIECE", 3)
    old, new = filled
    before = everything(old)
    dice, stops = Random(seed), 0
    pieces = 2 * 3 * len(before)

    while True:
        left = dice.randrange(pieces)

        def tell(table: str, rows: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Stopped

        try:
            copying.copy(old, new, tell=tell)
            break
        except Stopped:
            stops += 1
            with pytest.raises(DatabaseError, match="a copy that was not finished"):
                schema.pending(new)
            if stops == 6:
                pieces *= 100
    assert stops > 1
    assert everything(new) == before


def test_a_copy_that_is_killed_goes_on_where_it_was(
    filled: tuple[Database, Database], notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = filled
    killed = (
        "import os, sys; from notifier.storage import copying; "
        "from notifier.storage.database import Database\n"
        "copying.PIECE = 4\n"
        "def tell(table, rows): table == 'digest' and os.kill(os.getpid(), 9)\n"
        "copying.copy(Database(sys.argv[1]), Database(sys.argv[2]), tell=tell)"
    )
    urls = [str(one.url.render_as_string(hide_password=False)) for one in filled]
    done = subprocess.run([sys.executable, "-c", killed, *urls], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    there = {part.table: part.present for part in copying.parts(old, new)}
    assert (there["paper"], there["digest"], there["delivery"]) == (ROWS, 4, 0)
    monkeypatch.setenv(DATABASE, urls[1])
    assert "is a copy that was not finished - repeat notifier db copy" in notifier("status").err
    said = notifier("db", "copy", *urls, "--format", "json")
    assert said.code == 0, said.err
    assert {row["equal"] for row in said.json} == {True}
    assert everything(new) == everything(old)


def test_of_two_copies_into_one_database_the_first_gives_way(
    filled: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PIECE", 3)
    old, new = filled

    def begin_another(table: str, rows: int) -> None:
        if table == "paper":
            copied(old, new)

    with pytest.raises(Conflict, match="another process copies into it by now"):
        copying.copy(old, new, tell=begin_another)
    assert everything(new) == everything(old)


def aborted(old: Database, new: Database) -> None:
    """Copy up to the digests."""

    def stop(table: str, rows: int) -> None:
        if table == "digest":
            raise Stopped

    with pytest.raises(Stopped):
        copying.copy(old, new, tell=stop)


@pytest.mark.parametrize("mark", ["copy 0005 0123456789ab", "copy 0123456789ab"])
def test_a_copy_begun_by_another_version_is_not_gone_on_with(
    filled: tuple[Database, Database], notifier: Notifier, mark: str
) -> None:
    old, new = filled
    aborted(old, new)
    with new.writing() as conn:
        schema.mark(conn, mark)
    for arguments in ((), ("--dry-run",)):
        result = notifier("db", "copy", *urls(*filled), *arguments)
        assert result.code == 2
        assert (
            "is a copy begun by another version of notifier - empty the target, and copy again"
            in result.err
        )
    with new.reading() as conn:
        assert schema.marked(conn) == mark


def test_a_row_that_does_not_go_with_those_of_an_aborted_copy_is_nothing_to_mend(
    filled: tuple[Database, Database],
) -> None:
    old, new = filled
    aborted(old, new)
    with old.writing() as conn:
        first = conn.scalar(select(func.min(t.subscriber.c.id))) or 0
        row = {c.name: value(c, 99, Random(1)) for c in t.subscriber.c} | {"id": first - 1}
        conn.execute(insert(t.subscriber), row)
    with pytest.raises(Conflict, match=r"^the source was changed since"):
        copying.copy(old, new, tell=silent)


def test_a_source_that_changed_since_a_copy_was_aborted_is_noticed(
    filled: tuple[Database, Database],
) -> None:
    old, new = filled
    aborted(old, new)
    with old.writing() as conn:
        conn.execute(update(t.paper).values(comment="new"))
    done = {one.table: one for one in copying.copy(old, new, tell=silent)}
    assert [one.table for one in done.values() if not one.is_equal] == ["paper"]
    with pytest.raises(Conflict, match="the copy differs in paper: the source was changed"):
        command._report(list(done.values()), command.Format.json)
    with pytest.raises(DatabaseError, match="a copy that was not finished"):
        schema.revision(new)


def test_what_the_target_cannot_take_is_told_without_its_value(
    pair: tuple[Database, Database],
) -> None:
    old, new = pair
    with old.writing() as conn:
        conn.execute(insert(t.subscriber), {
            c.name: value(c, 1, Random(1)) for c in t.subscriber.c
        } | {"id": 1, "address": "ada@example.org", "hour": 2**40})  # fmt: skip
    with pytest.raises(DatabaseError) as caught:
        copying.copy(old, new, tell=silent)
    assert "does not take row 1 of subscriber: value" in str(caught.value)
    assert "ada@" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_server_that_ends_meanwhile_is_told_in_one_line(
    filled: tuple[Database, Database],
) -> None:
    old, new = filled

    def cut(table: str, rows: int) -> None:
        cluster().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{new.url.database}'"
        )

    with pytest.raises(DatabaseError, match="terminat"):
        copying.copy(old, new, tell=cut)
    copied(old, new)


# What is refused.


def urls(*databases: Database) -> list[str]:
    return [one.url.render_as_string(hide_password=False) for one in databases]


def test_what_cannot_be_copied_is_refused_in_one_line(
    pair: tuple[Database, Database], notifier: Notifier, tmp_path: Path
) -> None:
    old, new = urls(*pair)
    full = database_url(tmp_path, "full", kind="postgres")
    with closing(Database(full)) as database, database.writing() as conn:
        conn.execute(insert(t.counter), {"name": "n", "value": 1})
    foreign = f"sqlite:///{tmp_path}/foreign.db"
    with closing(Database(foreign)) as database, database.writing() as conn:
        conn.exec_driver_sql("CREATE TABLE songs (name TEXT)")
    empty = database_url(tmp_path, "empty", is_empty=True, kind="sqlite")
    older = database_url(tmp_path, "older", is_empty=True, kind="sqlite")
    newer = database_url(tmp_path, "newer", kind="sqlite")
    Database(empty).close()
    with closing(Database(empty)) as database, database.reading():
        pass
    with closing(Database(older)) as database:
        schema.upgrade(database, "0005")
    with closing(Database(newer)) as database, database.writing() as conn:
        schema.mark(conn, "9999")
    for source, target, code, said in (
        (old, full, 2, 'is not empty, there are rows in "counter"'),
        (old, old, 2, "for a copy of the same kind: notifier db backup"),
        (new, full, 2, "for a copy of the same kind: notifier db backup"),
        (f"sqlite:///{tmp_path}/none.db", new, 4, "there is no file"),
        (foreign, new, 1, "is the database of another program"),
        (empty, new, 2, "is empty - which database is to be copied?"),
        (older, new, 2, "has an older schema - first: notifier db upgrade"),
        (newer, new, 1, "is of a newer version"),
        (full, foreign, 1, "is the database of another program"),
        ("mysql://a/b", new, 2, '"mysql" is not supported'),
    ):
        result = notifier("db", "copy", source, target)
        assert (result.code, len(result.err.splitlines())) == (code, 1), (said, result.err)
        assert said in result.err
    assert not (tmp_path / "none.db").exists()


def test_nothing_is_copied_while_a_daemon_works_on_the_source(
    pair: tuple[Database, Database], notifier: Notifier
) -> None:
    old, _ = pair
    daemon = this_process("scheduler", NOON)
    with old.writing() as conn:
        store_processes.beat(conn, daemon, now=system_clock())
        conn.execute(update(t.process).values(host="elsewhere", machine="another"))
    result = notifier("db", "copy", *urls(*pair))
    assert (result.code, "stop it first" in result.err) == (5, True)
    with old.writing() as conn:
        conn.execute(update(t.process).values(machine=daemon.machine, pid=2**22 + 1))
    assert notifier("db", "copy", *urls(*pair)).code == 0  # that one has ended


# A whole instance.


def test_a_dry_run_says_what_would_be_copied_and_changes_nothing(
    filled: tuple[Database, Database], notifier: Notifier
) -> None:
    result = notifier("db", "copy", *urls(*filled), "--dry-run", "--format", "json")
    assert {"table": "paper", "rows": ROWS, "present": 0} in result.json
    assert schema.revision(filled[1]) == schema.head()
    assert everything(filled[1])["paper"] == []


def test_a_dry_run_goes_on_beside_a_daemon_and_makes_no_file(
    notifier: Notifier, tmp_path: Path
) -> None:
    with closing(Database(database_url(tmp_path, "full", kind="postgres"))) as full:
        with full.writing() as conn:
            store_processes.beat(conn, this_process("scheduler", NOON), now=system_clock())
            conn.execute(update(t.process).values(host="elsewhere", machine="another"))
        target = f"sqlite:///{tmp_path}/no/such.db"
        assert notifier("db", "copy", *urls(full), target, "--dry-run").code == 0
        assert not (tmp_path / "no").exists()
        assert notifier("db", "copy", *urls(full), target).code == 5


@pytest.mark.sqlite("from where it goes to the other")
def test_an_instance_works_on_as_it_was(
    place: Place, notifier: Notifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.send()
    old = urls(place.app.database)[0]
    new = database_url(tmp_path, "new", is_empty=True, kind="postgres")
    opened = notifier("db", "copy", old, new)
    assert opened.code == 0, opened.err
    assert "and both are equal" in opened.err
    told = []
    for url in (old, new):
        monkeypatch.setenv(DATABASE, url)
        exported = notifier("--now", "2026-11-21", "subscriber", "export", ADA).json
        assert exported["digests"]
        told.append((exported, notifier("status", "--format", "json").json["subscribers"]))
    assert told[0] == told[1]
    assert notifier("db", "check").code == 0
    assert notifier("tick").code in (0, 3)
