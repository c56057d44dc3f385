"""Which authors are followed by their ids, and when the feed of each was asked last."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from notifier.profiles.namesakes import ids_asked
from notifier.profiles.parser import parse
from notifier.storage import tables as t
from notifier.storage.statements import put

# What every id has; most profiles have none, and are not read.
_MAYBE = re.compile(r"\d{4}-\d{4}-|_\d")
_BLOCK = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)


def followed(conn: Connection) -> list[str]:
    """Return the ids of all authors that profiles ask for, of who gets digests.

    Those whose feed was asked longest ago come first, and before them those never asked. A look at
    all profiles with an author in them, so once a round, not once a tick.
    """
    p, s, asked = t.profile.c, t.subscriber.c, t.author_feed.c
    query = (
        select(p.rules)
        .join(t.subscriber, s.id == p.subscriber_id)
        .where(p.enabled, s.state == "active", p.rules.ilike("%author:%"))
        .execution_options(yield_per=_BLOCK)
    )
    found = {one for rules in conn.scalars(query) for one in ids_in(rules)}
    times = dict(conn.execute(select(asked.author, asked.asked_at)).all())
    return sorted(found, key=lambda one: (times.get(one, _NEVER), one))


def ids_in(rules: str) -> set[str]:
    """Return the ids of authors that rules ask for."""
    if not _MAYBE.search(rules):
        return set()
    return {author for _, author in ids_asked(parse(rules))}


def note_asked(conn: Connection, author: str, *, known: bool, now: datetime) -> None:
    """Write down that an author's feed answered, or that there is none."""
    put(conn, t.author_feed, {"author": author, "asked_at": now, "known": known})


def unknown(conn: Connection, authors: Collection[str]) -> dict[str, datetime]:
    """Return which of the ids the service does not know, and when it said so (UTC)."""
    f = t.author_feed.c
    query = select(f.author, f.asked_at).where(f.author.in_(authors), ~f.known)
    return dict(conn.execute(query).all())
