"""Papers: take in what sources read, give out what is kept.

A paper is found by any alias; an entry that names two known papers makes them one, references
rewritten, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, insert, select, update

from notifier.papers import identity
from notifier.papers.event import Event, events, is_publication
from notifier.papers.identity import Alias, title_key
from notifier.papers.paper import Entry
from notifier.papers.update import Kept, changes
from notifier.storage import paper_changes, store_candidates, store_events, store_forgotten
from notifier.storage import tables as t
from notifier.storage.merging import merge
from notifier.storage.paper_loading import load as load
from notifier.storage.statements import chunks, insert_new, next_numbers

_INSERT_PAPER = insert(t.paper).returning(t.paper.c.id)


@dataclass(slots=True)
class Taken:
    """What became of a batch; each entry is counted once.

    `rows` are the papers new here. `first_seen` says for each entry when this source first showed
    it like this (this version, as new, cross-listed or replaced): before the round's `now` for
    one that was here before.
    """

    new: int = 0
    updated: int = 0
    merged: int = 0
    unchanged: int = 0
    rows: list[int] = field(default_factory=list)
    first_seen: list[datetime] = field(default_factory=list)


@dataclass(slots=True)
class _Known:
    """What is stored of the papers of a batch, kept up to date while it is taken in."""

    rows: dict[Alias, int]
    seen: dict[int, dict[tuple[str, int], datetime]]  # by this source: (announce, version)
    forgotten: dict[Alias, datetime]  # names of deleted papers: when those were first seen

    def join(self, other: int, row: int) -> None:
        """Paper `other` became part of paper `row`."""
        self.rows.update({alias: row for alias, kept in self.rows.items() if kept == other})
        self.seen.setdefault(row, {}).update(self.seen.pop(other, {}))


def take_in(
    conn: Connection,
    entries: Sequence[Entry],
    *,
    source: str,
    now: datetime,
    news_since: datetime | None = None,
) -> Taken:
    """Store a batch of one source's entries; the same batch again changes nothing.

    Counted `new` (not known before), `merged` (known from another source, seen here for the
    first time), `updated` (text, version, lists or signals changed) or `unchanged`. One that was
    deleted is new again, as old as it was, and announced to nobody.

    Args:
        news_since: What was published before is history: kept as if it had been read on its day,
            and announced to nobody. None: whatever a source announces is news.
    """
    taken = Taken()
    rows = _known_aliases(conn, entries)
    unknown = (alias for entry in entries for alias in entry.aliases if alias not in rows)
    forgotten = store_forgotten.known(conn, unknown)
    known = _Known(rows, _shown_by(conn, set(rows.values()), source), forgotten)
    news: list[int] = []
    revised: list[int] = []
    changed: list[int] = []
    for entry in entries:
        since = past = store_forgotten.since(known.forgotten, known.rows, entry.aliases)
        if past is None and _is_history(entry, news_since):
            past = entry.published_at
        step = _take_one(conn, entry, known, source, now, past)
        setattr(taken, step.outcome, getattr(taken, step.outcome) + 1)
        taken.first_seen.append(since or step.first_seen)
        if step.outcome == "new":
            taken.rows.append(step.row)
        if step.is_news and past is None:
            news.append(step.row)
        if step.is_revised and past is None:
            revised.append(step.row)
        if step.is_changed or step.is_news:
            changed.append(step.row)
    _number(conn, news, "arrival", {"arrived_at": now})
    _number(conn, revised, "revision", {})
    paper_changes.note(conn, changed)
    store_candidates.note(conn, taken.rows, now=now)
    return taken


def _is_history(entry: Entry, news_since: datetime | None) -> bool:
    """Whether an entry is of days that are gone: before a time, or of an author's earlier years."""
    if not entry.published_at:
        return False
    if news_since and entry.published_at < news_since:
        return True
    return bool(entry.author_ids) and not entry.is_news


@dataclass(frozen=True, slots=True)
class _Step:
    """What became of one entry."""

    row: int
    outcome: str
    first_seen: datetime
    is_news: bool
    is_revised: bool
    is_changed: bool


def _known_aliases(conn: Connection, entries: Iterable[Entry]) -> dict[Alias, int]:
    values = sorted({alias.value for entry in entries for alias in entry.aliases})
    schemes = sorted({alias.scheme for entry in entries for alias in entry.aliases})
    known: dict[Alias, int] = {}
    for chunk in chunks(values):
        for scheme, value, row in conn.execute(
            select(t.alias.c.scheme, t.alias.c.value, t.alias.c.paper_id).where(
                t.alias.c.scheme.in_(schemes), t.alias.c.value.in_(chunk)
            )
        ):
            known[Alias(scheme, value)] = row
    return known


def _shown_by(
    conn: Connection, rows: Iterable[int], source: str
) -> dict[int, dict[tuple[str, int], datetime]]:
    shown: dict[int, dict[tuple[str, int], datetime]] = {}
    columns = (t.sighting.c.paper_id, t.sighting.c.announce, t.sighting.c.version)
    for chunk in chunks(sorted(rows)):
        query = select(*columns, t.sighting.c.seen_at).where(
            t.sighting.c.paper_id.in_(chunk), t.sighting.c.source == source
        )
        for row, announce, version, seen_at in conn.execute(query):
            shown.setdefault(row, {})[announce, version] = seen_at
    return shown


def _take_one(
    conn: Connection, entry: Entry, known: _Known, source: str, now: datetime, past: datetime | None
) -> _Step:
    rows = sorted({known.rows[alias] for alias in entry.aliases if alias in known.rows})
    changed: dict[str, Any] = {}
    if not rows:
        row = _add(conn, entry, past or now, now)
        outcome = "new"
    else:
        row = rows[0]
        for other in rows[1:]:
            merge(conn, other, into=row)
            known.join(other, row)
        changed = _change(conn, row, entry, now, same_source=row in known.seen)
        outcome = "updated" if changed else "unchanged"
        _publish(conn, row, (one for one in entry.aliases if one not in known.rows), now)
        if len(rows) > 1 or row not in known.seen:
            outcome = "merged"
    _name(conn, row, [alias for alias in entry.aliases if known.rows.get(alias) != row])
    store_forgotten.remember(conn, (alias for alias in entry.aliases if alias in known.forgotten))
    known.rows.update(dict.fromkeys(entry.aliases, row))
    if _read_signals(conn, row, entry, source, now) and outcome == "unchanged":
        outcome = "updated"
    shown = known.seen.setdefault(row, {})
    is_news = _is_news(entry, shown, changed)
    first_seen = _sight(conn, row, entry, shown, source, now)
    is_revised = "announce" in changed or (outcome == "new" and entry.is_replacement)
    is_changed = bool(changed) or outcome in ("new", "merged")
    return _Step(row, outcome, first_seen, is_news, is_revised, is_changed)


def _is_news(
    entry: Entry, shown: Mapping[tuple[str, int], datetime], changed: Mapping[str, Any]
) -> bool:
    """Whether the source announces the paper for the first time, or to readers of another field,
    or tells that it is by an author who is followed.

    OAI-PMH tells of a cross-listing only by the paper's new category.
    """
    if "author_ids" in changed:
        return entry.is_news
    if any(announce in ("new", "cross") for announce, _ in shown):
        return "categories" in changed and not entry.is_replacement
    return entry.is_news


def _sight(
    conn: Connection,
    row: int,
    entry: Entry,
    shown: dict[tuple[str, int], datetime],
    source: str,
    now: datetime,
) -> datetime:
    """Keep that the source showed the paper like this; return when it first did."""
    key = (entry.announce, entry.version or 0)
    if key not in shown:
        sighting = {"paper_id": row, "source": source, "seen_at": now}
        insert_new(conn, t.sighting, [sighting | {"announce": key[0], "version": key[1]}])
        shown[key] = now
    return shown[key]


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
        "title_key": title_key(entry.title),
        "author_ids": list(entry.author_ids) or None,
    }


def _add(conn: Connection, entry: Entry, first_seen_at: datetime, now: datetime) -> int:
    values = _columns(entry) | {
        "key": str(entry.aliases[0]), "first_seen_at": first_seen_at, "updated_at": now,
        "withdrawn_at": now if entry.withdrawn else None,
    }  # fmt: skip
    return int(conn.execute(_INSERT_PAPER, values).scalar_one())


def _change(
    conn: Connection, row: int, entry: Entry, now: datetime, *, same_source: bool
) -> dict[str, Any]:
    columns = [t.paper.c[f.name] for f in fields(Kept)]
    kept = Kept(*conn.execute(select(*columns).where(t.paper.c.id == row)).one())
    changed = changes(kept, entry, same_source=same_source, now=now)
    if "title" in changed:
        changed["title_key"] = title_key(changed["title"])
    if changed:
        conn.execute(
            update(t.paper).where(t.paper.c.id == row).values(changed | {"updated_at": now})
        )
        store_events.note(conn, row, events(kept, changed), now=now)
    return changed


def _publish(conn: Connection, row: int, named: Iterable[Alias], now: datetime) -> None:
    """Note that a paper that was known has a DOI of its own now."""
    dois = [one for one in named if one.scheme == "doi" and is_publication(one.value)]
    if dois:
        found = Event("published", detail=f"doi:{dois[0].value}")
        store_events.note(conn, row, [found], now=now)


def _name(conn: Connection, row: int, aliases: Iterable[Alias]) -> None:
    insert_new(
        conn,
        t.alias,
        [{"scheme": a.scheme, "value": a.value, "paper_id": row} for a in aliases],
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


def _number(conn: Connection, rows: Iterable[int], column: str, values: Mapping[str, Any]) -> None:
    """Give papers the next numbers of the one row in which news and new versions stand."""
    distinct = list(dict.fromkeys(rows))
    if not distinct:
        return
    first = next_numbers(conn, "arrival", len(distinct))
    here = t.paper.c.id == bindparam("row")
    conn.execute(
        update(t.paper).where(here).values({column: bindparam("number"), **values}),
        [{"row": row, "number": number} for number, row in enumerate(distinct, first)],
    )


def count(conn: Connection) -> int:
    """Return how many papers are stored."""
    return conn.scalar(select(func.count()).select_from(t.paper)) or 0


def find(conn: Connection, alias: Alias) -> int | None:
    """Return the row of the paper known by `alias`, if any."""
    return conn.scalar(
        select(t.alias.c.paper_id).where(
            t.alias.c.scheme == alias.scheme, t.alias.c.value == alias.value
        )
    )


def named(conn: Connection, name: str) -> int | None:
    """Return the row of the paper that a name is of: an id, a DOI, an address; None of none."""
    found = (find(conn, alias) for alias in identity.named(name))
    return next((row for row in found if row is not None), None)


def rows_since(
    conn: Connection, since: datetime | None = None, *, limit: int | None = None
) -> list[int]:
    """Return the rows of papers first seen at or after `since` (UTC), the newest last."""
    query = select(t.paper.c.id).order_by(t.paper.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(t.paper.c.first_seen_at >= since)
    return list(conn.scalars(query))[::-1]


def without_categories(
    conn: Connection, *, scheme: str, source: str, since: datetime, limit: int
) -> list[str]:
    """Return ids (of a scheme) of papers first seen `since` then that nobody gave categories.

    Those that `source` has shown are left out: it has none to give.
    """
    shown = exists().where(t.sighting.c.paper_id == t.paper.c.id, t.sighting.c.source == source)
    query = (
        select(t.alias.c.value)
        .join(t.paper, t.paper.c.id == t.alias.c.paper_id)
        .where(
            t.alias.c.scheme == scheme,
            t.paper.c.first_seen_at >= since,
            func.json_array_length(t.paper.c.categories) == 0,
            ~shown,
        )
        .order_by(t.paper.c.id.desc())
        .limit(limit)
    )
    return list(conn.scalars(query))
