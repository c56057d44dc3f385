"""Which database a test runs on, and a new one for each.

SQLite files, unless pytest is told `--database postgres`, or NOTIFIER_TEST_DATABASE=postgres: then
everything runs on PostgreSQL, on a cluster of the tests' own. What is marked `both` runs on both.
Who asked for a database on SQLite, and how long that took, is kept from run to run: `--database
postgres --again SECONDS` runs those alone that took less.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url

from notifier.storage import schema
from notifier.storage.database import Database

KINDS = ("sqlite", "postgres")
_PROGRAMS = Path("/usr/lib/postgresql")
# Nothing here must survive a crash; sorting as people do, since C's order is SQLite's.
_SETTINGS = "-c fsync=off -c full_page_writes=off -c autovacuum=off -c max_connections=200"
_SORTED = ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8")


class Cluster:
    """A PostgreSQL server that ends with the tests; `password` is that of the user `postgres`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="notifier-postgres-"))
        self.password = secrets.token_hex(8)
        self._names: dict[Path, str] = {}
        self._template = ""
        word = self.folder / "password"
        word.write_text(self.password)
        if os.getuid() == 0:
            for path in (self.folder, word):
                shutil.chown(path, "postgres")
        self.run("initdb", "-D", self.folder / "data", "--no-sync", "-U", "postgres", "-E", "UTF8",
                 *_SORTED, "--auth-local=trust", "--auth-host=scram-sha-256",
                 f"--pwfile={word}")  # fmt: skip
        self.start()
        self._watch = self._watching()
        self._engine = create_engine(
            make_url(self.url("postgres")).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT", pool_size=1, pool_pre_ping=True,
        )  # fmt: skip

    def start(self) -> None:
        """Start it, on a port that is free, or on the one it had."""
        with socket.create_server(("127.0.0.1", getattr(self, "port", 0))) as free:
            self.port = free.getsockname()[1]
        said = f"-c port={self.port} -c listen_addresses=127.0.0.1 {_SETTINGS}"
        said += f" -c unix_socket_directories={self.folder}"
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-s",
                 "-o", said, "start")  # fmt: skip

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-s", "-m", "immediate", "stop")

    def _watching(self) -> subprocess.Popen[bytes]:
        """Start what ends the server and deletes all when we end, however that may be."""
        stop = self._command("pg_ctl", "-D", self.folder / "data", "-s", "-m", "immediate", "stop")
        ends = f"cat; {shlex.join(stop)}; rm -rf {shlex.quote(str(self.folder))}"
        nothing = subprocess.DEVNULL
        return subprocess.Popen(
            ["sh", "-c", ends], stdin=subprocess.PIPE, stdout=nothing, stderr=nothing,
            start_new_session=True, cwd="/",
        )  # fmt: skip

    def run(self, program: str, *arguments: object) -> None:
        """Run a program of PostgreSQL."""
        command = self._command(program, *arguments)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def _command(self, program: str, *arguments: object) -> list[str]:
        """The command, as a user that PostgreSQL accepts, which root is not."""
        found = max(_PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name)) / program
        other = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        return [*other, str(found), *map(str, arguments)]

    def url(self, name: str, *, user: str = "postgres", password: str = "") -> str:
        """Return the URL of a database: by the socket, or over TCP where a password is given."""
        if password:
            return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{name}"
        return f"postgresql://{user}@/{name}?host={self.folder}&port={self.port}"

    def execute(self, *statements: str) -> list[Any]:
        """Run statements as the superuser, outside of a transaction; return the last one's rows."""
        with self._engine.connect() as conn:
            for statement in statements:
                found = conn.exec_driver_sql(statement)
            return list(found) if found.returns_rows else []

    def database(self, place: Path, *, is_empty: bool) -> str:
        """Return the URL of the database that stands for a path, made at the first call."""
        if place not in self._names:
            name = self._names[place] = f"{place.stem}_{secrets.token_hex(4)}"
            template = "template0" if is_empty else self._migrated()
            self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(self._names[place])

    def _migrated(self) -> str:
        if not self._template:
            self.execute("CREATE DATABASE migrated")
            made = Database(self.url("migrated"))
            schema.upgrade(made)
            made.close()
            self._template = "migrated"
        return self._template

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """What is made inside is dropped at the end."""
        before = set(self._names)
        yield
        for place in self._names.keys() - before:
            self.execute(f'DROP DATABASE "{self._names.pop(place)}" WITH (FORCE)')

    def remove(self) -> None:
        """Stop it and delete everything."""
        self._engine.dispose()
        self._watch.communicate()


def is_installed() -> bool:
    """Whether PostgreSQL is here."""
    return any(_PROGRAMS.glob("*/bin/initdb"))


@cache
def cluster() -> Cluster:
    """The cluster of this process, started when it is asked for first."""
    return Cluster()


class Current:
    """On what the running test runs, and whether it asked for a database."""

    kind = "sqlite"
    asked = False


def database_url(
    folder: Path, name: str = "test", *, is_empty: bool = False, kind: str = ""
) -> str:
    """Return the URL of a database of the test that runs, the same for the same path.

    Args:
        name: Of its file, without the `.db`.
        is_empty: No schema yet; it is at the present one otherwise.
        kind: Of this kind, whatever the test runs on.
    """
    Current.asked = True
    if (kind or Current.kind) == "postgres":
        return cluster().database(Path(folder) / name, is_empty=is_empty)
    file = Path(folder) / f"{name}.db"
    if not is_empty and not file.exists():
        file.write_bytes(_migrated_file())
    return f"sqlite:///{file}"


@cache
def _migrated_file() -> bytes:
    """An SQLite database at the present schema: its steps take a while."""
    with tempfile.TemporaryDirectory() as folder:
        made = Database(f"sqlite:///{folder}/test.db")
        schema.upgrade(made)
        made.close()
        return Path(folder, "test.db").read_bytes()


def url_of(database: Database) -> str:
    """Return the URL by which another process opens the same database."""
    return database.url.render_as_string(hide_password=False)


def refuse(conn: Connection, table: str, said: str) -> None:
    """Have the database refuse every new row of a table, in these words."""
    if conn.dialect.name == "sqlite":
        does = f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
    else:
        raises = f"$$ BEGIN RAISE EXCEPTION '{said}'; END $$"
        conn.exec_driver_sql(
            f"CREATE FUNCTION refuse() RETURNS trigger AS {raises} LANGUAGE plpgsql"
        )
        does = "FOR EACH ROW EXECUTE FUNCTION refuse()"
    conn.exec_driver_sql(f"CREATE TRIGGER refusing BEFORE INSERT ON {table} {does}")


@contextmanager
def another_writes(url: str) -> Iterator[None]:
    """Another process is in the middle of writing to a database."""
    other = Database(url)
    with other.writing():
        yield
    other.close()


def skip_without_postgres() -> None:
    """Skip the test where PostgreSQL is not installed; in CI that is a failure."""
    if is_installed():
        return
    if os.environ.get("CI") == "true":
        pytest.fail("missing in CI: postgresql")
    pytest.skip("missing: postgresql")
