"""Deliveries: claimed by one statement, sent by somebody, recorded here.

The claim itself checks that the subscriber is still active, not paused and not suppressed:
nobody is mailed who left, whatever the code around it believes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from notifier.storage import tables as t
from notifier.storage.columns import Utc
from notifier.storage.statements import chunks
from notifier.storage.store_subscribers import is_suppressed


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until its lease ends; `content` is the mail's bytes."""

    row: int
    digest: str
    subscriber: int
    address: str
    content: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt, and the server's words for it."""

    state: str
    stage: str = ""
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    not_before: datetime | None = None


def _may_be_mailed(now: datetime) -> ColumnElement[bool]:
    paused = t.subscriber.c.paused_until
    return exists(
        select(t.subscriber.c.id).where(
            t.subscriber.c.id == t.delivery.c.subscriber_id,
            t.subscriber.c.state == "active",
            or_(paused.is_(None), paused <= now),
            ~is_suppressed(now),
        )
    )


def claim(
    conn: Connection,
    *,
    owner: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
    takes_over: bool = True,
) -> list[Claimed]:
    """Claim up to `limit` deliveries that are due, the longest waiting first.

    Args:
        takes_over: Also those whose claim ran out, first of all.
    """
    d = t.delivery.c
    # Each is found by an index on its own, in its order; joined by OR all would be sorted.
    waiting = [((d.state == "pending") & (d.not_before <= now), d.not_before)]
    if takes_over:
        waiting.insert(0, ((d.state == "claimed") & (d.lease_until < now), d.lease_until))
    rows: list[int] = []
    for is_waiting, since in waiting:
        if len(rows) < limit:
            found = (
                select(d.id)
                .where(is_waiting, d.expires_at > now, _may_be_mailed(now))
                .order_by(since, d.id)
                .limit(limit - len(rows))
            )
            rows += _claim(conn, found, owner, lease_until)
    return _claimed(conn, rows)


def _claim(
    conn: Connection, found: Select[tuple[int]], owner: str, lease_until: datetime
) -> list[int]:
    if conn.dialect.name == "postgresql":
        found = found.with_for_update(skip_locked=True)
    claimed = (
        update(t.delivery)
        .where(t.delivery.c.id.in_(found))
        .values(
            state="claimed",
            lease_owner=owner,
            lease_until=lease_until,
            attempts=t.delivery.c.attempts + 1,
        )
        .returning(t.delivery.c.id)
    )
    return list(conn.scalars(claimed))


def _claimed(conn: Connection, rows: list[int]) -> list[Claimed]:
    d = t.delivery.c
    query = (
        select(d.id, t.digest.c.key, d.subscriber_id, t.subscriber.c.address,
               t.message.c.content, d.attempts)
        .join(t.digest, t.digest.c.id == d.digest_id)
        .join(t.subscriber, t.subscriber.c.id == d.subscriber_id)
        .join(t.message, t.message.c.digest_id == d.digest_id)
        .where(d.id.in_(rows))
        .order_by(d.id)
    )  # fmt: skip
    return [
        Claimed(row, key, subscriber, address, zlib.decompress(content), attempts)
        for row, key, subscriber, address, content, attempts in conn.execute(query)
    ]


def finish(conn: Connection, row: int, outcome: Outcome, *, owner: str, now: datetime) -> bool:
    """Record what became of a claimed delivery; False when the claim is no longer `owner`'s.

    What the attempt came to is kept in either case.
    """
    d = t.delivery.c
    done = outcome.state not in ("pending", "held")
    values = {
        "state": outcome.state,
        "stage": outcome.stage or None,
        "code": outcome.code or None,
        "enhanced": outcome.enhanced or None,
        "reply": outcome.reply[:500] or None,
        "lease_owner": None,
        "lease_until": None,
        "finished_at": now if done else None,
    }
    if outcome.not_before is not None:
        values["not_before"] = outcome.not_before
    written = conn.execute(
        update(t.delivery)
        .where(d.id == row, d.state == "claimed", d.lease_owner == owner)
        .values(values)
    )
    _note(conn, [row], outcome, now=now)
    return written.rowcount == 1


def release(conn: Connection, row: int, *, owner: str, reason: str, now: datetime) -> None:
    """Give an unsent delivery back, as if it had not been claimed; `reason` is kept."""
    d = t.delivery.c
    here = (d.id == row) & (d.state == "claimed") & (d.lease_owner == owner)
    _note(conn, [row], Outcome("released", "connect", reply=reason), now=now)
    conn.execute(
        update(t.delivery)
        .where(here)
        .values(state="pending", lease_owner=None, lease_until=None, attempts=d.attempts - 1)
    )


def _note(conn: Connection, rows: Sequence[int], outcome: Outcome, *, now: datetime) -> None:
    """Keep what an attempt came to."""
    d = t.delivery.c
    attempt = select(
        d.id, d.attempts, literal(now, Utc), literal(outcome.state), literal(outcome.stage or None),
        literal(outcome.code or None), literal(outcome.enhanced or None),
        literal(outcome.reply[:500] or None),
    )  # fmt: skip
    names = ("delivery_id", "number", "at", "outcome", "stage", "code", "enhanced", "reply")
    for chunk in chunks(rows):
        conn.execute(insert(t.attempt).from_select(names, attempt.where(d.id.in_(chunk))))


def hold_doubtful(conn: Connection, *, now: datetime) -> int:
    """Hold what somebody had claimed and never told the end of; return how many.

    Their mail may have been taken: the process or machine died with it.
    """
    d = t.delivery.c
    rows = list(
        conn.scalars(
            update(t.delivery)
            .where(d.state == "claimed", d.lease_until < now)
            .values(state="held", lease_owner=None, lease_until=None)
            .returning(d.id)
        )
    )
    _note(conn, rows, Outcome("held", "dot", reply="the sending process ended with it"), now=now)
    return len(rows)


def close_stale(conn: Connection, *, now: datetime, takes_over: bool = True) -> tuple[int, int]:
    """End what can no longer be sent; return (expired, dropped).

    A digest that expired unsent gives its papers back: its subscriber's next digest looks at
    them again. One whose subscriber left, or may not be mailed, is dropped.

    Args:
        takes_over: One whose claim ran out is open again; one that is being sent is left alone.
    """
    d = t.delivery.c
    open_: ColumnElement[bool] = d.state == "pending"
    if takes_over:
        open_ |= (d.state == "claimed") & (d.lease_until < now)
    gone = ~exists(
        select(t.subscriber.c.id).where(
            t.subscriber.c.id == d.subscriber_id, t.subscriber.c.state == "active"
        )
    ) | exists(
        select(t.subscriber.c.id).where(t.subscriber.c.id == d.subscriber_id, is_suppressed(now))
    )
    dropped = conn.execute(
        update(t.delivery).where(open_, gone).values(state="dropped", finished_at=now)
    ).rowcount
    expired = list(
        conn.scalars(
            update(t.delivery)
            .where(open_, d.expires_at <= now)
            .values(state="expired", finished_at=now)
            .returning(d.digest_id)
        )
    )
    for digest in expired:
        _give_back(conn, digest)
    return len(expired), dropped


def _give_back(conn: Connection, digest: int) -> None:
    row = conn.execute(
        select(t.digest.c.subscriber_id, t.digest.c.seen_from).where(t.digest.c.id == digest)
    ).one()
    conn.execute(delete(t.digest_paper).where(t.digest_paper.c.digest_id == digest))
    conn.execute(
        update(t.subscriber)
        .where(t.subscriber.c.id == row.subscriber_id, t.subscriber.c.seen > row.seen_from)
        .values(seen=row.seen_from)
    )


def counts(conn: Connection, *, since: datetime) -> dict[str, int]:
    """Return the number of deliveries by state: the open ones, and those ended since a time."""
    d = t.delivery.c
    query = (
        select(d.state, func.count())
        .where(or_(d.finished_at.is_(None), d.finished_at >= since))
        .group_by(d.state)
    )
    return dict(conn.execute(query).all())


def next_attempt(conn: Connection) -> datetime | None:
    """Return when the earliest waiting delivery may be tried."""
    earliest: datetime | None = conn.scalar(
        select(func.min(t.delivery.c.not_before)).where(t.delivery.c.state == "pending")
    )
    return earliest
