"""Who shares the turn to write does so beside others, and never beside one who must be alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, update

from notifier.errors import Busy, Unavailable
from notifier.storage import database as database_module
from notifier.storage import postgres
from notifier.storage import tables as t
from notifier.storage.database import Database, must_be_alone

from .databases import cluster, database_url, skip_without_postgres

_HOLDS = (
    "import sys\n"
    "from notifier.storage.database import Database\n"
    "with Database(sys.argv[1]).sharing():\n"
    "    print('holds', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    skip_without_postgres()
    with cluster().cleared():
        yield cluster().database(tmp_path / "one", is_empty=False)


@pytest.fixture
def one(url: str) -> Iterator[Database]:
    made = Database(url)
    yield made
    made.close()


@pytest.fixture
def other(url: str) -> Iterator[Database]:
    made = Database(url)
    yield made
    made.close()


def note(conn: Connection, name: str, value: int = 0) -> None:
    conn.execute(insert(t.counter), {"name": name, "value": value})


def names(database: Database) -> list[str]:
    with database.reading() as conn:
        return sorted(conn.scalars(select(t.counter.c.name)))


def hurried(monkeypatch: pytest.MonkeyPatch, url: str) -> Database:
    """One who waits for a turn no longer than a moment."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    return Database(url)


def waits(database: Database) -> None:
    """Return once somebody waits for their turn."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while True:
        with database.reading() as conn:
            if conn.exec_driver_sql(waiting).scalar():
                return


def test_two_who_share_write_at_once(one: Database, other: Database) -> None:
    with one.sharing() as mine, other.sharing() as theirs, one.sharing() as mine_too:
        for name, conn in (("a", mine), ("b", theirs), ("c", mine_too)):
            note(conn, name)
    assert names(one) == ["a", "b", "c"]


def test_a_writer_waits_for_those_who_share_and_they_for_the_writer(
    one: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = hurried(monkeypatch, url)
    with one.sharing(), pytest.raises(Busy, match="has been writing"), soon.writing():
        pass
    with one.writing(), pytest.raises(Busy, match="has been writing"), soon.sharing():
        pass
    with soon.sharing(), one.sharing():
        pass
    soon.close()


def test_a_writer_who_waits_goes_before_those_who_want_to_share_after_it(
    one: Database, other: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote = threading.Event()

    def write() -> None:
        with other.writing():
            wrote.set()

    with ThreadPoolExecutor(1) as pool:
        with one.sharing():
            writing = pool.submit(write)
            waits(one)
            soon = hurried(monkeypatch, url)
            with pytest.raises(Busy), soon.sharing():
                pass
            assert not wrote.is_set()
        writing.result(10)
    soon.close()


def test_a_stream_of_those_who_share_does_not_starve_a_writer(one: Database, url: str) -> None:
    is_over = threading.Event()

    def share() -> int:
        mine, count = Database(url), 0
        while not is_over.is_set():
            with mine.sharing() as conn:
                conn.exec_driver_sql("SELECT 1")
                count += 1
        mine.close()
        return count

    with ThreadPoolExecutor(4) as pool:
        streams = [pool.submit(share) for _ in range(4)]
        try:
            for number in range(10):
                with one.writing() as conn:
                    note(conn, f"n{number}")
        finally:
            is_over.set()
        assert all(stream.result() for stream in streams)
    assert len(names(one)) == 10


def test_a_deadlock_among_those_who_share_is_busy_and_goes_well_the_next_time(
    one: Database, other: Database
) -> None:
    both_wrote = threading.Barrier(2)

    def write(database: Database, first: str, second: str) -> Callable[[], None] | None:
        try:
            with database.sharing() as conn:
                conn.execute(update(t.counter).where(t.counter.c.name == first).values(value=1))
                both_wrote.wait(10)
                conn.execute(update(t.counter).where(t.counter.c.name == second).values(value=1))
        except Busy:
            return lambda: write_again(database, second)
        return None

    def write_again(database: Database, name: str) -> None:
        with database.sharing() as conn:
            conn.execute(update(t.counter).where(t.counter.c.name == name).values(value=2))

    with one.writing() as conn:
        for name in "ab":
            note(conn, name)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(write, (one, other), "ab", "ba"))
    (again,) = filter(None, found)
    again()
    with one.reading() as conn:
        assert sorted(conn.scalars(select(t.counter.c.value))) == [1, 2]


def test_one_who_is_killed_while_it_shares_holds_nobody_up(
    one: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"holds\n"
        soon = hurried(monkeypatch, url)
        with pytest.raises(Busy), soon.writing():
            pass
        holder.kill()
        holder.wait()
        with one.writing() as conn:
            note(conn, "a")
    soon.close()
    assert names(one) == ["a"]


def test_one_who_falls_silent_while_it_shares_loses_the_turn_and_what_it_wrote(
    one: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SHARED_TURN", postgres._SHARED_TURN.replace("60s", "100ms"))

    def fall_silent() -> None:
        with one.sharing() as conn:
            note(conn, "mine")
            with other.writing() as theirs:  # waits until it is their turn
                note(theirs, "theirs")
            note(conn, "late")

    with pytest.raises(Unavailable, match="idle-in-transaction timeout"):
        fall_silent()
    assert names(one) == ["theirs"]


def test_a_deed_that_must_be_alone_is_undone_and_done_again_while_nobody_shares(
    one: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon, tries = hurried(monkeypatch, url), list[int]()

    def work(conn: Connection) -> str:
        tries.append(1)
        note(conn, "a")  # twice would break the key
        must_be_alone(conn)
        with pytest.raises(Busy), soon.sharing():
            pass
        return "done"

    assert one.beside_others(work) == "done"
    assert len(tries) == 2
    assert names(one) == ["a"]
    soon.close()


def test_a_deed_that_need_not_be_alone_is_done_once_beside_others(
    one: Database, other: Database
) -> None:
    with other.sharing():
        one.beside_others(lambda conn: note(conn, "a"))
    assert names(one) == ["a"]


def test_on_sqlite_to_share_is_to_write_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_SECONDS", 0.05)
    one, other = (Database(f"sqlite:///{tmp_path}/test.db") for _ in range(2))
    with one.sharing() as conn:
        must_be_alone(conn)
        with pytest.raises(Busy), other.sharing():
            pass
    for database in (one, other):
        database.close()


@pytest.mark.both
def test_what_fails_while_it_is_shared_is_undone(tmp_path: Path) -> None:
    database = Database(database_url(tmp_path))

    def work(conn: Connection) -> None:
        note(conn, "a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.beside_others(work)
    assert names(database) == []
    database.close()
