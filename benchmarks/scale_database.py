"""A private database with a million subscribers, filled once and kept for the next run.

SQLite: a file. PostgreSQL: a cluster of our own, which syncs its disk as a new one does, with the
settings that `docs/scale.md` asks for; it is reached by a socket in its folder and stopped at the
end. The filled database is never measured: each run works on a copy of it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import workload
from corpus import CORPUS
from day_readers import readers
from sqlalchemy import Connection, Engine, create_engine, text

from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.profiles.keys import stems_in
from notifier.storage import schema, store_papers, store_words
from notifier.storage.database import Database

PROGRAMS = Path("/usr/lib/postgresql")
SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "max_connections": "100",
}
DAY = workload.DAY  # a Friday; all papers come in its first minutes
NOW = DAY + timedelta(hours=12)
MADE = NOW - timedelta(days=30)
_BLOCK = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many of what, and from which seed."""

    subscribers: int
    papers: int
    seed: int

    @property
    def name(self) -> str:
        """What a database of it is called."""
        of = "real" if CORPUS.is_dir() else "generated"
        return f"{of}_{self.subscribers}_{self.papers}_{self.seed}"


class Sqlite:
    """Files in a folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, name: str) -> str:
        """Return the URL of a database by its name."""
        return f"sqlite:///{self._folder / name}.db"

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return (self._folder / f"{name}.db").exists()

    def begin(self, name: str) -> None:
        """An empty one is made when it is opened."""
        self.drop(name)

    def rename(self, old: str, new: str) -> None:
        """Give it another name; nobody has it open."""
        (self._folder / f"{old}.db").rename(self._folder / f"{new}.db")

    def copy(self, old: str, new: str) -> None:
        """Copy one that nobody has open."""
        self.drop(new)
        shutil.copyfile(self._folder / f"{old}.db", self._folder / f"{new}.db")

    def drop(self, name: str) -> None:
        """Delete it, if it is there, with what belongs to it."""
        for path in self._folder.glob(f"{name}.db*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def close(self) -> None:
        """There is no server."""


class Postgres:
    """A cluster in a folder, started when it is asked for."""

    kind = "postgres"

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "postgres"
        self._owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._owner:
            shutil.chown(folder, "postgres")
        if not self._data.exists():
            self._run("initdb", "-D", self._data, "-U", "postgres", "-E", "UTF8", "--auth=trust")
        said = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        said += f" -c unix_socket_directories={folder}"
        self._run("pg_ctl", "-D", self._data, "-l", folder / "log", "-w", "-s", "-o", said, "start")

    def _run(self, program: str, *arguments: object) -> None:
        found = max(PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name)) / program
        command = [*self._owner, str(found), *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")  # noqa: S603

    def url(self, name: str) -> str:
        """Return the URL of a database by its name."""
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return bool(self._execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))  # noqa: S608

    def begin(self, name: str) -> None:
        """Make an empty one."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')

    def rename(self, old: str, new: str) -> None:
        """Give it another name; nobody is connected."""
        self._execute(f'ALTER DATABASE "{old}" RENAME TO "{new}"')

    def copy(self, old: str, new: str) -> None:
        """Copy one that nobody is connected to."""
        self.drop(new)
        self._execute(f'CREATE DATABASE "{new}" TEMPLATE "{old}" STRATEGY FILE_COPY')

    def drop(self, name: str) -> None:
        """Delete it, if it is there."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, *statements: str) -> list[Any]:
        engine = _engine(self.url("postgres"))
        with engine.connect() as conn:
            for statement in statements:
                found = conn.exec_driver_sql(statement)
            rows = list(found) if found.returns_rows else []
        engine.dispose()
        return rows

    def close(self) -> None:
        """Stop the server; its databases stay."""
        self._run("pg_ctl", "-D", self._data, "-w", "-s", "-m", "fast", "stop")


@contextmanager
def measured(kind: str, folder: Path, size: Size) -> Iterator[str]:
    """Yield the URL of a copy of a filled database, which is made where it is not there yet."""
    place = Postgres(folder) if kind == "postgres" else Sqlite(folder)
    try:
        if not place.has(size.name):
            place.begin("filling")
            fill(place.url("filling"), size)
            place.rename("filling", size.name)
        place.copy(size.name, "measured")
        yield place.url("measured")
        place.drop("measured")
    finally:
        place.close()


def say(what: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")
    sys.stderr.flush()


# What stands in it.


def fill(url: str, size: Size) -> None:
    """Write down subscribers of all zones, each with a profile, whose day has come; and papers."""
    papers = workload.papers(size.papers, size.seed, CORPUS)
    database = Database(url)
    schema.upgrade(database)
    with database.writing() as conn:
        _put(conn, "subscriber", _SUBSCRIBER, _subscribers(size), say)
        _put(conn, "profile", _PROFILE, _profiles(size, papers), say)
        counter = text("INSERT INTO counter VALUES ('profile change', :count)")
        conn.execute(counter, {"count": size.subscribers})
        take_in(conn, papers)
    database.close()
    _settle(url)


def take_in(conn: Connection, papers: Sequence[Paper]) -> None:
    """Take papers in as a source's answer is."""
    entries = [
        Entry(
            aliases=(Alias(*paper.id.split(":", 1)),), title=paper.title, abstract=paper.abstract,
            authors=paper.authors, categories=paper.categories, published_at=paper.published_at,
            urls={"abs": f"https://arxiv.org/abs/{paper.id.partition(':')[2]}"},
        )
        for paper in papers
    ]  # fmt: skip
    taken = store_papers.take_in(conn, entries, source="arxiv", now=DAY)
    new = store_papers.load(conn, taken.rows)
    words = ((one.first_seen_at, stems_in(one.title) | stems_in(one.abstract)) for one in new)
    store_words.count(conn, words)


_SUBSCRIBER = (
    "id", "address", "state", "zone", "hour", "minute", "days", "cadence", "max_papers", "seen",
    "consent", "created_at", "confirmed_at", "next_due_at",
)  # fmt: skip
_PROFILE = (
    "id", "subscriber_id", "name", "rules", "enabled", "created_at", "updated_at", "change",
    "matched",
)  # fmt: skip


def _subscribers(size: Size) -> Iterator[tuple[Any, ...]]:
    of, made, due = readers(size.subscribers, size.seed), _stored(MADE), _stored(NOW)
    for row, number in enumerate(of.chosen.tolist(), 1):
        one = of.schedules[number]
        yield (
            row, f"reader{row}@lab{row % 997}.example.org", "active", one.zone, one.hour,
            one.minute, str(list(one.days)), one.cadence, 12, 0, "asked", made, made, due,
        )  # fmt: skip


def _profiles(size: Size, papers: Sequence[Paper]) -> Iterator[tuple[Any, ...]]:
    made = _stored(MADE)
    for row, rules in enumerate(workload.profiles(size.subscribers, papers, size.seed), 1):
        yield row, row, "what I follow", rules, True, made, made, row, True


def _stored(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.000000"


def _put(
    conn: Connection,
    table: str,
    names: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    tell: Callable[[str], None],
) -> None:
    """Write rows by COPY, or by the driver's own loop."""
    driver: Any = conn.connection.driver_connection
    columns = ", ".join(f'"{name}"' for name in names)
    tell(f"filling {table}")
    if conn.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        driver.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _settle(url: str) -> None:
    """Let a database that nobody has open come to rest, as it is a while after."""
    if url.startswith("sqlite"):
        conn = sqlite3.connect(url.removeprefix("sqlite:///"))
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        conn.close()
        return
    engine = _engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()


def _engine(url: str) -> Engine:
    driven = url.replace("postgresql:", "postgresql+psycopg:")
    return create_engine(driven, isolation_level="AUTOCOMMIT")
