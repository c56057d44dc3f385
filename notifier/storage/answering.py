"""Whether a database can be worked with now: quick, and without waiting for who writes."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from sqlalchemy import func, select

from notifier.storage import schema
from notifier.storage.database import Database


def is_writable(database: Database) -> bool:
    """Whether it could be written to, as far as can be seen without writing.

    Raises:
        Busy, DatabaseError: it does not answer.
    """
    with database.reading() as conn:
        conn.execute(select(1))
        if not database.is_sqlite:
            return not conn.scalar(select(func.pg_is_in_recovery()))
    file = Path(database.place)
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


@cache
def _head() -> str:
    """The program does not change while it runs, and its steps take a while to read."""
    return schema.head()


def is_current(database: Database) -> bool:
    """Whether it has the schema that this program works with."""
    return schema.revision(database) == _head()
