"""What became of the subscribers of a week: counts, and what was deleted is counted still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, TypeAlias, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    case,
    false,
    func,
    literal,
    select,
)

from notifier.storage import tables as t
from notifier.storage.statements import add_counts

Became: TypeAlias = Literal["active", "paused", "left", "bounced", "complained"]
BECAME: tuple[Became, ...] = ("active", "paused", "left", "bounced", "complained")
COMPLAINT = "complaint"
WEEK = timedelta(days=7)


def week_of(moment: datetime) -> date:
    """Return the Monday with which a moment's week began (UTC; ISO 8601)."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def counts(
    conn: Connection, mondays: Sequence[date], *, now: datetime
) -> dict[tuple[date, Became], int]:
    """Return how many confirmed in each of these weeks, by what became of them; one statement.

    Who confirmed anew counts in the week of that. The deleted are among them.
    """
    s = t.subscriber.c
    week = case(
        *((_within(monday), literal(monday.isoformat())) for monday in mondays), else_=None
    ).label("week")
    became = _became(now).label("became")
    query = (
        select(week, became, func.count())
        .select_from(_with_suppressions())
        .where(s.confirmed_at >= _midnight(min(mondays)))
        .group_by("week", "became")
    )
    found = Counter[tuple[date, Became]]()
    for monday, what, number in [*conn.execute(query), *conn.execute(select(t.departed))]:
        if monday is not None:
            found[date.fromisoformat(monday), cast(Became, what)] += number
    wanted = set(mondays)
    return {key: number for key, number in found.items() if key[0] in wanted}


def depart(conn: Connection, row: int) -> None:
    """Count a subscriber who is about to be deleted, if they ever confirmed."""
    s = t.subscriber.c
    query = select(s.confirmed_at, _became(None)).select_from(_with_suppressions())
    confirmed_at, became = conn.execute(query.where(s.id == row)).one_or_none() or (None, "")
    if confirmed_at is None:
        return
    gone = became if became in ("bounced", "complained") else "left"
    values: Mapping[str, object] = {
        "week": week_of(confirmed_at).isoformat(), "became": gone, "subscribers": 1,
    }  # fmt: skip
    add_counts(conn, t.departed, [values], "subscribers")


def _with_suppressions() -> FromClause:
    return t.subscriber.outerjoin(t.suppression, t.suppression.c.address == t.subscriber.c.address)


def _became(now: datetime | None) -> ColumnElement[str]:
    """What became of a subscriber, at a time or (None) for good."""
    s, no = t.subscriber.c, t.suppression.c
    is_stopped: ColumnElement[bool] = no.address.is_not(None) & no.until.is_(None)
    is_paused: ColumnElement[bool] = false()
    if now is not None:
        is_stopped |= no.until > now
        is_paused = s.paused_until > now
    return case(
        (is_stopped & (no.reason == COMPLAINT), literal("complained")),
        (s.state == "left", literal("left")),
        (is_stopped, literal("bounced")),
        (is_paused, literal("paused")),
        else_=literal("active"),
    )


def _within(monday: date) -> ColumnElement[bool]:
    begins = _midnight(monday)
    confirmed_at = t.subscriber.c.confirmed_at
    return (confirmed_at >= begins) & (confirmed_at < begins + WEEK)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
