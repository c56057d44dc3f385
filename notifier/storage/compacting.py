"""Give the room that became free within an SQLite file back to the disk.

`VACUUM` (https://sqlite.org/lang_vacuum.html) is one write transaction: others read meanwhile and
wait to write, and with WAL it needs the size of the database a second time until it is done.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from notifier import errors
from notifier.storage import sizes
from notifier.storage.database import BUSY_TIMEOUT_SECONDS, Database


def compact(database: Database) -> int:
    """Write the database anew without its gaps; return how many bytes that gave back.

    Raises:
        UsageError: PostgreSQL does that by itself.
        Busy: another process has been writing all the while.
        DatabaseError: the disk has no room for it; nothing was changed.
    """
    if not database.is_sqlite:
        raise errors.UsageError("--vacuum is for SQLite files - PostgreSQL's autovacuum does it")
    before = _held(database)
    place = Path(database.place)
    room = shutil.disk_usage(place.parent).free
    if room < 2 * before:
        raise errors.DatabaseError(
            f"{place.parent} has {room / 1e6:,.0f} MB free, and --vacuum needs "
            f"{2 * before / 1e6:,.0f} MB for a while - make room first"
        )
    try:
        _vacuum(place)
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise errors.Busy(
                f"database {place}: another process keeps writing - try again later"
            ) from error
        raise errors.DatabaseError(f"database {place}: {error}; nothing was changed") from error
    return max(before - _held(database), 0)


def _held(database: Database) -> int:
    with database.reading() as conn:
        return sizes.held_bytes(conn)


def _vacuum(place: Path) -> None:
    with closing(sqlite3.connect(place, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("VACUUM")
        # A reader that holds on to what was before keeps the file long; it shrinks when that ends.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
