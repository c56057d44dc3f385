"""Papers: take in what sources read, give out what is kept.

A paper is found by any alias; an entry that names two known papers makes them one, references
rewritten, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.papers.update import Kept, changes
from notifier.storage import tables as t
from notifier.storage.statements import insert_new, next_numbers

_CHUNK = 400  # bound values in one IN list


@dataclass(slots=True)
class Taken:
    """What became of a batch; each entry is counted once. `rows` are the papers new here."""

    new: int = 0
    updated: int = 0
    merged: int = 0
    unchanged: int = 0
    rows: list[int] = field(default_factory=list)


def take_in(conn: Connection, entries: Sequence[Entry], *, source: str, now: datetime) -> Taken:
    """Store a batch of one source's entries; the same batch again changes nothing.

    Counted `new` (not known before), `merged` (known from another source, seen here for the
    first time), `updated` (text, version, lists or signals changed) or `unchanged`.
    """
    taken = Taken()
    known = _known_aliases(conn, entries)
    shown = _shown_by(conn, set(known.values()), source)
    news: list[int] = []
    for entry in entries:
        row, outcome = _take_one(conn, entry, known, shown, source, now)
        setattr(taken, outcome, getattr(taken, outcome) + 1)
        if outcome == "new":
            taken.rows.append(row)
        if outcome in ("new", "merged") and not entry.is_replacement:
            news.append(row)
    _announce(conn, news)
    return taken


def _known_aliases(conn: Connection, entries: Iterable[Entry]) -> dict[Alias, int]:
    values = sorted({alias.value for entry in entries for alias in entry.aliases})
    schemes = sorted({alias.scheme for entry in entries for alias in entry.aliases})
    known: dict[Alias, int] = {}
    for chunk in _chunks(values):
        for scheme, value, row in conn.execute(
            select(t.alias.c.scheme, t.alias.c.value, t.alias.c.paper_id).where(
                t.alias.c.scheme.in_(schemes), t.alias.c.value.in_(chunk)
            )
        ):
            known[Alias(scheme, value)] = row
    return known


def _shown_by(conn: Connection, rows: Iterable[int], source: str) -> set[int]:
    shown: set[int] = set()
    for chunk in _chunks(sorted(rows)):
        shown.update(
            conn.scalars(
                select(t.sighting.c.paper_id).where(
                    t.sighting.c.paper_id.in_(chunk), t.sighting.c.source == source
                )
            )
        )
    return shown


def _take_one(
    conn: Connection,
    entry: Entry,
    known: dict[Alias, int],
    shown: set[int],
    source: str,
    now: datetime,
) -> tuple[int, str]:
    rows = sorted({known[alias] for alias in entry.aliases if alias in known})
    if not rows:
        row = _add(conn, entry, now)
        outcome = "new"
    else:
        row = rows[0]
        for other in rows[1:]:
            _merge(conn, other, into=row)
            known.update({alias: row for alias, kept in known.items() if kept == other})
        changed = _change(conn, row, entry, now, same_source=row in shown)
        outcome = "updated" if changed else "unchanged"
        if len(rows) > 1 or row not in shown:
            outcome = "merged"
    _name(conn, row, [alias for alias in entry.aliases if known.get(alias) != row])
    known.update(dict.fromkeys(entry.aliases, row))
    shown.add(row)
    insert_new(
        conn,
        t.sighting,
        [{"paper_id": row, "source": source, "announce": entry.announce,
          "version": entry.version or 0, "seen_at": now}],
    )  # fmt: skip
    if _read_signals(conn, row, entry, source, now) and outcome == "unchanged":
        outcome = "updated"
    return row, outcome


def _columns(entry: Entry) -> dict[str, Any]:
    return {
        "version": entry.version,
        "title": entry.title,
        "abstract": entry.abstract,
        "source_title": entry.source_title,
        "source_abstract": entry.source_abstract,
        "authors": list(entry.authors),
        "categories": list(entry.categories),
        "organization": entry.organization,
        "journal": entry.journal,
        "comment": entry.comment,
        "submitted_by": entry.submitted_by,
        "urls": dict(entry.urls),
        "announce": entry.announce,
        "published_at": entry.published_at,
    }


def _add(conn: Connection, entry: Entry, now: datetime) -> int:
    values = _columns(entry) | {
        "key": str(entry.aliases[0]), "first_seen_at": now, "updated_at": now, "arrival": None,
    }  # fmt: skip
    return int(conn.execute(insert(t.paper).values(values).returning(t.paper.c.id)).scalar_one())


def _change(conn: Connection, row: int, entry: Entry, now: datetime, *, same_source: bool) -> bool:
    columns = [t.paper.c[f.name] for f in fields(Kept)]
    kept = Kept(*conn.execute(select(*columns).where(t.paper.c.id == row)).one())
    changed = changes(kept, entry, same_source=same_source)
    if changed:
        conn.execute(
            update(t.paper).where(t.paper.c.id == row).values(changed | {"updated_at": now})
        )
    return bool(changed)


def _name(conn: Connection, row: int, aliases: Iterable[Alias]) -> None:
    insert_new(
        conn,
        t.alias,
        [{"scheme": a.scheme, "value": a.value, "paper_id": row} for a in aliases],
    )


def _merge(conn: Connection, other: int, *, into: int) -> None:
    """Make paper `other` part of paper `into`; what both have stays as `into` has it."""
    for table, same in (
        (t.sighting, ("source", "announce", "version")),
        (t.signal, ("source", "name", "read_at")),
        (t.digest_paper, ("subscriber_id",)),
    ):
        twin = table.alias()
        both = select(twin.c.id).where(
            twin.c.paper_id == into, *(twin.c[name] == table.c[name] for name in same)
        )
        conn.execute(delete(table).where(table.c.paper_id == other, both.exists()))
        conn.execute(update(table).where(table.c.paper_id == other).values(paper_id=into))
    _merge_news(conn, other, into)
    conn.execute(update(t.alias).where(t.alias.c.paper_id == other).values(paper_id=into))
    conn.execute(delete(t.paper).where(t.paper.c.id == other))


def _merge_news(conn: Connection, other: int, into: int) -> None:
    """The later news of the two stays news, with the time at which it was first seen."""
    columns = (t.paper.c.id, t.paper.c.arrival, t.paper.c.first_seen_at)
    query = select(*columns).where(t.paper.c.id.in_((other, into)))
    row, arrival, seen_at = max(conn.execute(query), key=lambda found: found.arrival or 0)
    if row == other and arrival is not None:
        conn.execute(
            update(t.paper)
            .where(t.paper.c.id == into)
            .values(arrival=arrival, first_seen_at=seen_at)
        )


def _read_signals(conn: Connection, row: int, entry: Entry, source: str, now: datetime) -> bool:
    """Keep the readings that differ from the last one of this source."""
    if not entry.signals:
        return False
    query = (
        select(t.signal.c.name, t.signal.c.value)
        .where(t.signal.c.paper_id == row, t.signal.c.source == source)
        .order_by(t.signal.c.read_at)
    )
    last = {found.name: found.value for found in conn.execute(query)}
    readings = [
        {"paper_id": row, "source": source, "name": name, "value": value, "read_at": now}
        for name, value in entry.signals.items()
        if last.get(name) != value
    ]
    return insert_new(conn, t.signal, readings) > 0


def _announce(conn: Connection, rows: Sequence[int]) -> None:
    """Give papers that became news the next arrival numbers, in order."""
    first = next_numbers(conn, "arrival", len(rows))
    for offset, row in enumerate(dict.fromkeys(rows)):
        conn.execute(update(t.paper).where(t.paper.c.id == row).values(arrival=first + offset))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def find(conn: Connection, alias: Alias) -> int | None:
    """Return the row of the paper known by `alias`, if any."""
    return conn.scalar(
        select(t.alias.c.paper_id).where(
            t.alias.c.scheme == alias.scheme, t.alias.c.value == alias.value
        )
    )


def load(conn: Connection, rows: Iterable[int]) -> list[Paper]:
    """Return the papers of these rows, in the order of rows; `trend` is not filled in."""
    out: list[Paper] = []
    for chunk in _chunks(sorted(set(rows))):
        names = _grouped(conn, t.alias, chunk, ("scheme", "value"))
        sources = _grouped(conn, t.sighting, chunk, ("source",), order=t.sighting.c.id)
        signals = _grouped(conn, t.signal, chunk, ("name", "value"), order=t.signal.c.read_at)
        query = select(t.paper).where(t.paper.c.id.in_(chunk)).order_by(t.paper.c.id)
        out += [
            _paper(
                row,
                aliases=tuple(sorted(f"{a}:{b}" for a, b in names.get(row.id, ()))),
                sources=tuple(dict.fromkeys(s for (s,) in sources.get(row.id, ()))),
                signals=dict(tuple(pair) for pair in signals.get(row.id, ())),
            )
            for row in conn.execute(query)
        ]
    return out


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
        announce=row.announce,
        urls=row.urls,
        **joined,
    )


def rows_since(
    conn: Connection, since: datetime | None = None, *, limit: int | None = None
) -> list[int]:
    """Return the rows of papers first seen at or after `since` (UTC), the newest last."""
    query = select(t.paper.c.id).order_by(t.paper.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(t.paper.c.first_seen_at >= since)
    return list(conn.scalars(query))[::-1]


def rows_arrived(conn: Connection, after: int, *, since: datetime) -> list[int]:
    """Return the rows of papers that became news behind arrival number `after`.

    Papers first seen before `since` (UTC) are too old and left out.
    """
    query = select(t.paper.c.id).where(t.paper.c.arrival > after, t.paper.c.first_seen_at >= since)
    return list(conn.scalars(query))


def arrival(conn: Connection, *, before: datetime | None = None) -> int:
    """Return the highest arrival number given so far, or of papers first seen before a time."""
    query = select(func.max(t.paper.c.arrival))
    if before is not None:
        query = query.where(t.paper.c.first_seen_at < before)
    return conn.scalar(query) or 0
