"""Deliveries: claimed by one statement, sent by somebody, recorded here.

The claim itself checks that the subscriber is still active, not paused and not suppressed:
nobody is mailed who left, whatever the code around it believes.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Interval,
    Row,
    Select,
    String,
    Update,
    bindparam,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    update,
)

from notifier.storage import store_events
from notifier.storage import tables as t
from notifier.storage.store_attempts import REPLY_CHARACTERS, Outcome, note
from notifier.storage.store_queues import claiming
from notifier.storage.store_subscribers import is_suppressed

_FIRST = timedelta(seconds=1)
_LOST = "the sending process ended with it"
_DELETED = "its mail was deleted, it cannot be sent"
_UNREADABLE = "its mail cannot be read from the database"
# Made once: each pass asks it twice.
_ANY_OPEN = select(
    exists(select(t.delivery.c.id).where(t.delivery.c.state.in_(("pending", "claimed"))))
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until its lease ends; `content` is the mail's bytes.

    `last`: how the attempt before ended. `is_apart`: its destination has a queue of its own.
    `is_troubled`: something is remembered against its destination or the mail server.
    `is_counted`: no more than a number of mails to its destination are on the wire.
    """

    row: int
    digest: str
    subscriber: int
    address: str
    content: bytes
    attempts: int
    expires_at: datetime
    destination: str
    queue: str
    last: Outcome
    is_apart: bool
    is_troubled: bool
    is_counted: bool


def claim(
    conn: Connection,
    *,
    owner: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
    takes_over: bool = True,
    spared: Collection[int] = (),
    trial: bool = False,
) -> list[Claimed]:
    """Claim up to `limit` deliveries that are due, the longest waiting first.

    None of a destination that is paused, slow or has used up its limit; none at all while the mail
    server's limit is used up, or it is not asked (`trial`: even then). One whose mail is not there
    any more, or cannot be read, has failed, and stands in nobody's way.

    Args:
        takes_over: Also those whose claim ran out, but for the `spared`: see `take_over`.
    """
    if takes_over:
        take_over(conn, now=now, lease_until=lease_until, spared=spared)
    found: list[Claimed] = []
    while len(found) < limit:
        values = {"now": now, "owner": owner, "lease_until": lease_until,
                  "limit": limit - len(found), "trial": trial}  # fmt: skip
        rows = _claimed_rows(conn, values)
        if not rows:
            break
        for row in rows:
            one = _claimed(row)
            if isinstance(one, Outcome):
                finish(conn, row[0], one, owner=owner, now=now)
            else:
                found.append(one)
    return sorted(found, key=attrgetter("row"))


def take_over(
    conn: Connection, *, now: datetime, lease_until: datetime, spared: Collection[int] = ()
) -> int:
    """Let what somebody had claimed and never told the end of wait again; return how many.

    It goes before what has waited as long.

    Args:
        lease_until: No claim lasts longer, whatever the clock was by which it was made.
        spared: Deliveries known to be on the wire, however long ago they seem to be claimed.
    """
    first: dict[str, Any] = {}
    if conn.dialect.name == "postgresql":  # SQLite takes the older row first by itself
        first["not_before"] = t.delivery.c.not_before - literal(_FIRST, Interval())
    rows = _lost(conn, now, lease_until, spared, state="pending", **first)
    note(conn, rows, Outcome("pending", "dot", reply=_LOST), now=now)
    return len(rows)


def _lost(
    conn: Connection,
    now: datetime,
    lease_until: datetime,
    spared: Collection[int],
    **values: Any,
) -> list[int]:
    """Undo claims that ran out, and return whose.

    One made by a clock that was ahead is cut short and not undone: who made it may be sending.
    """
    d = t.delivery.c
    ahead = (d.state == "claimed") & (d.lease_until > lease_until)
    conn.execute(update(t.delivery).where(ahead).values(lease_until=lease_until))
    return list(
        conn.scalars(
            update(t.delivery)
            .where(d.state == "claimed", d.lease_until < now, d.id.not_in(spared))
            .values(lease_owner=None, lease_until=None, **values)
            .returning(d.id)
        )
    )


def _facts(of: FromClause) -> Select[Any]:
    """Return the query for what must be known of deliveries, in their table or just claimed."""
    d, q, r = of.c, t.destination.c, t.relay.c
    server = exists(select(r.id).where(or_(r.cause != "", cast(r.failures, String) != "[]")))
    own = or_(q.step > 0, q.paused_at.is_not(None), cast(q.refusals, String) != "[]")
    return (
        select(d.id, t.digest.c.key, d.subscriber_id, t.subscriber.c.address, t.message.c.content,
               d.attempts, d.expires_at, d.destination, d.queue, d.stage, d.code, d.enhanced,
               d.reply, q.name.is_not(None), func.coalesce(own, false()) | server,
               q.connections.is_not(None))
        .join(t.digest, t.digest.c.id == d.digest_id)
        .join(t.subscriber, t.subscriber.c.id == d.subscriber_id)
        .join(t.message, t.message.c.digest_id == d.digest_id, isouter=True)
        .join(t.destination, q.name == d.destination, isouter=True)
    )  # fmt: skip


@cache
def _facts_of_one() -> Select[Any]:
    return _facts(t.delivery).where(t.delivery.c.id == bindparam("row"))


@cache
def _claiming_with_facts() -> Select[Any]:
    """Both in one statement, which SQLite has not: a way to the server less for each mail."""
    return _facts(claiming("postgresql").cte("claimed"))


def _claimed_rows(conn: Connection, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Claim, and return what must be known of each."""
    if conn.dialect.name == "postgresql":
        return conn.execute(_claiming_with_facts(), values).all()
    rows = conn.scalars(claiming(conn.dialect.name), values).all()
    return [conn.execute(_facts_of_one(), {"row": row}).one() for row in rows]


def _claimed(found: Any) -> Claimed | Outcome:
    """Return what was claimed, or why it cannot be sent."""
    (row, key, subscriber, address, content, attempts, expires_at, destination, queue, stage, code,
     enhanced, reply, apart, troubled, counted) = found  # fmt: skip
    if content is None:
        return Outcome("failed", reply=_DELETED)
    try:
        mail = zlib.decompress(content)
    except zlib.error as error:
        return Outcome("failed", reply=f"{_UNREADABLE} ({error})")
    last = Outcome("pending", stage or "", code or 0, enhanced or "", reply or "")
    return Claimed(
        row, key, subscriber, address, mail, attempts, expires_at, destination,
        queue, last, apart, troubled, counted,
    )  # fmt: skip


@cache
def _finishing() -> Update:
    """The statement, made once: to make it costs as much as to run it."""
    d = t.delivery.c
    names = ("state", "stage", "code", "enhanced", "reply", "finished_at")
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=d[name].type) for name in names}
    not_before = bindparam("new_not_before", type_=d.not_before.type)
    return (
        update(t.delivery)
        .where(d.id == bindparam("row"), d.state == "claimed", d.lease_owner == bindparam("owner"))
        .values(
            **values,
            lease_owner=None,
            lease_until=None,
            not_before=func.coalesce(not_before, d.not_before),
        )
    )


def finish(conn: Connection, row: int, outcome: Outcome, *, owner: str, now: datetime) -> bool:
    """Record what became of a claimed delivery; False when the claim is no longer `owner`'s.

    What the attempt came to is kept in either case.
    """
    done = outcome.state not in ("pending", "held")
    values = {
        "row": row,
        "owner": owner,
        "new_state": outcome.state,
        "new_stage": outcome.stage or None,
        "new_code": outcome.code or None,
        "new_enhanced": outcome.enhanced or None,
        "new_reply": outcome.reply[:REPLY_CHARACTERS] or None,
        "new_finished_at": now if done else None,
        "new_not_before": outcome.not_before,
    }
    kept = conn.execute(_finishing(), values).rowcount == 1
    note(conn, [row], outcome, now=now)
    return kept


def release(conn: Connection, row: int, outcome: Outcome, *, owner: str, now: datetime) -> bool:
    """Give an unsent delivery back, as if it had not been claimed; False as `finish` does.

    What the attempt came to is kept. With `not_before` it goes behind those that wait longer.
    """
    d = t.delivery.c
    values: dict[str, Any] = {
        "state": "pending", "lease_owner": None, "lease_until": None, "attempts": d.attempts - 1,
    }  # fmt: skip
    if outcome.not_before is not None:
        values["not_before"] = outcome.not_before
    note(conn, [row], outcome, now=now)
    here = (d.id == row) & (d.state == "claimed") & (d.lease_owner == owner)
    return conn.execute(update(t.delivery).where(here).values(values)).rowcount == 1


def hold_doubtful(
    conn: Connection, *, now: datetime, lease_until: datetime, look_up_at: datetime | None = None
) -> int:
    """Hold what somebody had claimed and never told the end of; return how many.

    Their mail may have been taken: the process or machine died with it. From `look_up_at` on
    somebody can be asked whether it was. `lease_until`: see `take_over`.
    """
    values = {"not_before": look_up_at} if look_up_at else {}
    rows = _lost(conn, now, lease_until, (), state="held", **values)
    note(conn, rows, Outcome("held", "dot", reply=_LOST), now=now)
    return len(rows)


def stale(
    conn: Connection, *, now: datetime, takes_over: bool = True, spared_owner: str = ""
) -> list[int]:
    """Return the deliveries that can no longer be sent, the oldest first: see `close_stale`."""
    if not is_any_open(conn):
        return []
    d = t.delivery.c
    over = or_(d.expires_at <= now, _is_gone(now))
    query = select(d.id).where(_is_open(now, takes_over, spared_owner), over)
    return list(conn.scalars(query.order_by(d.id)))


def close_stale(
    conn: Connection,
    rows: Sequence[int],
    *,
    now: datetime,
    takes_over: bool = True,
    spared_owner: str = "",
) -> tuple[int, int]:
    """End those of some deliveries that can no longer be sent; return (expired, dropped).

    A digest that expired unsent gives its papers back: its subscriber's next digest looks at
    them again. One whose subscriber left, or may not be mailed, is dropped.

    Args:
        rows: At most as many as one of `statements.chunks`.
        takes_over: One whose claim ran out is open again; one that is being sent is left alone.
        spared_owner: What this process has claimed is left alone in any case.
    """
    d = t.delivery.c
    open_ = d.id.in_(rows) & _is_open(now, takes_over, spared_owner)
    dropped = conn.execute(
        update(t.delivery).where(open_, _is_gone(now)).values(state="dropped", finished_at=now)
    ).rowcount
    expired = list(
        conn.scalars(
            update(t.delivery)
            .where(open_, d.expires_at <= now)
            .values(state="expired", finished_at=now)
            .returning(d.digest_id)
        )
    )
    _give_back(conn, expired)
    return len(expired), dropped


def _is_open(now: datetime, takes_over: bool, spared_owner: str) -> ColumnElement[bool]:
    d = t.delivery.c
    if not takes_over:
        return d.state == "pending"
    lost = (d.state == "claimed") & (d.lease_until < now)
    if spared_owner:
        lost &= ~d.lease_owner.startswith(f"{spared_owner}/", autoescape=True)
    return or_(d.state == "pending", lost)


def _is_gone(now: datetime) -> ColumnElement[bool]:
    """Whether a delivery's subscriber left, or may not be mailed."""
    s = t.subscriber.c
    stays = select(s.id).where(
        s.id == t.delivery.c.subscriber_id, s.state == "active", ~is_suppressed(now)
    )
    return ~exists(stays.correlate(t.delivery))


def is_any_open(conn: Connection) -> bool:
    """Whether a mail waits to be sent, or is being sent."""
    return bool(conn.scalar(_ANY_OPEN))


def give_back_dropped(conn: Connection, subscriber: int, *, since: datetime) -> None:
    """Give the papers of a subscriber's digests back that were dropped since a time (UTC)."""
    d = t.delivery.c
    mine = (d.subscriber_id == subscriber) & (d.state == "dropped") & (d.finished_at >= since)
    _give_back(conn, conn.scalars(select(d.digest_id).where(mine)).all())


def _give_back(conn: Connection, digests: Sequence[int]) -> None:
    g, s, held = t.digest.c, t.subscriber.c, t.digest_paper.c
    since = select(g.subscriber_id, func.min(g.seen_from)).where(g.id.in_(digests))
    back = [
        {"row": row, "since": seen}
        for row, seen in conn.execute(since.group_by(g.subscriber_id)).all()
    ]
    if not back:
        return
    conn.execute(delete(t.digest_paper).where(held.digest_id.in_(digests)))
    store_events.take_back(conn, digests)
    conn.execute(
        update(t.subscriber)
        .where(s.id == bindparam("row"), s.seen > bindparam("since"))
        .values(seen=bindparam("since")),
        back,
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
