"""What happened to papers, and who is still to be told: found by who had them before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Connection, delete, insert, select

from notifier.papers.event import Event, Kind
from notifier.profiles.profile import Subscriber
from notifier.storage import tables as t
from notifier.storage.statements import among, chunks, insert_new

STILL_COMING = timedelta(days=2)
# What is older is no news.
FRESH = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event by its row: of which paper, and when (UTC)."""

    row: int
    paper: int
    kind: Kind
    value: str
    detail: str
    at: datetime


def note(conn: Connection, paper: int, some: Iterable[Event], *, now: datetime) -> None:
    """Keep what happened to a paper; what is known already changes nothing.

    Where a paper has just come, other sources name its journal and its DOI: that is no news.
    """
    some = list(some)
    if any(one.kind == "published" for one in some):
        p = t.paper.c
        seen = conn.scalar(select(p.first_seen_at).where(p.id == paper))
        if seen is None or now - seen < STILL_COMING:
            some = [one for one in some if one.kind != "published"]
    rows = [
        {"paper_id": paper, "kind": one.kind, "value": one.value, "detail": one.detail, "at": now}
        for one in some
    ]
    insert_new(conn, t.event, rows)


def without(conn: Connection, papers: Iterable[int], kind: Kind) -> list[int]:
    """Return those of some papers to which no event of a kind has happened."""
    wanted, known, e = sorted(set(papers)), set[int](), t.event.c
    for chunk in chunks(wanted):
        query = select(e.paper_id).where(e.kind == kind, e.paper_id.in_(chunk))
        known.update(conn.scalars(query))
    return [paper for paper in wanted if paper not in known]


def of(conn: Connection, paper: int) -> list[Happened]:
    """Return what happened to a paper, oldest first."""
    query = select(t.event).where(t.event.c.paper_id == paper)
    return [_happened(row) for row in conn.execute(query.order_by(t.event.c.at, t.event.c.id))]


Recent: TypeAlias = Mapping[int, Sequence[Happened]]


def recent(conn: Connection, *, now: datetime) -> Recent:
    """Return by paper what happened of late: read once for many subscribers."""
    by_paper: dict[int, list[Happened]] = {}
    for row in conn.execute(select(t.event).where(t.event.c.at >= now - FRESH)):
        by_paper.setdefault(row.paper_id, []).append(_happened(row))
    return by_paper


def untold(
    conn: Connection, subscribers: Sequence[Subscriber], happened: Recent
) -> dict[int, list[Happened]]:
    """Return by subscriber what happened to papers that they know, and they were not told of.

    Of a kind that they want, after the paper was sent to them or they saved it, and after they came
    (what was saved elsewhere comes along), and not if they said that it is not for them. Where
    nothing happened of late nobody is asked.

    Args:
        happened: See `recent`.
    """
    wanting = {one.row: one for one in subscribers if one.news_of_sent or one.news_of_saved}
    if not happened or not wanting:
        return {}
    told = _told(conn, wanting)
    found: dict[int, dict[int, Happened]] = {}
    for subscriber, paper, since, is_saved in _known(conn, wanting, happened):
        reader = wanting[subscriber]
        kinds = reader.news_of_saved if is_saved else reader.news_of_sent
        since = max(since, reader.confirmed_at or since)
        for one in happened[paper]:
            if one.kind in kinds and one.at > since and (subscriber, one.row) not in told:
                found.setdefault(subscriber, {})[one.row] = one
    return {subscriber: list(events.values()) for subscriber, events in found.items()}


def _known(
    conn: Connection, subscribers: Mapping[int, Subscriber], happened: Recent
) -> list[tuple[int, int, datetime, bool]]:
    """(subscriber, paper, since when they know it, whether they saved it) of some of both."""
    held = t.digest_paper.c
    wanted = {kind for one in subscribers.values() for kind in one.news_of_sent}
    papers = [paper for paper, events in happened.items() if wanted & {one.kind for one in events}]
    found = list[tuple[int, int, datetime, bool]]()
    for chunk in chunks(sorted(subscribers)):
        said = list(_said(conn, chunk, happened))
        unwanted = {(who, one) for who, one, kind, _ in said if kind == "down"}
        sent = select(held.subscriber_id, held.paper_id, held.digest_id).where(
            held.subscriber_id.in_(chunk), among(conn, held.paper_id, papers)
        )
        mine = [tuple(row) for row in conn.execute(sent)] if papers else []
        made = _composed(conn, {digest for _, _, digest in mine})
        found += [
            (who, one, made[digest], False)
            for who, one, digest in mine
            if digest in made and (who, one) not in unwanted
        ]
        found += [(who, one, at, True) for who, one, kind, at in said if kind == "saved"]
    return found


def _said(
    conn: Connection, subscribers: Sequence[int], papers: Collection[int]
) -> Iterator[tuple[int, int, str, datetime]]:
    """(subscriber, paper, "saved" or "down", when) of some of both."""
    v = t.vote.c
    query = select(v.subscriber_id, v.paper_id, v.kind, v.at).where(
        v.subscriber_id.in_(subscribers), v.kind.in_(("saved", "down"))
    )
    return (tuple(row) for row in conn.execute(query) if row.paper_id in papers)


def _composed(conn: Connection, digests: Iterable[int]) -> dict[int, datetime]:
    d, found = t.digest.c, dict[int, datetime]()
    for chunk in chunks(sorted(digests)):
        rows = conn.execute(select(d.id, d.composed_at).where(d.id.in_(chunk)))
        found.update((row.id, row.composed_at) for row in rows)
    return found


def _told(conn: Connection, subscribers: Iterable[int]) -> set[tuple[int, int]]:
    told, found = t.told.c, set[tuple[int, int]]()
    for chunk in chunks(sorted(subscribers)):
        query = select(told.subscriber_id, told.event_id).where(told.subscriber_id.in_(chunk))
        found.update((subscriber, event) for subscriber, event in conn.execute(query))
    return found


def tell(conn: Connection, subscriber: int, digest: int, events: Sequence[int]) -> None:
    """Write down that a digest tells of events: in the transaction that makes it.

    Raises:
        sqlalchemy.exc.IntegrityError: of one of them they were told before, or it is gone.
    """
    rows = [
        {"subscriber_id": subscriber, "event_id": event, "digest_id": digest} for event in events
    ]
    if rows:
        conn.execute(insert(t.told), rows)


def take_back(conn: Connection, digests: Sequence[int]) -> None:
    """Have told again what digests told that were never sent."""
    conn.execute(delete(t.told).where(t.told.c.digest_id.in_(digests)))


def told(conn: Connection, subscriber: int) -> list[dict[str, str]]:
    """Return of what a subscriber was told, oldest first, ready for JSON."""
    e = t.event.c
    query = (
        select(e.kind, e.detail, e.value, e.at, t.paper.c.key)
        .join(t.told, t.told.c.event_id == e.id)
        .join(t.paper, t.paper.c.id == e.paper_id)
        .where(t.told.c.subscriber_id == subscriber)
        .order_by(e.at, e.id)
    )
    return [
        {"paper": key, "what": kind, "detail": detail or value, "at": at.isoformat()}
        for kind, detail, value, at, key in conn.execute(query)
    ]


def _happened(row: object) -> Happened:
    return Happened(row.id, row.paper_id, row.kind, row.value, row.detail, row.at)  # type: ignore[attr-defined]
