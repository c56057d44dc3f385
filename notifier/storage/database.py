"""One database: how it is opened, and whose turn it is to write.

On both kinds there is one writer at a time, so what is checked in a transaction is still so when it
is written. SQLite: by `BEGIN IMMEDIATE` (the driver's own transactions lose updates), WAL,
`synchronous=FULL`. PostgreSQL: by a lock of ours, see `storage.postgres`. Errors never print
parameters: addresses are among them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry

from notifier import errors
from notifier.storage import postgres

BUSY_TIMEOUT_SECONDS = 15


class Database:
    """A database behind a URL. Opening creates it or brings it up to date."""

    def __init__(self, url: str) -> None:
        """Open `url`: `sqlite:///FILE`, whose folder is made, or `postgresql://HOST/NAME`.

        Raises:
            ConfigError: another kind of URL.
            DatabaseError: the file cannot be opened or is no database.
        """
        parsed = _parsed(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turn = Lock()
        self.place = str(parsed.database) if self.is_sqlite else postgres.place(parsed)
        with self.guarded():
            self.engine = _engine(parsed)

    @property
    def url(self) -> URL:
        """What was opened; printed without its password."""
        return self.engine.url

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Errors of the database inside become one line each."""
        try:
            yield
        except NoConnectionFree as error:
            raise errors.Busy(
                f"database {self.place}: all connections of this process are in use - "
                "try again later"
            ) from error
        except DBAPIError as error:
            explained = _explained if self.is_sqlite else postgres.explained
            if found := explained(error, self.place):
                raise found from error
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: commits at the end, rolls back on any error.

        Raises:
            Busy: others have been writing all the while that one waits.
        """
        with (
            self._one_writer(),
            self.guarded(),
            self.engine.connect() as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                postgres.take_turn(connection)
            yield connection

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Our own threads queue here: SQLite polls who waits, PostgreSQL keeps a connection."""
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise _busy(self.place)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and takes no write lock."""
        options = {"begin": "BEGIN"} if self.is_sqlite else postgres.READING
        with (
            self.guarded(),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection that changes the schema, each step in a transaction of its own.

        Two processes never do it at once, and on PostgreSQL nobody writes meanwhile.
        """
        with self.guarded(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.detach()
                postgres.take_turn_to_migrate(connection)
            yield connection

    def close(self) -> None:
        """Give all connections back; the object is of no use afterwards."""
        self.engine.dispose()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise errors.ConfigError(
            'database.url is no database URL - write "sqlite:///notifier.db"'
        ) from error
    kind = parsed.drivername.partition("+")[0]
    if kind not in ("sqlite", "postgresql", "postgres"):
        raise errors.ConfigError(
            f'database.url: "{kind}" is not supported - write "sqlite:///notifier.db" '
            'or "postgresql://notifier@localhost/notifier"'
        )
    return parsed


def _engine(parsed: URL) -> Engine:
    if parsed.get_backend_name() != "sqlite":
        return postgres.make_engine(parsed, wait_seconds=BUSY_TIMEOUT_SECONDS)
    if not parsed.database or parsed.database == ":memory:":
        raise errors.ConfigError('database.url names no file - write "sqlite:///notifier.db"')
    try:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.DatabaseError(
            f"database {parsed.database}: no folder for it at {error.filename}: {error.strerror}"
        ) from error
    engine = create_engine(
        parsed,
        hide_parameters=True,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS},
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))


def _explained(error: DBAPIError, place: str) -> errors.NotifierError | None:
    """Return what a user can mend as one line; None for a mistake of ours."""
    cause = str(error.orig).strip().splitlines()[0]
    if isinstance(error, OperationalError):
        if "locked" in cause:
            return _busy(place)
        return errors.DatabaseError(f"database {place}: {cause}")
    if isinstance(error, DatabaseError) and ("not a database" in cause or "malformed" in cause):
        return errors.DatabaseError(
            f"database {place}: {cause} - restore a backup or name another file"
        )
    return None


def _busy(place: str) -> errors.Busy:
    return errors.Busy(
        f"database {place}: another process has been writing for "
        f"{BUSY_TIMEOUT_SECONDS} seconds - try again later"
    )
