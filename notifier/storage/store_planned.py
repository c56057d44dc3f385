"""Digests that are planned: due and not written yet. Claimed by one statement, written by anybody.

Whoever takes the row away writes the digest, in the same transaction: so it is written once,
however many try, and by whatever clock they believe that it is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    FromClause,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from notifier.profiles.profile import Subscriber
from notifier.storage import store_due, store_subscribers
from notifier.storage import tables as t
from notifier.storage.columns import Utc
from notifier.storage.statements import among, chunks

# Made once: each pass asks it.
_ANY_DUE = select(
    exists(
        select(t.planned.c.subscriber_id).where(t.planned.c.due_at <= bindparam("now", type_=Utc))
    )
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Digests that are ours to write: of whom; `unreadable` are rows that cannot be read."""

    readable: list[Subscriber]
    unreadable: list[int]


def add(conn: Connection, rows: Sequence[int], *, now: datetime) -> None:
    """Plan the digests of subscribers at their time, of those that are not planned already."""
    s, p = t.subscriber.c, t.planned.c
    due = select(s.id, s.next_due_at, literal(now, Utc), s.next_due_at, literal(0)).where(
        among(conn, s.id, rows)
    )
    kind = postgresql if conn.dialect.name == "postgresql" else sqlite
    names = [column.name for column in (p.subscriber_id, p.due_at, p.planned_at, p.not_before,
                                        p.failures)]  # fmt: skip
    new = kind.insert(t.planned).from_select(names, due)
    conn.execute(new.on_conflict_do_nothing())


def _is_open(table: FromClause, now: datetime) -> ColumnElement[bool]:
    """Whether it may be written by whoever claims it."""
    p = table.c
    return (p.not_before <= now) & or_(p.lease_until.is_(None), p.lease_until <= now)


def claim(
    conn: Connection,
    *,
    owner: str,
    now: datetime,
    due_by: datetime,
    lease_until: datetime,
    limit: int,
    rows: Sequence[int] | None = None,
) -> list[int]:
    """Claim up to `limit` that may be written, those due longest first; return whose they are.

    May be done beside others who do so.

    Args:
        due_by: The time by which they are to be written; who was due later is left to others.
        rows: Only of these subscribers.
    """
    p, open_ = t.planned.c, t.planned.alias("open")
    found = select(open_.c.subscriber_id).where(_is_open(open_, now), open_.c.due_at <= due_by)
    if rows is not None:
        found = found.where(among(conn, open_.c.subscriber_id, rows))
    found = found.order_by(open_.c.due_at).limit(limit)
    here: ColumnElement[bool] = p.subscriber_id.in_(found)
    if conn.dialect.name == "postgresql":
        # As an array it is found once; joined, it might be looked for again, and more be claimed.
        free = found.with_for_update(skip_locked=True)
        here = p.subscriber_id == func.any(func.array(free.scalar_subquery()))
    claiming = update(t.planned).where(here).values(lease_owner=owner, lease_until=lease_until)
    return sorted(conn.scalars(claiming.returning(p.subscriber_id)))


def read(conn: Connection, rows: Sequence[int]) -> Claimed:
    """Return the subscribers of these rows."""
    query = select(t.subscriber).where(among(conn, t.subscriber.c.id, rows))
    try:
        found = [store_subscribers.from_row(row) for row in conn.execute(query)]
    except (TypeError, ValueError):  # of one row: it must not hide the others
        return _one_by_one(conn, rows)
    return Claimed(found, [])


def _one_by_one(conn: Connection, rows: Sequence[int]) -> Claimed:
    claimed = Claimed([], [])
    for row in rows:
        try:
            found = store_subscribers.get(conn, row)
        except (TypeError, ValueError):
            claimed.unreadable.append(row)
        else:
            claimed.readable.extend([found] if found else [])
    return claimed


def end(conn: Connection, drafted: Subscriber, *, owner: str) -> bool:
    """Take a digest away that is written in the same transaction, or not to be written now.

    False: the claim is no longer `owner`'s, or the subscriber is not as they were when it was
    drafted. Then nothing is changed, and the draft is worth nothing.
    """
    values = store_due.read_values(drafted) | {"owner": owner}
    return conn.execute(_ending(), values).rowcount > 0


@cache
def _ending() -> Delete:
    """The statement, made once: to make it costs more than to run it."""
    p = t.planned.c
    is_ours = (p.subscriber_id == bindparam("row")) & (p.lease_owner == bindparam("owner"))
    return delete(t.planned).where(is_ours, _is_as_read())


def drop(conn: Connection, rows: Sequence[int], *, owner: str) -> None:
    """Take digests away of those who are not mailed any more."""
    s = t.subscriber.c
    is_mailed = exists(select(s.id).where(s.id == t.planned.c.subscriber_id, s.state == "active"))
    conn.execute(delete(t.planned).where(_is_ours(rows, owner), ~is_mailed))


def put_off(
    conn: Connection, row: int, drafted: Subscriber | None, *, owner: str, to: datetime
) -> bool:
    """Have a digest that could not be written tried again; False as `end` does.

    Args:
        drafted: As its subscriber was read, where they can be.
    """
    p = t.planned.c
    later = (
        update(t.planned)
        .where(_is_ours([row], owner))
        .values(not_before=to, lease_owner=None, lease_until=None, failures=p.failures + 1)
    )
    if drafted is None:
        return conn.execute(later).rowcount > 0
    later = later.where(_is_as_read())
    return conn.execute(later, store_due.read_values(drafted)).rowcount > 0


def give_back(conn: Connection, rows: Sequence[int], *, owner: str, now: datetime) -> None:
    """Let others write what was claimed and not written: the claim ends now."""
    for some in chunks(rows):
        free = update(t.planned).where(_is_ours(some, owner))
        conn.execute(free.values(lease_owner=None, lease_until=now))


def _is_ours(rows: Sequence[int], owner: str) -> ColumnElement[bool]:
    p = t.planned.c
    return p.subscriber_id.in_(rows) & (p.lease_owner == owner)


def _is_as_read() -> ColumnElement[bool]:
    return exists(select(t.subscriber.c.id).where(store_due.is_as_read()))


def is_any(conn: Connection, *, now: datetime) -> bool:
    """Whether any is planned that was due at `now`; answered at once."""
    return bool(conn.scalar(_ANY_DUE, {"now": now}))


def count(conn: Connection) -> int:
    """Return how many are planned."""
    return conn.scalar(select(func.count()).select_from(t.planned)) or 0


def waiting(conn: Connection, *, now: datetime, rows: Sequence[int] | None = None) -> int:
    """Return how many may be written now, of all or of these subscribers."""
    query = select(func.count()).select_from(t.planned).where(_is_open(t.planned, now))
    if rows is not None:
        query = query.where(among(conn, t.planned.c.subscriber_id, rows))
    return conn.scalar(query) or 0


def failing(conn: Connection) -> int:
    """Return how many could not be written yet, and are tried again."""
    query = select(func.count()).select_from(t.planned).where(t.planned.c.failures > 0)
    return conn.scalar(query) or 0


def left_over(
    conn: Connection, *, now: datetime, planned_before: datetime | None, limit: int
) -> list[int]:
    """Return whose digests may be written and are nobody's work, those due longest first: once
    claimed and not written, or planned before a time and never claimed (None: not these).
    """
    p = t.planned.c
    was_claimed = p.lease_until.is_not(None)
    is_left = (
        was_claimed if planned_before is None else was_claimed | (p.planned_at <= planned_before)
    )
    query = select(p.subscriber_id).where(_is_open(t.planned, now), is_left)
    return list(conn.scalars(query.order_by(p.due_at).limit(limit)))


def plan_again(conn: Connection, rows: Sequence[int], *, now: datetime) -> None:
    """Have what is left over of these subscribers be as if it was planned now."""
    again = update(t.planned).where(among(conn, t.planned.c.subscriber_id, rows))
    again = again.where(_is_open(t.planned, now))
    conn.execute(again.values(planned_at=now, lease_owner=None, lease_until=None))


def next_due(conn: Connection, subscriber: Subscriber) -> datetime | None:
    """Return when a subscriber's digest is due that comes next, planned or not."""
    return due_since(conn, subscriber.row) or subscriber.next_due_at


def due_since(conn: Connection, row: int) -> datetime | None:
    """Return since when a subscriber's digest is due that is planned and not written."""
    found: datetime | None = conn.scalar(
        select(t.planned.c.due_at).where(t.planned.c.subscriber_id == row)
    )
    return found
