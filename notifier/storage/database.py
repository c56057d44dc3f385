"""One database: how it is opened, and whose turn it is to write.

On both kinds there is one writer at a time, so what is checked in a transaction is still so when it
is written; on PostgreSQL some may share the turn, and whoever decides by what was read makes sure
that nobody shares theirs (`must_be_alone`). See `storage.sqlite` and `storage.postgres` for
how. Errors never print parameters: addresses are among them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from notifier import errors
from notifier.storage import postgres, sqlite

BUSY_TIMEOUT_SECONDS = 15
_SHARED = "shared"

_Done = TypeVar("_Done")


class MustBeAlone(Exception):
    """More is to be decided than may be while others write, too: see `must_be_alone`."""


def must_be_alone(connection: Connection) -> None:
    """Go on only where nobody else writes; asked before what is decided by reading.

    Raises:
        MustBeAlone: others may write beside this transaction.
    """
    if _SHARED in connection.get_execution_options():
        raise MustBeAlone


class Database:
    """A database behind a URL. Opening creates it or brings it up to date."""

    def __init__(self, url: str, *, makes_folder: bool = True) -> None:
        """Open `url`: `sqlite:///FILE`, whose folder is made, or `postgresql://HOST/NAME`.

        Args:
            makes_folder: False: nothing is made before something is read or written.
        Raises:
            ConfigError: another kind of URL.
            DatabaseError: the file cannot be opened or is no database.
        """
        parsed = _parsed(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.place = str(parsed.database) if self.is_sqlite else postgres.place(parsed)
        self._turn = Lock()
        with self.guarded():
            self.engine = _engine(parsed, makes_folder=makes_folder)

    @property
    def is_new(self) -> bool:
        """Whether there is no file yet; to look into it would make it."""
        return self.is_sqlite and not Path(self.place).exists()

    @property
    def url(self) -> URL:
        """What was opened; printed without its password."""
        return self.engine.url

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Errors of the database inside become one line each; bugs go through as they are."""
        try:
            yield
        except NoConnectionFree as error:
            raise errors.Busy(
                f"database {self.place}: all connections of this process are in use - "
                "try again later"
            ) from error
        except DBAPIError as error:
            kind = sqlite if self.is_sqlite else postgres
            if found := kind.explained(error, self.place):
                raise found from error
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: commits at the end, rolls back on any error.

        Raises:
            Locked: others have been writing all the while that one waits.
        """
        with self._one_writer(), self._connected({}) as connection:
            if not self.is_sqlite:
                postgres.take_turn(connection)
            yield connection

    @contextmanager
    def sharing(self) -> Iterator[Connection]:
        """As `writing`, beside others who share, where the database can: on PostgreSQL.

        For work that many do at once and that needs nobody to stand still: it writes only rows that
        it claimed by a statement of its own, or that a unique key guards. What decides by reading
        what others may change meanwhile belongs into `writing`.

        Raises:
            Locked: others have been writing all the while that one waits.
        """
        if self.is_sqlite:
            with self.writing() as connection:
                yield connection
            return
        with self._connected({_SHARED: True}) as connection:
            postgres.share_turn(connection)
            yield connection

    def beside_others(self, work: Callable[[Connection], _Done]) -> _Done:
        """Do some work in a transaction that is shared; where it must be alone, do it once more so.

        What it did until then is undone in the database, and nowhere else.

        Raises:
            Locked: others have been writing all the while that one waits.
        """
        if not self.is_sqlite:
            with suppress(MustBeAlone), self.sharing() as connection:
                return work(connection)
        with self.writing() as connection:
            return work(connection)

    @contextmanager
    def beside(self) -> Iterator[Connection]:
        """A transaction beside whoever writes, on PostgreSQL: for tables that are not ours."""
        with self._connected({}) as connection:
            yield connection

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Our own threads queue here: SQLite polls who waits, PostgreSQL keeps a connection."""
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise errors.Locked(sqlite.locked(self.place))
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and takes no write lock."""
        options = sqlite.READING if self.is_sqlite else postgres.READING
        with self._connected(options) as connection:
            yield connection

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """As `reading`, for what is asked at each pass: each statement sees a state of its own.

        Nothing is written with it: there is no transaction, whose beginning and end take longer
        than the question.
        """
        options = sqlite.ASKING if self.is_sqlite else postgres.ASKING
        with self._connected(options) as connection:
            yield connection

    @contextmanager
    def _connected(self, options: Mapping[str, Any]) -> Iterator[Connection]:
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


def _engine(url: URL, *, makes_folder: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        return postgres.make_engine(url, wait_seconds=BUSY_TIMEOUT_SECONDS, from_json=_json)
    return sqlite.make_engine(
        url, wait_seconds=BUSY_TIMEOUT_SECONDS, makes_folder=makes_folder, from_json=_json
    )


def _json(stored: str | bytes) -> Any:
    """A half of a character is in no text: JSON can name one, and whoever writes it would fail.

    Raises:
        ValueError: there is one, or this is no JSON.
    """
    text = stored if isinstance(stored, str) else bytes(stored).decode()
    value = json.loads(text)
    if "\\ud" in text.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value
