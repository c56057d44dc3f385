"""One database: how it is opened, locked, brought to the present schema.

SQLite: one writer at a time by `BEGIN IMMEDIATE` (the driver's own transactions lose updates),
WAL, `synchronous=FULL`. Errors never print parameters: addresses are among them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from notifier import errors

BUSY_TIMEOUT_SECONDS = 15
# What SQLite says where it may go on by itself when the cause is gone, and what to do.
_UNAVAILABLE = {
    "disk is full": "make room on the disk",
    "readonly": "let this user write the file and its folder",
    "disk I/O error": "look at the disk: is it full, or broken?",
    "unable to open": "is it there, and may this user read and write it and its folder?",
}


class Database:
    """A database behind a URL. Opening creates it or brings it up to date."""

    def __init__(self, url: str, *, makes_folder: bool = True) -> None:
        """Open `url`, which is `sqlite:///FILE`; the file's folder is made.

        Args:
            makes_folder: False: nothing is made before something is read or written.
        Raises:
            ConfigError: another kind of URL.
            DatabaseError: the file cannot be opened or is no database.
        """
        self.url = url
        self._turn = Lock()
        with _readable_errors(url):
            self.engine = _make_engine(url, makes_folder=makes_folder)

    @property
    def place(self) -> str:
        """Where the database is, without any password."""
        url = self.engine.url
        return str(url.database) if self.is_sqlite else url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is one file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Errors of the database inside become one line each."""
        with _readable_errors(self.url):
            yield

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: commits at the end, rolls back on any error.

        Raises:
            Locked: others have been writing all the while that one waits.
        """
        with (
            self._one_writer(),
            _readable_errors(self.url),
            self.engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """SQLite has one writer, and polls who waits for it: our threads queue instead."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise _busy(self.place)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and takes no write lock."""
        with (
            _readable_errors(self.url),
            self.engine.connect().execution_options(begin="BEGIN") as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Give all connections back; the object is of no use afterwards."""
        self.engine.dispose()


def _make_engine(url: str, *, makes_folder: bool) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise errors.ConfigError(
            'database.url is no database URL - write "sqlite:///notifier.db"'
        ) from error
    if parsed.get_backend_name() != "sqlite":
        raise errors.ConfigError(
            f'database.url: "{parsed.get_backend_name()}" is not supported - '
            'write "sqlite:///notifier.db"'
        )
    if not parsed.database or parsed.database == ":memory:":
        raise errors.ConfigError('database.url names no file - write "sqlite:///notifier.db"')
    try:
        if makes_folder:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.DatabaseError(
            f"database {parsed.database}: no folder for it at {error.filename}: {error.strerror}"
        ) from error
    engine = create_engine(
        parsed,
        hide_parameters=True,
        json_deserializer=_json,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS},
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.text_factory = _text


def _json(stored: str) -> Any:
    """A half of a character is in no text: JSON can name one, and whoever writes it would fail.

    Raises:
        ValueError: there is one, or this is no JSON.
    """
    value = json.loads(stored)
    if "\\ud" in stored.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _text(stored: bytes) -> str:
    """A broken byte spoils a word, and not whatever reads the row."""
    return stored.decode("utf-8", "replace")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))


@contextmanager
def _readable_errors(url: str) -> Iterator[None]:
    """Turn what a user can mend into one line; bugs go through as they are."""
    try:
        yield
    except OperationalError as error:
        cause = str(error.orig).strip().splitlines()[0]
        if "locked" in cause:
            raise _busy(_place(url)) from error
        cure = next((cure for said, cure in _UNAVAILABLE.items() if said in cause), None)
        if cure:
            raise errors.Unavailable(f"database {_place(url)}: {cause} - {cure}") from error
        raise errors.DatabaseError(f"database {_place(url)}: {cause}") from error
    except DatabaseError as error:
        if "not a database" in str(error.orig) or "malformed" in str(error.orig):
            raise errors.DatabaseError(
                f"database {_place(url)}: {error.orig} - restore a backup or name another file"
            ) from error
        raise


def _place(url: str) -> str | None:
    return make_url(url).database if "://" in url else url


def _busy(place: str | None) -> errors.Locked:
    return errors.Locked(
        f"database {place}: another process has been writing for "
        f"{BUSY_TIMEOUT_SECONDS} seconds - try again later"
    )
