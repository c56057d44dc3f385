"""Pairs of papers that may be one. Somebody decides; nothing here ever merges.

A pair is kept once, the older paper first; one that was dismissed does not come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from notifier.papers.same import Known, suspicion
from notifier.profiles.names import Name, parse_name, same_person
from notifier.storage import tables as t
from notifier.storage.statements import insert_new

MOST_OF_A_TITLE = 5  # papers; a title that more of them bear is a column's, not a paper's
_CHUNK = 400  # bound values in one IN list


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two papers that may be one: rows, ids and titles, the older first, and why."""

    row: int
    other_row: int
    id: str
    other_id: str
    title: str
    other_title: str
    reason: str
    found_at: datetime


def note(conn: Connection, rows: Sequence[int], *, now: datetime) -> int:
    """Keep what newly stored papers may be the same as; return how many pairs are new.

    Args:
        rows: Of papers stored just now, in any order.
    """
    noted = 0
    for start in range(0, len(rows), _CHUNK):
        for group in _of_one_title(conn, rows[start : start + _CHUNK]):
            pairs = [pair | {"found_at": now} for pair in _pairs(group)]
            noted += insert_new(conn, t.candidate, pairs)
    return noted


def _of_one_title(conn: Connection, rows: Sequence[int]) -> Iterator[list[Any]]:
    """Yield the papers that share a title with one of these rows, the oldest first."""
    twin = t.paper.alias()
    titles = select(twin.c.title_key).where(twin.c.id.in_(rows), twin.c.title_key.is_not(None))
    shared = (
        select(t.paper.c.title_key)
        .where(t.paper.c.title_key.in_(titles))
        .group_by(t.paper.c.title_key)
        .having(func.count().between(2, MOST_OF_A_TITLE))
    )
    columns = (t.paper.c.id, t.paper.c.title_key, t.paper.c.authors, t.paper.c.published_at)
    groups: dict[str, list[Any]] = {}
    for row in conn.execute(
        select(*columns).where(t.paper.c.title_key.in_(shared)).order_by(t.paper.c.id)
    ):
        groups.setdefault(row.title_key, []).append(row)
    yield from groups.values()


def _pairs(group: Sequence[Any]) -> Iterator[dict[str, Any]]:
    known = [(row.id, Known(row.title_key, row.authors, row.published_at)) for row in group]
    for (older, one), (newer, other) in combinations(known, 2):
        if reason := suspicion(one, other, same_family=same_family):
            yield {"paper_id": older, "other_id": newer, "reason": reason}


def same_family(one: str, other: str) -> bool:
    """Return whether two names, each in any written form, share the family name."""
    first, second = parse_name(one), parse_name(other)
    return same_person(Name((), first.family), second) or same_person(
        Name((), second.family), first
    )


def pending(conn: Connection) -> list[Candidate]:
    """Return the pairs that wait for somebody to decide, the latest found last."""
    return list(_listed(conn))


def of(conn: Connection, row: int) -> list[Candidate]:
    """Return the pairs with this paper that wait for somebody to decide."""
    return list(_listed(conn, (t.candidate.c.paper_id == row) | (t.candidate.c.other_id == row)))


def _listed(conn: Connection, *wanted: ColumnElement[bool]) -> Iterator[Candidate]:
    older, newer = t.paper.alias("older"), t.paper.alias("newer")
    query = (
        select(older.c.id, newer.c.id, older.c.key, newer.c.key, older.c.title, newer.c.title,
               t.candidate.c.reason, t.candidate.c.found_at)
        .join(older, older.c.id == t.candidate.c.paper_id)
        .join(newer, newer.c.id == t.candidate.c.other_id)
        .where(t.candidate.c.dismissed_at.is_(None), *wanted)
        .order_by(t.candidate.c.id)
    )  # fmt: skip
    return (Candidate(*row) for row in conn.execute(query))


def dismiss(conn: Connection, one: int, other: int, *, now: datetime) -> bool:
    """Keep for good that two papers are two, noted or not; False if that was known.

    Raises:
        ValueError: `one` and `other` are the same row.
    """
    if one == other:
        raise ValueError("a paper cannot be told from itself")
    pair = {"paper_id": min(one, other), "other_id": max(one, other)}
    mine = (t.candidate.c.paper_id == pair["paper_id"]) & (
        t.candidate.c.other_id == pair["other_id"]
    )
    known = {"reason": "told apart by hand", "found_at": now, "dismissed_at": now}
    if insert_new(conn, t.candidate, [pair | known]):
        return True
    waiting = update(t.candidate).where(mine, t.candidate.c.dismissed_at.is_(None))
    return conn.execute(waiting.values(dismissed_at=now)).rowcount > 0
