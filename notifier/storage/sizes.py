"""How large a database is, on the disk and in rows, found out without reading all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Table, func, select, text

from notifier.storage import tables as t
from notifier.storage.database import Database

_COUNTED = 1_000_000  # rows that are counted; beyond, the numbers of the first and last tell
_SAMPLED = 50_000  # digests whose papers are counted


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes on the disk: the database itself, what SQLite has not put there yet, and the words.

    `free`: what is free within the database for new rows; None where that is not known.
    """

    database: int
    journal: int
    words: int
    free: int | None

    @property
    def total(self) -> int:
        """All of it."""
        return self.database + self.journal + self.words


def size(database: Database) -> Size:
    """Return how large a database is."""
    with database.reading() as conn:
        free = free_bytes(conn)
        if not database.is_sqlite:
            whole = conn.scalar(text("SELECT pg_database_size(current_database())")) or 0
            return Size(int(whole), 0, 0, free)
    place = Path(database.place)
    words = Path(f"{place}-words")
    kept = sum(map(_bytes, words.iterdir())) if words.is_dir() else 0
    return Size(_bytes(place), _bytes(Path(f"{place}-wal")), kept, free)


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def free_bytes(conn: Connection) -> int | None:
    """Return what is free within an SQLite file, as this transaction leaves it."""
    if conn.dialect.name != "sqlite":
        return None
    return _pages(conn, "freelist_count")


def held_bytes(conn: Connection) -> int:
    """Return how long an SQLite file is, or will be when all of its journal stands in it."""
    return _pages(conn, "page_count")


def _pages(conn: Connection, which: str) -> int:
    pages = conn.exec_driver_sql(f"PRAGMA {which}").scalar_one()
    return int(pages * conn.exec_driver_sql("PRAGMA page_size").scalar_one())


def freed(before: int | None, after: int | None) -> int | None:
    """Return what became free between two readings."""
    return None if before is None or after is None else max(after - before, 0)


_KINDS = {
    "papers": t.paper,
    "digests": t.digest,
    "attempts": t.attempt,
    "bounces": t.bounce,
    "signals": t.signal,
    "sightings": t.sighting,
    "posts": t.post,
    "letters": t.letter,
}


def rows(conn: Connection) -> dict[str, int]:
    """Return how many rows there are of each kind that grows; of millions, about how many."""
    found = {kind: _rows(conn, table) for kind, table in _KINDS.items()}
    return found | {"papers of digests": _papers_of(conn, found["digests"])}


def _rows(conn: Connection, table: Table) -> int:
    last = conn.scalar(select(func.max(table.c.id))) or 0
    first = conn.scalar(select(func.min(table.c.id))) or 0
    if last - first < _COUNTED:
        return conn.scalar(select(func.count()).select_from(table)) or 0
    return int(last - first + 1)


def _papers_of(conn: Connection, digests: int) -> int:
    """How many papers so many digests have, by those of the last ones; of few these are all."""
    last = conn.scalar(select(func.max(t.digest.c.id))) or 0
    some, papers = (
        conn.scalar(select(func.count()).where(number > last - _SAMPLED)) or 0
        for number in (t.digest.c.id, t.digest_paper.c.digest_id)
    )
    return round(papers * digests / some) if some else 0
