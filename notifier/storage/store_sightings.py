"""Which source showed a paper, when and as what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from notifier.storage import tables as t


@dataclass(frozen=True, slots=True)
class Sighting:
    """A source showed a paper like this, at first then; `version` is None where it did not say."""

    source: str
    announce: str
    version: int | None
    seen_at: datetime


def of(conn: Connection, row: int) -> list[Sighting]:
    """Return the sightings of one paper, the first one first."""
    columns = (t.sighting.c.source, t.sighting.c.announce, t.sighting.c.version)
    query = (
        select(*columns, t.sighting.c.seen_at)
        .where(t.sighting.c.paper_id == row)
        .order_by(t.sighting.c.seen_at, t.sighting.c.id)
    )
    return [
        Sighting(source, announce, version or None, seen_at)
        for source, announce, version, seen_at in conn.execute(query)
    ]


def sources(conn: Connection) -> list[str]:
    """Return the names of all sources that have shown a paper."""
    return sorted(conn.scalars(select(t.sighting.c.source).distinct()))
