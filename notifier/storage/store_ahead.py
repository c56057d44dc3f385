"""What was written down by a clock that was ahead, and has been set back since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, or_, select, update

from notifier.storage import tables as t
from notifier.storage.statements import last_time, raise_time, set_time

_CLOCK = "clock was at"
# No schedule has a longer break than a week, but for a date that a zone left out.
_FAR = timedelta(days=15)
# No mail is put off for longer (see `delivery.backoff`).
_LONGEST = timedelta(hours=8)
# No digest is left to one process for longer, or put off for longer (`engine.lease_seconds`).
_LONGEST_CLAIM = timedelta(hours=1)


def clock_was_at(conn: Connection) -> datetime:
    """Return the latest time (UTC) by which somebody was planned since a clock was set back."""
    return last_time(conn, _CLOCK)


def note_clock(conn: Connection, now: datetime) -> None:
    """Write down that somebody is planned by `now`, where nothing later is written.

    May be done beside others who do so: the latest stays.
    """
    if last_time(conn, _CLOCK) < now.replace(microsecond=0):
        raise_time(conn, _CLOCK, now)


def set_clock_back(conn: Connection, now: datetime) -> None:
    """Write down that what was planned by a time ahead is seen to."""
    set_time(conn, _CLOCK, now)


def bring_mails_forward(conn: Connection, *, now: datetime) -> None:
    """Let mails, letters and posts be tried now that wait for a time that is not to come soon."""
    d, x, p = t.delivery.c, t.letter.c, t.post.c
    made_ahead = select(t.digest.c.id).where(t.digest.c.composed_at > now)
    for table, here, digest in (
        (t.delivery, (d.state == "pending") & (d.not_before > now), d.digest_id),
        (t.post, (p.state == "pending") & (p.not_before > now), p.digest_id),
    ):
        late = or_(digest.in_(made_ahead), table.c.not_before > now + _LONGEST)
        conn.execute(update(table).where(here, late).values(not_before=now))
    ahead = (x.state == "waiting") & or_(x.made_at > now, x.not_before > now + _LONGEST)
    conn.execute(update(t.letter).where(ahead).values(not_before=now))


def bring_plans_forward(conn: Connection, *, now: datetime) -> None:
    """Let digests that are planned be written now that wait for a time that is not to come soon; a
    claim until then is nobody's."""
    p = t.planned.c
    late = p.not_before > now + _LONGEST_CLAIM
    conn.execute(update(t.planned).where(late).values(not_before=now))
    ahead = update(t.planned).where(p.lease_until > now + _LONGEST_CLAIM)
    conn.execute(ahead.values(lease_owner=None, lease_until=now))


def take_plan_back(conn: Connection, row: int, *, now: datetime) -> None:
    """Plan a subscriber's digest no more that is not due yet; one that is stays planned."""
    p = t.planned.c
    ahead = (p.subscriber_id == row) & (p.planned_at > now)
    conn.execute(delete(t.planned).where(ahead, p.due_at > now))
    conn.execute(update(t.planned).where(ahead).values(planned_at=now))


def subscribers(conn: Connection, *, now: datetime, after_row: int, limit: int) -> Sequence[int]:
    """Return rows behind `after_row` of active subscribers who may have been put off."""
    s = t.subscriber.c
    had_one = s.id.in_(select(t.digest.c.subscriber_id).where(t.digest.c.composed_at > now))
    is_planned = s.id.in_(select(t.planned.c.subscriber_id).where(t.planned.c.planned_at > now))
    query = (
        select(s.id)
        .where(s.state == "active", s.id > after_row, s.next_due_at > now)
        .where(or_(had_one, is_planned, s.next_due_at > now + _FAR))
        .order_by(s.id)
        .limit(limit)
    )
    return conn.scalars(query).all()


def seen_before(conn: Connection, row: int, *, now: datetime, since: datetime) -> int | None:
    """Return up to where a subscriber's papers had been looked at before a clock leapt ahead.

    Of digests made `since` then, behind the last one that was made by `now`; None where none was.
    """
    d = t.digest.c
    last = select(func.max(d.id)).where(d.subscriber_id == row, d.composed_at <= now)
    behind = d.id > func.coalesce(last.scalar_subquery(), 0)
    ahead = (d.subscriber_id == row) & (d.composed_at > since) & behind
    found: int | None = conn.scalar(select(func.min(d.seen_from)).where(ahead))
    return found
