"""Queues of waiting mails: one for each destination with a row of its own, one for all others.

A claim takes the mail that has waited longest at the head of any queue that is open. So it costs a
look at each queue's head, however many mails stand in one that is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from notifier.storage import tables as t
from notifier.storage.columns import Utc
from notifier.storage.pace_rows import COMMON, UNSORTED
from notifier.storage.statements import insert_new
from notifier.storage.store_subscribers import is_suppressed

AT_ONCE = 500
_NOW = bindparam("now", type_=Utc)


def may_be_mailed(subscriber: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a subscriber is active, not paused and not suppressed at the statement's `now`.

    Asked of one mail after the other: PostgreSQL must not look through subscribers for their mails.
    """
    paused = t.subscriber.c.paused_until
    return exists(
        select(t.subscriber.c.id)
        .where(
            t.subscriber.c.id == subscriber,
            t.subscriber.c.state == "active",
            or_(paused.is_(None), paused <= _NOW),
            ~is_suppressed(_NOW),
        )
        .offset(literal_column("0"))  # else it is joined
    )


def _past(time: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(time.is_(None), time <= _NOW)


def _server_is_asked() -> ColumnElement[bool]:
    r = t.relay.c
    closed = or_(r.full_until > _NOW, and_(r.cause != "", ~bindparam("trial", type_=Boolean)))
    return ~exists(select(r.id).where(closed))


def _has_room() -> ColumnElement[bool]:
    """Whether fewer mails of the query's destination are on the wire than it has connections."""
    wired, q = t.delivery.alias("wired"), t.destination.c
    on_the_wire = (
        select(func.count())
        .select_from(wired)
        .where(wired.c.state == "claimed", wired.c.queue == q.name, wired.c.lease_until >= _NOW)
        .scalar_subquery()
        .correlate(t.destination)
    )
    return or_(q.connections.is_(None), q.connections > on_the_wire)


def _waits(waiting: FromClause) -> ColumnElement[bool]:
    """Whether a mail of the table of deliveries may be sent now."""
    w = waiting.c
    return and_(
        w.state == "pending", w.not_before <= _NOW, w.expires_at > _NOW,
        may_be_mailed(w.subscriber_id),
    )  # fmt: skip


def _first(columns: Sequence[str], *order: str) -> Select[Any]:
    """Return the query for the mail at the head of the query's destination.

    Args:
        columns: What is asked of it.
        order: Of the mails in a queue, behind their time.
    """
    waiting = t.delivery.alias("waiting")
    w = waiting.c
    return (
        select(*(w[name] for name in columns))
        .where(w.queue == t.destination.c.name, _waits(waiting))
        .order_by(w.not_before, *(w[name] for name in order))
        .limit(1)
        .correlate(t.destination)
    )


def _is_open() -> ColumnElement[bool]:
    """Whether mails of the query's destination may be sent now."""
    q = t.destination.c
    return and_(
        q.paused_at.is_(None), _past(q.slow_until), _past(q.full_until), _has_room(),
        _server_is_asked(),
    )  # fmt: skip


def _heads() -> Select[Any]:
    """Return the rows of the heads of all open queues, the longest waiting first."""
    head = t.delivery.alias("head")
    return (
        select(head.c.id)
        .join_from(t.destination, head, head.c.id == _first(["id"], "id").scalar_subquery())
        .where(_is_open())
        .order_by(head.c.not_before, head.c.id)
    )


def _next_queue() -> Select[Any]:
    """Return the open queue whose head waits longest.

    Lateral, so that PostgreSQL looks at the head of each queue and never at each mail of one.
    """
    head = _first(["not_before", "id"]).lateral("head")
    return (
        select(t.destination.c.name)
        .join_from(t.destination, head, true())
        .where(_is_open())
        .order_by(head.c.not_before, head.c.id)
        .limit(1)
    )


@cache
def claiming(dialect: str) -> ReturningUpdate[Any]:
    """Return the statement that claims the head of each open queue, at most `limit` of them.

    It returns their rows.

    On PostgreSQL it claims one, of the queue whose head waits longest: the first that nobody else
    claims in this moment. Where others do, there may be more than it finds.

    Made once: to make it costs as much as to run it. Its parameters are `now`, `owner`,
    `lease_until`, `limit` and `trial`.
    """
    d, heads = t.delivery.c, _heads().limit(bindparam("limit"))
    which = _one_that_is_free() if dialect == "postgresql" else d.id.in_(heads)
    return (
        update(t.delivery)
        .where(which)
        .values(
            state="claimed",
            lease_owner=bindparam("owner", type_=String),
            lease_until=bindparam("lease_until", type_=Utc),
            attempts=d.attempts + 1,
        )
        .returning(*d)
    )


def _one_that_is_free() -> ColumnElement[bool]:
    free = t.delivery.alias("free")
    # By the time alone: PostgreSQL would sort the whole queue for the row behind it, which its
    # index does not have.
    found = (
        select(free.c.id)
        .where(free.c.queue == _next_queue().scalar_subquery(), _waits(free))
        .order_by(free.c.not_before)
        .limit(1)
        .with_for_update(of=free, key_share=True, skip_locked=True)
    )
    return t.delivery.c.id == found.scalar_subquery()


def put_back(conn: Connection, row: int) -> None:
    """Undo a claim of this very transaction."""
    d = t.delivery.c
    conn.execute(
        update(t.delivery)
        .where(d.id == row)
        .values(state="pending", lease_owner=None, lease_until=None, attempts=d.attempts - 1)
    )


def unsorted(conn: Connection) -> list[tuple[int, str]]:
    """Return (delivery, address) of waiting mails that stand in no queue yet, some at once."""
    d = t.delivery.c
    query = (
        select(d.id, t.subscriber.c.address)
        .join(t.subscriber, t.subscriber.c.id == d.subscriber_id)
        .where(d.state == "pending", d.queue == UNSORTED)
        .order_by(d.not_before, d.id)
        .limit(AT_ONCE)
    )
    return [(row, address) for row, address in conn.execute(query)]


def sort(conn: Connection, destinations: Mapping[int, str], *, own: Iterable[str]) -> None:
    """Put waiting mails into queues.

    Args:
        destinations: By delivery.
        own: Destinations that have a queue of their own from the first mail on.
    """
    named = set(destinations.values())
    for name in sorted(named & set(own)):
        add(conn, name)
    q = t.destination.c
    queues = {name for name in conn.scalars(select(q.name)) if name in named}
    d = t.delivery.c
    conn.execute(
        update(t.delivery)
        .where(d.id == bindparam("row"))
        .values(destination=bindparam("name"), queue=bindparam("into")),
        [
            {"row": row, "name": name, "into": name if name in queues else COMMON}
            for row, name in destinations.items()
        ],
    )


def part(conn: Connection, destination: str) -> None:
    """Move a destination's mails out of the common queue into its own, some at once."""
    d = t.delivery.c
    common = (
        select(d.id, d.destination)
        .where(d.state == "pending", d.queue == COMMON)
        .order_by(d.not_before, d.id)
        .limit(AT_ONCE)
        .subquery()
    )
    rows = select(common.c.id).where(common.c.destination == destination)
    conn.execute(update(t.delivery).where(d.id.in_(rows)).values(queue=destination))


def add(conn: Connection, name: str) -> None:
    """Give a destination a queue of its own, unless it has one."""
    insert_new(conn, t.destination, [{"name": name, "step": 0, "refusals": [], "reason": ""}])


def unsort(conn: Connection) -> None:
    """Have all waiting mails sorted anew."""
    d = t.delivery.c
    conn.execute(
        update(t.delivery)
        .where(d.state == "pending", d.queue != UNSORTED)
        .values(destination=UNSORTED, queue=UNSORTED)
    )


def forget(conn: Connection, names: Iterable[str]) -> None:
    """Take their queues from destinations, but for those in which a mail waits or is on the wire.

    Their next mails stand in the common queue again.
    """
    q, d = t.destination.c, t.delivery.c
    used = exists(
        select(d.id)
        .where(d.state.in_(("pending", "claimed")), d.queue == q.name)
        .correlate(t.destination)
    )
    conn.execute(delete(t.destination).where(q.name.in_(list(names)), ~used))
