"""How destinations and the mail server stand, and what was taken for sending when.

Rows as they are: what they mean is decided in `delivery`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, tuple_, update

from notifier.storage import tables as t
from notifier.storage.pace_rows import COMMON, UNSORTED
from notifier.storage.statements import insert_new, upsert
from notifier.storage.store_queues import add

_SERVER = 1
_POLICY = "5.7.%"


def destination(conn: Connection, name: str) -> Mapping[str, Any]:
    """Return a destination's row; {} where it has none."""
    row = conn.execute(select(t.destination).where(t.destination.c.name == name)).one_or_none()
    return dict(row._mapping) if row else {}


def destinations(conn: Connection) -> list[Mapping[str, Any]]:
    """Return the rows of all destinations that have one, by name."""
    q = t.destination
    query = select(q).where(q.c.name.not_in([UNSORTED, COMMON])).order_by(q.c.name)
    return [dict(row._mapping) for row in conn.execute(query)]


def put_destination(conn: Connection, name: str, **values: Any) -> None:
    """Write columns of a destination, which has a queue of its own from now on."""
    add(conn, name)
    conn.execute(update(t.destination).where(t.destination.c.name == name).values(**values))


def server(conn: Connection) -> Mapping[str, Any]:
    """Return the mail server's row; {} where nothing was ever noted."""
    row = conn.execute(select(t.relay)).one_or_none()
    return dict(row._mapping) if row else {}


def put_server(conn: Connection, **values: Any) -> None:
    """Write columns of the mail server's row."""
    fresh = {
        "id": _SERVER, "cause": "", "reason": "", "step": 0, "failures": [], "settings": "",
        "sorted_by": "",
    }  # fmt: skip
    insert_new(conn, t.relay, [fresh])
    conn.execute(update(t.relay).values(**values))


def waiting(conn: Connection) -> dict[str, int]:
    """Return the number of waiting mails by queue."""
    d = t.delivery.c
    query = select(d.queue, func.count()).where(d.state == "pending").group_by(d.queue)
    return dict(conn.execute(query).all())


def opens_at(conn: Connection, *, now: datetime) -> datetime | None:
    """Return the soonest end of a limit that holds back mails that are due; None: none does."""
    d, q = t.delivery.c, t.destination.c
    due = (
        select(d.id)
        .where(d.state == "pending", d.queue == q.name, d.not_before <= now, d.expires_at > now)
        .correlate(t.destination)
        .exists()
    )
    whole = conn.scalar(select(t.relay.c.full_until).where(t.relay.c.full_until > now))
    query = select(q.full_until).where(
        q.paused_at.is_(None), or_(q.slow_until.is_(None), q.slow_until <= now), due
    )
    ends = [max(filter(None, (own, whole)), default=now) for own in conn.scalars(query)]
    return min((end for end in ends if end > now), default=None)


def taken(conn: Connection, scopes: Iterable[str]) -> dict[tuple[str, int], dict[int, int]]:
    """Return the mails taken by (scope, seconds) and part."""
    c = t.taken.c
    found: dict[tuple[str, int], dict[int, int]] = {}
    query = select(c.scope, c.seconds, c.part, c.mails).where(c.scope.in_(list(scopes)))
    for scope, seconds, part, mails in conn.execute(query):
        found.setdefault((scope, seconds), {})[part] = mails
    return found


def put_taken(conn: Connection, mails: Mapping[tuple[str, int, int], int]) -> None:
    """Write what was taken, by (scope, seconds, part); none at all forgets the part."""
    key = t.taken.c.scope, t.taken.c.seconds, t.taken.c.part
    gone = [of for of, number in mails.items() if not number]
    if gone:
        conn.execute(delete(t.taken).where(tuple_(*key).in_(gone)))
    rows = [
        {"scope": scope, "seconds": seconds, "part": part, "mails": number}
        for (scope, seconds, part), number in mails.items()
        if number
    ]
    upsert(conn, t.taken, rows, ("mails",))


def try_refused_again(conn: Connection, name: str, *, now: datetime) -> int:
    """Let a destination's mails that were refused by policy be tried at once; return how many."""
    d = t.delivery.c
    return conn.execute(
        update(t.delivery)
        .where(d.state == "pending", d.destination == name, d.enhanced.like(_POLICY))
        .values(not_before=now, stage=None, code=None, enhanced=None)
    ).rowcount
