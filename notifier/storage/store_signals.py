"""Signals as they were read over time.

That a further source shows a paper is a signal too (`mentions`), told by its sightings. Alone it
makes no paper talked about: two feeds of one archive both show everything.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    Select,
    Subquery,
    func,
    select,
)

from notifier.profiles.matching.postings import Numbers
from notifier.ranking.trending import Reading, Series, born
from notifier.storage import paper_changes
from notifier.storage import tables as t
from notifier.storage.statements import epoch

MENTIONS = "mentions"
_BLOCK = 2_000


def last(conn: Connection) -> int:
    """Return the number of the last reading."""
    return conn.scalar(select(func.max(t.signal.c.id))) or 0


def mark(conn: Connection) -> tuple[int, int, int]:
    """Return numbers that change whenever anything does that `talked_about` tells of."""
    sighting = conn.scalar(select(func.max(t.sighting.c.id))) or 0
    return last(conn), sighting, paper_changes.last(conn)


def newest(conn: Connection) -> datetime | None:
    """Return when the last reading or sighting was (UTC), None where there is none."""
    sighted = select(t.sighting.c.seen_at).order_by(t.sighting.c.id.desc()).limit(1)
    times = (conn.scalar(select(func.max(t.signal.c.read_at))), conn.scalar(sighted))
    return max((time for time in times if time), default=None)


def sources(conn: Connection) -> list[str]:
    """Return the names of all sources that ever told a signal, in order."""
    return list(conn.scalars(select(t.signal.c.source).distinct().order_by(t.signal.c.source)))


def talked_about(conn: Connection, *, now: datetime, within: timedelta) -> Series:
    """Return the papers with a signal read in the last `within`, with all their readings."""
    recent = (
        select(t.signal.c.paper_id)
        .where(t.signal.c.read_at >= now - within, t.signal.c.read_at <= now)
        .subquery()
    )
    of_recent = select(recent.c.paper_id)
    first_category = t.paper.c.categories[0].as_string()
    papers = (
        select(
            t.paper.c.id,
            first_category,
            epoch(t.paper.c.first_seen_at),
            epoch(t.paper.c.published_at),
        )
        .where(t.paper.c.id.in_(of_recent))
        .order_by(t.paper.c.id)
    )
    rows, categories, seen, published = _columns(conn, papers, 4)
    read = _columns(conn, _readings(now).where(t.signal.c.paper_id.in_(of_recent)), 5)
    ids, sources, names, values, times = (
        kept + more for kept, more in zip(read, _mentions(conn, recent, now), strict=True)
    )
    known_names, name = _numbered(names)
    at = np.array(rows, np.int64)
    return Series(
        rows=at,
        fields=[(category or "").split(".")[0] for category in categories],
        seen=np.array(seen, np.int64),
        born=born(np.array(published, np.float64), np.array(seen, np.float64)),
        names=known_names,
        paper=np.searchsorted(at, np.array(ids, np.int64)),
        name=name,
        source=_numbered(sources)[1],
        value=np.array(values, np.float64),
        read=np.array(times, np.int64),
    )


def of(conn: Connection, row: int, *, now: datetime) -> list[Reading]:
    """Return all readings of one paper up to `now`, in order of time."""
    one = select(t.paper.c.id.label("paper_id")).where(t.paper.c.id == row).subquery()
    read = _columns(conn, _readings(now).where(t.signal.c.paper_id == row), 5)
    found = [
        Reading(name, value, datetime.fromtimestamp(seconds, UTC), source)
        for columns in (read, _mentions(conn, one, now))
        for _, source, name, value, seconds in zip(*columns, strict=True)
    ]
    return sorted(found, key=lambda reading: reading.read_at)


def _readings(now: datetime) -> Select[Any]:
    """All readings, each series of a paper, source and name in order of time."""
    series = (t.signal.c.paper_id, t.signal.c.source, t.signal.c.name)
    return (
        select(*series, t.signal.c.value, epoch(t.signal.c.read_at))
        .where(t.signal.c.read_at <= now)
        .order_by(*series, t.signal.c.read_at)
    )


def _mentions(conn: Connection, papers: Subquery, now: datetime) -> list[list[Any]]:
    """How many further sources had shown each paper, whenever one more did; same columns."""
    by_several = (
        select(t.sighting.c.paper_id)
        .where(t.sighting.c.paper_id.in_(select(papers.c.paper_id)))
        .group_by(t.sighting.c.paper_id)
        .having(func.min(t.sighting.c.source) < func.max(t.sighting.c.source))
    )
    shown = (
        select(
            t.sighting.c.paper_id,
            t.sighting.c.source,
            func.min(t.sighting.c.seen_at).label("seen_at"),
        )
        .where(t.sighting.c.paper_id.in_(by_several), t.sighting.c.seen_at <= now)
        .group_by(t.sighting.c.paper_id, t.sighting.c.source)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=shown.c.paper_id, order_by=(shown.c.seen_at, shown.c.source)
    )
    placed = select(shown, (place - 1).label("further")).subquery()
    query = (
        select(placed.c.paper_id, placed.c.further, epoch(placed.c.seen_at))
        .where(placed.c.further > 0)
        .order_by(placed.c.paper_id, placed.c.further)
    )
    ids, further, times = _columns(conn, query, 3)
    return [ids, [""] * len(ids), [MENTIONS] * len(ids), further, times]


def _columns(conn: Connection, query: Select[Any], count: int) -> list[list[Any]]:
    """The columns of a result, in blocks: many rows at once keep the garbage collector busy."""
    columns: list[list[Any]] = [[] for _ in range(count)]
    for block in conn.execute(query).partitions(_BLOCK):
        for column, values in zip(columns, zip(*block, strict=True), strict=True):
            column.extend(values)
    return columns


def _numbered(texts: list[str]) -> tuple[list[str], Numbers]:
    """The distinct texts, and the place of each text among them."""
    known = sorted(set(texts))
    places = {text: place for place, text in enumerate(known)}
    return known, np.array([places[text] for text in texts], np.int64)
