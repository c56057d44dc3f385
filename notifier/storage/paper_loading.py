"""Papers as values, read whole: their texts, names, sources and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Row, select

from notifier.papers.paper import Paper
from notifier.storage import tables as t
from notifier.storage.statements import chunks


def load(conn: Connection, rows: Iterable[int]) -> list[Paper]:
    """Return the papers of these rows, in the order of rows; `trend` is not filled in.

    Those that cannot be read are left out.
    """
    out: list[Paper] = []
    for chunk in chunks(sorted(set(rows))):
        try:
            out += _load(conn, chunk)
        except (TypeError, ValueError):  # of one row: it must not hide the others
            for row in chunk:
                with suppress(TypeError, ValueError):
                    out += _load(conn, [row])
    return out


def _load(conn: Connection, rows: Sequence[int]) -> list[Paper]:
    names = _grouped(conn, t.alias, rows, ("scheme", "value"))
    sources = _grouped(conn, t.sighting, rows, ("source",), order=t.sighting.c.id)
    signals = _grouped(conn, t.signal, rows, ("name", "value"), order=t.signal.c.read_at)
    query = select(t.paper).where(t.paper.c.id.in_(rows)).order_by(t.paper.c.id)
    return [
        _paper(
            row,
            aliases=tuple(sorted(f"{a}:{b}" for a, b in names.get(row.id, ()))),
            sources=tuple(dict.fromkeys(s for (s,) in sources.get(row.id, ()))),
            signals=dict(tuple(pair) for pair in signals.get(row.id, ())),
        )
        for row in conn.execute(query)
    ]


def _grouped(
    conn: Connection, table: Any, rows: Sequence[int], names: Sequence[str], order: Any = None
) -> dict[int, list[Any]]:
    query = select(table.c.paper_id, *(table.c[n] for n in names)).where(table.c.paper_id.in_(rows))
    grouped: dict[int, list[Any]] = {}
    for row, *values in conn.execute(query if order is None else query.order_by(order)):
        grouped.setdefault(row, []).append(values)
    return grouped


def _paper(row: Row[Any], **joined: Any) -> Paper:
    return Paper(
        row=row.id,
        id=row.key,
        title=row.title,
        abstract=row.abstract,
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        first_seen_at=row.first_seen_at,
        version=row.version,
        organization=row.organization,
        journal=row.journal,
        comment=row.comment,
        submitted_by=row.submitted_by,
        published_at=row.published_at,
        arrival=row.arrival,
        revision=row.revision,
        announce=row.announce,
        urls=row.urls,
        withdrawn_at=row.withdrawn_at,
        author_ids=tuple(row.author_ids or ()),
        **joined,
    )
