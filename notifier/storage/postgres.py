"""PostgreSQL: how its connections are made, whose turn it is to write, its errors in one line.

Errors tell no values: PostgreSQL puts those of the row into what it says, and addresses are among
them. Nothing here prints a password.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from notifier import errors
from notifier.storage.sqlite import locked

_RESTED_SECONDS = 1.0
MIGRATION_WAIT_SECONDS = 600
_KEY = int.from_bytes(b"notifier")  # of the advisory lock; they are apart in each database

_SETTINGS = {
    "timezone": "UTC",
    # What takes longer hangs, or has lost the one who asked; it must not hold the others up.
    "statement_timeout": "600s",
    # A process that was stopped or cut off must not keep old rows from being cleaned up. Matching
    # a million profiles takes minutes between two statements.
    "idle_in_transaction_session_timeout": "900s",
    # A plan for whatever values looks through a million mails for the one that waits: most do not.
    "plan_cache_mode": "force_custom_plan",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # Of what was said and not acknowledged; by itself a system waits for a quarter of an hour.
    "tcp_user_timeout": "60s",
}
# While it is our turn, all others wait, or all but those who share it; one statement sets it and
# takes the turn.
_IDLE = "SELECT set_config('idle_in_transaction_session_timeout', '60s', true),"
_TURN = f"{_IDLE} pg_advisory_xact_lock({_KEY})"
_SHARED_TURN = f"{_IDLE} pg_advisory_xact_lock_shared({_KEY})"
# Behind an even number of backslashes, each pair of which is one.
_NUL_IN_JSON = re.compile(r"(?<!\\)((?:\\\\)*)(?:\\u0000)+")
# What is read is of one state of the database, as it is on SQLite.
READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
ASKING = {"isolation_level": "AUTOCOMMIT"}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOCK_TIMEOUT = "55P03"
_BUSY = {"40001", "40P01", "53300"}
_MENDED_BY_USERS = ("08", "28", "3D", "53", "57", "58", "XX", "25006", "25P03", "42501", "42000")
_TOO_MANY = ("too many clients", "remaining connection slots", "too many connections")
# What does not mend itself; from the rest the server may recover while we go on.
_LASTING = ("password", "authentication", "permission denied", "does not exist", "invalid", "ssl")
_REMEDIES = (
    ("no password supplied", "write it into database.password_file"),
    ("authentication failed", "check user and password in database.url"),
    ("permission denied", "make our user the owner: ALTER DATABASE ... OWNER TO ..."),
    ("does not exist", "make it: createuser, createdb (docs/postgresql.md)"),
    ("no space left", "make room on the server's disk"),
    ("invalid connection option", "check what stands behind the ? of database.url"),
    ("does not support ssl", "take sslmode out of database.url, or switch TLS on there"),
    ("server closed the connection", "was it stopped?"),
    ("connection to server", "is it running, and are host and port in database.url right?"),
    ("resolve host", "check the host in database.url"),
)


def make_engine(url: URL, *, wait_seconds: float, from_json: Callable[[str], Any]) -> Engine:
    """Return what connects to the database of `url`; nothing is asked yet.

    Args:
        wait_seconds: How long one waits for a lock, or for a connection.
    Raises:
        ConfigError: the URL names no database, or the driver is not installed.
    """
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise errors.ConfigError(
            f'database.url: "{url.drivername}" is not supported - write "postgresql://..."'
        )
    if not url.database:
        raise errors.ConfigError(
            'database.url names no database - write "postgresql://notifier@localhost/notifier"'
        )
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            json_deserializer=from_json,
            json_serializer=_to_json,
            connect_args=_connecting(url, wait_seconds),
            pool_size=5,
            max_overflow=15,
            pool_timeout=wait_seconds,
            pool_recycle=1800,  # before firewalls forget it
        )
    except ImportError as error:
        raise errors.ConfigError(
            "database.url asks for PostgreSQL - first: pip install 'paper-notifier[postgres]'"
        ) from error
    event.listen(engine, "handle_error", _handled)
    event.listen(engine, "connect", _without_nul)
    _ping_rested(engine)
    return engine


def _connecting(url: URL, wait_seconds: float) -> dict[str, Any]:
    """How each connection is made; what the URL says wins."""
    settings = _SETTINGS | {
        "lock_timeout": f"{max(1, round(wait_seconds * 1000))}ms"
    }  # 0: for ever
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    theirs = url.query.get("options", "")
    theirs = theirs if isinstance(theirs, str) else " ".join(theirs)
    wanted: dict[str, Any] = {
        "application_name": "notifier",
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    wanted = {name: value for name, value in wanted.items() if name not in url.query}
    return wanted | {"options": f"{ours} {theirs}".strip()}


def connecting(engine: Engine, *, wait_seconds: float) -> dict[str, Any]:
    """Return with what another client of psycopg connects as this engine does."""
    _, found = engine.dialect.create_connect_args(engine.url)
    wanted = {name: value for name, value in found.items() if name != "context"}
    return wanted | _connecting(engine.url, wait_seconds)


def _ping_rested(engine: Engine) -> None:
    """Ask a connection whether it lives, as after a restart of the server, before it is used again.

    One that was in use a moment ago is not asked: that takes as long as what is asked of it then.
    """

    def used(_: Any, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    def check(connection: Any, record: ConnectionPoolEntry, *_: Any) -> None:
        if time.monotonic() - record.info.get("used", math.inf) <= _RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # all others of before, too

    event.listen(engine, "checkin", used)
    event.listen(engine, "checkout", check)


def _handled(context: ExceptionContext) -> None:
    without_values(context.original_exception, context.sqlalchemy_exception)


def without_values(original: BaseException, *wrapping: BaseException | None) -> None:
    """Have an error of the driver, and those round it, say only what it is, and no row's values."""
    diagnosis = getattr(original, "diag", None)
    said = diagnosis and diagnosis.message_primary
    if said:
        for error in filter(None, (original, *wrapping)):
            error.args = (said,)


def json_without_nul(written: str) -> str:
    """Return JSON without the NUL characters in its texts: what has one cannot be taken apart."""
    return _NUL_IN_JSON.sub(r"\1", written) if "\\u0000" in written else written


def _to_json(value: Any) -> str:
    return json_without_nul(json.dumps(value))


def _without_nul(connection: Any, _: ConnectionPoolEntry) -> None:
    """Leave NUL characters out of texts, which SQLite takes and PostgreSQL refuses."""
    connection.adapters.register_dumper(str, _text_dumper())


@cache
def _text_dumper() -> Any:
    from psycopg.types.string import StrDumper  # only here: the driver need not be installed

    class Text(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", ""))

    return Text


def place(url: URL) -> str:
    """Return where the database is, without user and password."""
    host, port = (getattr(url, name) or url.query.get(name, "") for name in ("host", "port"))
    return f"postgresql://{host}{port and f':{port}'}/{url.database}"


def take_turn(connection: Connection) -> None:
    """Wait until nobody else writes; it is our turn until the transaction ends.

    Each statement behind it sees all that those before us wrote (READ COMMITTED).
    """
    connection.exec_driver_sql(_TURN)


def share_turn(connection: Connection) -> None:
    """Wait until nobody writes but those who share; see `take_turn`."""
    connection.exec_driver_sql(_SHARED_TURN)


def take_turn_to_migrate(connection: Connection) -> None:
    """Wait until nobody else writes or migrates; it is our turn until the connection is closed."""
    for name, seconds in (("statement_timeout", 0), ("lock_timeout", MIGRATION_WAIT_SECONDS)):
        connection.exec_driver_sql(f"SET {name} = '{seconds}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({_KEY})")
    connection.commit()


def explained(error: DBAPIError, place: str) -> errors.NotifierError | None:
    """Return what a user can mend as one line; None for a mistake of ours."""
    state, said = getattr(error.orig, "sqlstate", None) or "", _said(str(error.orig))
    if state == _LOCK_TIMEOUT:
        return errors.Locked(locked(place))
    if state in _BUSY or any(sign in said for sign in _TOO_MANY):
        return errors.Busy(f"database {place}: {said} - try again later")
    is_theirs = state.startswith(_MENDED_BY_USERS) if state else _is_no_connection(error, said)
    if not is_theirs:
        return None
    remedy = next((f" - {cure}" for sign, cure in _REMEDIES if sign in said.lower()), "")
    is_lasting = any(sign in said.lower() for sign in _LASTING)
    kind = errors.DatabaseError if is_lasting else errors.Unavailable
    return kind(f"database {place}: {said}{remedy}")


def _said(text: str) -> str:
    """The line that says most of what the driver and the server said."""
    lines = [line.strip(" \t-") for line in text.splitlines() if line.strip()]
    best = next((one for one in lines if "FATAL" in one or " failed: " in one), (lines or [""])[0])
    return re.sub(r"^connection (failed|is bad): |^.*FATAL:\s+", "", best)


def _is_no_connection(error: DBAPIError, said: str) -> bool:
    """Whether the driver itself failed to reach the server, or lost it."""
    return isinstance(error, OperationalError) or "connection option" in said
