"""Which authors are followed by their ids: what profiles that are in use ask for."""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

from notifier.papers.author_id import author_id
from notifier.storage import tables as t

_ASKED = re.compile(r"author:\s*([^\s+|()~^#\"]+)", re.I)
_BLOCK = 10_000


def followed(conn: Connection) -> set[str]:
    """Return the ids of all authors that profiles ask for, of who gets digests.

    A look at all profiles with an author in them, so once a round, not once a tick.
    """
    p, s = t.profile.c, t.subscriber.c
    query = (
        select(p.rules)
        .join(t.subscriber, s.id == p.subscriber_id)
        .where(p.enabled, s.state == "active", p.rules.ilike("%author:%"))
        .execution_options(yield_per=_BLOCK)
    )
    found = set[str]()
    for rules in conn.scalars(query):
        found |= ids_in(rules)
    return found


def ids_in(rules: str) -> set[str]:
    """Return the ids of authors that rules ask for."""
    named = (author_id(match) for match in _ASKED.findall(rules))
    return {one for one in named if one}
