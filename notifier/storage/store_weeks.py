"""What became of a subscriber's week: what was sent to them, and what was summed up already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from notifier.storage import tables as t
from notifier.storage.statements import among


def summed_up(
    conn: Connection, subscribers: Sequence[int], periods: Collection[str]
) -> set[tuple[int, str]]:
    """Return which of these have a summary of which of these periods."""
    d = t.digest.c
    query = select(d.subscriber_id, d.period).where(
        among(conn, d.subscriber_id, subscribers), d.period.in_(sorted(periods))
    )
    return {(subscriber, period) for subscriber, period in conn.execute(query)}


def sent(conn: Connection, subscriber: int, begins: datetime, ends: datetime) -> int:
    """Return how many papers a subscriber's digests of a time had."""
    d = t.digest.c
    query = select(func.coalesce(func.sum(d.papers), 0)).where(
        d.subscriber_id == subscriber, d.composed_at >= begins, d.composed_at < ends
    )
    return int(conn.scalar(query) or 0)


def had(conn: Connection, subscriber: int, papers: Collection[int]) -> set[int]:
    """Return which of some papers have reached a subscriber."""
    of = t.digest_paper.c
    query = select(of.paper_id).where(of.subscriber_id == subscriber, of.paper_id.in_(papers))
    return set(conn.scalars(query))
