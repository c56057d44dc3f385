"""What readers make of digests: votes by the place of a paper, and how much profiles bring.

A look at some of many: at a million readers all of it would take minutes, and say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, func, select

from notifier.storage import match_rows
from notifier.storage import tables as t


@dataclass(frozen=True, slots=True)
class Placed:
    """By place, from 1: how many papers stood there, and how many votes of each kind they got.

    `digests`: so many were looked at, the newest.
    """

    digests: int
    shown: Mapping[int, int]
    votes: Mapping[tuple[int, str], int]


def by_place(conn: Connection, *, digests: int) -> Placed:
    """Return what was said of the papers of the newest `digests` digests, by place."""
    d, of, v = t.digest.c, t.digest_paper.c, t.vote.c
    behind = select(func.coalesce(func.max(d.id), 0) - digests).scalar_subquery()
    by_size = select(d.papers, func.count()).where(d.id > behind).group_by(d.papers)
    sizes: dict[int, int] = dict(conn.execute(by_size).all())
    said = (
        select(of.place, v.kind, func.count())
        .join(t.vote, (v.subscriber_id == of.subscriber_id) & (v.paper_id == of.paper_id))
        .where(of.digest_id > behind)
        .group_by(of.place, v.kind)
    )
    shown = Counter[int]()
    for papers, number in sizes.items():
        shown.update(dict.fromkeys(range(1, papers + 1), number))
    votes = {(place, kind): number for place, kind, number in conn.execute(said)}
    return Placed(sum(sizes.values()), shown, votes)


def some_profiles(conn: Connection, most: int) -> list[int]:
    """Return the rows of profiles that are switched on and mailed, at most about so many.

    Which they are depends on nothing but their numbers: the same ones the next time.
    """
    p, s = t.profile.c, t.subscriber.c
    total = conn.scalar(select(func.count()).select_from(t.profile)) or 0
    step = max(-(-total // most), 1)
    query = (
        select(p.id)
        .join(t.subscriber, s.id == p.subscriber_id)
        .where(p.enabled, s.state == "active", p.id % step == 0)
    )
    return list(conn.scalars(query.order_by(p.id)))


def matches(conn: Connection, profiles: Sequence[int], *, since: datetime) -> list[int]:
    """Return how many papers that became news since a time each of some profiles wants."""
    known = match_rows.papers(conn, t.paper.c.arrived_at >= since)
    found, at = match_rows.kept(conn, profiles, known)
    once = np.unique(np.stack((found.profiles, at)), axis=1)
    rows, numbers = np.unique(once[0], return_counts=True)
    counted = dict(zip(rows.tolist(), numbers.tolist(), strict=True))
    return [counted.get(row, 0) for row in profiles]
