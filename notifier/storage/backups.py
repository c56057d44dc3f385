"""A copy of the database while it is in use: one state of it, as one file.

PostgreSQL: see `storage.dumps`. SQLite: `VACUUM INTO` (https://sqlite.org/lang_vacuum.html) reads
within one transaction; the page-by-page copy of the backup API begins anew with every write and may
never end (docs/decisions.md).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from notifier import errors
from notifier.storage import dumps
from notifier.storage.database import Database
from notifier.storage.whole_files import appearing


def backup(database: Database, target: Path, *, replace: bool = False) -> int:
    """Write a copy of the database, check it, and return its size in bytes.

    The file appears when it is whole; it is readable by its owner only, since it holds addresses.

    Args:
        replace: A file of that name is replaced.
    Raises:
        UsageError: see `appearing`; or it would take the place of the database itself.
        DatabaseError: it cannot be written, or the copy is not sound.
    """
    if database.is_sqlite and target.resolve() == Path(database.place).resolve():
        raise errors.UsageError(f"{target} is the database itself - name another file")
    try:
        with appearing(target, replace=replace) as made:
            if database.is_sqlite:
                _copy(Path(database.place), made)
            else:
                dumps.write(database, made)
    except (OSError, sqlite3.Error) as error:
        raise errors.DatabaseError(f"no backup could be written to {target}: {error}") from error
    return target.stat().st_size


def _copy(source: Path, made: Path) -> None:
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (str(made),))
    with made.open("rb") as file:
        os.fsync(file.fileno())
    if found := problems(made):
        raise errors.DatabaseError(f"the copy is not sound: {found[0]}")


def problems(path: Path) -> list[str]:
    """Return what SQLite finds wrong with a file: damage, and rows that refer to none."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        damage = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    lost = [f"row {row} of {table} refers to no {parent}" for table, row, parent, _ in orphans]
    return [one for one in damage if one != "ok"] + lost


def quick_problems(database: Database) -> list[str]:
    """Return what SQLite finds wrong at a glance: pages, not what indexes hold."""
    if not database.is_sqlite:
        return []
    with database.reading() as conn:
        said = list(conn.exec_driver_sql("PRAGMA quick_check(5)").scalars())
    return [one for one in said if one != "ok"]
