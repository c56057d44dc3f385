"""SQLite: how its file is opened, who may write, its errors in one line.

One writer at a time by `BEGIN IMMEDIATE` (the driver's own transactions lose updates), WAL,
`synchronous=FULL`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from notifier import errors

# A transaction that sees one state of the database and takes no write lock.
READING = {"begin": "BEGIN"}
# No BEGIN: each statement is a transaction of its own.
ASKING = {"begin": ""}
# What SQLite says where it may go on by itself when the cause is gone, and what to do.
_UNAVAILABLE = {
    "disk is full": "make room on the disk",
    "readonly": "let this user write the file and its folder",
    "disk I/O error": "look at the disk: is it full, or broken?",
    "unable to open": "is it there, and may this user read and write it and its folder?",
}


def make_engine(
    url: URL, *, wait_seconds: float, makes_folder: bool, from_json: Callable[[str], Any]
) -> Engine:
    """Return what opens the file of `url`.

    Args:
        wait_seconds: How long one waits for others who write.
    Raises:
        ConfigError: the URL names no file.
        DatabaseError: the file's folder cannot be made.
    """
    if not url.database or url.database == ":memory:":
        raise errors.ConfigError('database.url names no file - write "sqlite:///notifier.db"')
    try:
        if makes_folder:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.DatabaseError(
            f"database {url.database}: no folder for it at {error.filename}: {error.strerror}"
        ) from error
    engine = create_engine(
        url,
        hide_parameters=True,
        json_deserializer=from_json,
        connect_args={"isolation_level": None, "timeout": wait_seconds},
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.text_factory = _text


def _text(stored: bytes) -> str:
    """A broken byte spoils a word, and not whatever reads the row."""
    return stored.decode("utf-8", "replace")


def _begin(connection: Connection) -> None:
    if begin := connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"):
        connection.exec_driver_sql(begin)


def explained(error: DBAPIError, place: str) -> errors.NotifierError | None:
    """Return what a user can mend as one line; None for a mistake of ours."""
    cause = str(error.orig).strip().splitlines()[0]
    if isinstance(error, OperationalError):
        if "locked" in cause:
            return errors.Locked(locked(place))
        cure = next((cure for said, cure in _UNAVAILABLE.items() if said in cause), None)
        if cure:
            return errors.Unavailable(f"database {place}: {cause} - {cure}")
        return errors.DatabaseError(f"database {place}: {cause}")
    if isinstance(error, DatabaseError) and ("not a database" in cause or "malformed" in cause):
        return errors.DatabaseError(
            f"database {place}: {cause} - restore a backup or name another file"
        )
    return None


def locked(place: str) -> str:
    """Return what is said where others write for longer than one waits."""
    return f"database {place}: another process has been writing all the while - try again later"
