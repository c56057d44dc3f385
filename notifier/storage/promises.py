"""The promises of the design as queries: each finds the rows that break one.

Unique keys and foreign keys keep most of them; what no key can say is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from notifier.storage import tables as t

_EXAMPLES = 5
_OPEN = ("pending", "claimed", "held")


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise, how many rows break it, and the ids of the first of them."""

    promise: str
    rows: int
    examples: tuple[int, ...]


def broken(conn: Connection) -> list[Broken]:
    """Return the promises that are not kept."""
    found = []
    for promise, query in _queries():
        rows = conn.scalar(select(func.count()).select_from(query.subquery())) or 0
        if rows:
            ids = [row[0] for row in conn.execute(query.limit(_EXAMPLES))]
            found.append(Broken(promise, rows, tuple(ids)))
    return found


def _queries() -> Iterator[tuple[str, Select[Any]]]:
    """Each promise with the query for ids of what breaks it."""
    p, a, s, d = t.paper.c, t.alias.c, t.subscriber.c, t.digest.c
    held, delivery, attempt, message = (
        t.digest_paper.c, t.delivery.c, t.attempt.c, t.message.c,
    )  # fmt: skip
    papers = select(func.count()).where(held.digest_id == d.id).scalar_subquery()
    yield "a paper has a name", select(p.id).where(~_any(a.paper_id == p.id))
    gone = and_(t.forgotten.c.scheme == a.scheme, t.forgotten.c.value == a.value)
    yield (
        "a name is that of a paper, or of one that was deleted",
        select(a.paper_id).join(t.forgotten, gone),
    )
    given_back = _any(
        and_(delivery.digest_id == d.id, delivery.state.in_(("expired", "dropped")))
    ) & (papers == 0)
    yield (
        "a digest has the papers it counts, or has given them back",
        select(d.id).where(papers != d.papers, ~given_back),
    )
    yield (
        "a digest with papers is sent, or it is known why not",
        select(d.id).where(d.papers > 0, ~_any(delivery.digest_id == d.id)),
    )
    yield (
        "a paper stands in a digest of the same subscriber",
        select(held.paper_id).join(t.digest, d.id == held.digest_id)
        .where(held.subscriber_id != d.subscriber_id),
    )  # fmt: skip
    yield (
        "what is kept as wanted is wanted by a profile",
        select(t.match.c.profile_id).where(~_any(t.profile.c.id == t.match.c.profile_id)),
    )
    yield (
        "what is to be sent has its mail",
        select(delivery.id).where(
            delivery.state.in_(_OPEN), ~_any(message.digest_id == delivery.digest_id)
        ),
    )
    yield (
        "what was sent has an attempt that says so",
        select(delivery.id).where(
            delivery.state == "sent",
            ~_any(and_(attempt.delivery_id == delivery.id, attempt.outcome == "sent")),
        ),
    )
    yield (
        "nobody is mailed who did not confirm",
        select(delivery.id)
        .join(t.subscriber, s.id == delivery.subscriber_id)
        .where(delivery.state == "sent", s.confirmed_at.is_(None)),
    )
    yield (
        "a claimed mail has an owner and an end of the claim",
        select(delivery.id).where(
            delivery.state == "claimed",
            or_(delivery.lease_owner.is_(None), delivery.lease_until.is_(None)),
        ),
    )
    yield (
        "who is mailed has a time for the next digest",
        select(s.id).where(s.state == "active", s.next_due_at.is_(None)),
    )
    yield (
        "who is not mailed has none",
        select(s.id).where(s.state != "active", s.next_due_at.is_not(None)),
    )
    yield (
        "whose digest is planned is mailed",
        select(s.id).join(t.planned, t.planned.c.subscriber_id == s.id).where(s.state != "active"),
    )


def _any(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(1).where(condition))
