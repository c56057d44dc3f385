"""The engine's tables in PostgreSQL, in a schema of their own: procrastinate's, not ours.

They hold nothing that is not in the tables of the product, so that another version of them simply
takes their place.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection, text

from notifier import errors
from notifier.storage.database import Database

SCHEMA = "notifier_engine"
# Rows come and go all day: what is dead is cleaned up often, or fetching slows down.
_CLEANED = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500"
_BUSY_TABLES = ("procrastinate_jobs", "procrastinate_events")


def install(database: Database) -> bool:
    """Make the engine's tables where they are absent or of another version; whether it did.

    Raises:
        ConfigError: the extra is not installed.
    """
    steps = _steps()
    mark = sha256(steps.encode()).hexdigest()[:16]
    with database.reading() as conn:
        if _mark(conn) == mark:
            return False
    with database.migrating() as conn:
        if _mark(conn) == mark:  # another process was faster
            return False
        conn.rollback()
        with conn.begin():
            _make(conn, steps, mark)
    return True


def is_installed(database: Database) -> bool:
    """Whether the engine's tables are there, and of this version."""
    mark = sha256(_steps().encode()).hexdigest()[:16]
    with database.reading() as conn:
        return _mark(conn) == mark


def _steps() -> str:
    try:
        from procrastinate.schema import SchemaManager
    except ImportError as error:
        raise errors.ConfigError(
            "engine.kind = \"procrastinate\" - first: pip install 'paper-notifier[distributed]'"
        ) from error
    return str(SchemaManager.get_schema())


def _mark(conn: Connection) -> str | None:
    query = text("SELECT obj_description(to_regnamespace(:name), 'pg_namespace')")
    found: str | None = conn.scalar(query, {"name": SCHEMA})
    return found


def _make(conn: Connection, steps: str, mark: str) -> None:
    conn.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    conn.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
    conn.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}")
    # As it is: many statements, and % in their texts.
    conn.connection.cursor().execute(steps)
    for table in _BUSY_TABLES:
        conn.exec_driver_sql(f"ALTER TABLE {table} SET ({_CLEANED})")
    conn.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{mark}'")
