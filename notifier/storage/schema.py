"""Bring a database to the schema this version was written for, or say why not.

Each migration runs in a transaction of its own with its version number: one that fails leaves
the database as it was. Their files are numbered, each follows the one before. Alembic is loaded
only where there is something to apply: to load it is a tenth of a command's start.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from notifier import errors
from notifier.storage.database import Database

VERSION = "alembic_version"
# What stands where the revision would, of a copy in the making: copy, its revision, whose it is.
COPY = "copy"
_MIGRATIONS = Path(__file__).parent / "migrations"


def head() -> str:
    """Return the revision this version of the program works with."""
    return known()[0]


def known() -> list[str]:
    """Return the revisions that this version of the program knows, newest first."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return sorted((file.name.partition("_")[0] for file in files), reverse=True)


def revision(database: Database) -> str | None:
    """Return the database's revision; None for a new, empty one.

    Raises:
        DatabaseError: it is another program's, or a copy that was not finished.
    """
    with database.reading() as connection:
        tables = set(inspect(connection).get_table_names())
        if not tables:
            return None
        if VERSION not in tables:
            raise errors.DatabaseError(
                f"{database.place} is the database of another program - name another file"
            )
        current = marked(connection)
        if _names_copy(current):
            raise errors.DatabaseError(
                f"{database.place} is a copy that was not finished - "
                "repeat notifier db copy, or name another database"
            )
        return current or None


def marked(connection: Connection) -> str:
    """Return what stands where the revision stands; "" where nothing does."""
    return str(connection.scalar(text(f"SELECT version_num FROM {VERSION}")) or "")  # noqa: S608  # a constant


def is_copy(connection: Connection) -> bool:
    """Whether a database with tables is a copy in the making (`storage.copying`)."""
    return _names_copy(marked(connection))


def _names_copy(mark: str) -> bool:
    return mark.startswith(f"{COPY} ")


def is_copy_of_ours(connection: Connection) -> bool:
    """Whether a copy in the making has the schema that this version works with."""
    return marked(connection).startswith(f"{COPY} {head()} ")


def mark(connection: Connection, revision: str) -> None:
    """Call the schema so: by its revision, or a copy in the making."""
    connection.execute(text(f"UPDATE {VERSION} SET version_num = :new"), {"new": revision})  # noqa: S608  # a constant


def pending(database: Database) -> list[str]:
    """Return the revisions still to be applied, oldest first.

    Raises:
        DatabaseError: the database was written by a newer version of the program.
    """
    current, steps = revision(database), known()
    if current is not None and current not in steps:
        raise errors.DatabaseError(
            f"the database is of a newer version (schema {current}; this program knows "
            f"{head()}) - upgrade notifier, or restore the backup made before the upgrade"
        )
    newer = steps[: steps.index(current)] if current else steps
    return newer[::-1]


def upgrade(database: Database, target: str = "head") -> list[str]:
    """Apply what is pending, up to `target`, and return it; nothing to do changes nothing."""
    if not pending(database):
        return []
    with database.migrating() as connection:
        steps = pending(database)  # another process may have been faster
        if target in steps:
            steps = steps[: steps.index(target) + 1]
        if steps:
            _apply(connection, target)
    return steps


def _apply(connection: Connection, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, target)
