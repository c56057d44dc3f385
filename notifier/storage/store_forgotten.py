"""Names of papers that were deleted: one that is shown again is as old as it was, and no news."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, tuple_

from notifier.papers.identity import Alias
from notifier.storage import tables as t
from notifier.storage.statements import chunks, upsert


def keep(conn: Connection, papers: Sequence[int], *, now: datetime) -> None:
    """Keep the names of papers (by their rows) that are deleted in this transaction."""
    names = (t.alias.c.scheme, t.alias.c.value, t.paper.c.first_seen_at)
    for chunk in chunks(papers):
        query = select(*names).join(t.paper, t.paper.c.id == t.alias.c.paper_id)
        rows = [
            {"scheme": scheme, "value": value, "first_seen_at": first, "forgotten_at": now}
            for scheme, value, first in conn.execute(query.where(t.paper.c.id.in_(chunk)))
        ]
        upsert(conn, t.forgotten, rows, ("forgotten_at",))


def known(conn: Connection, names: Iterable[Alias]) -> dict[Alias, datetime]:
    """Return when the deleted papers of these names were first seen (UTC)."""
    f = t.forgotten.c
    wanted = set(names)
    found: dict[Alias, datetime] = {}
    for chunk in chunks(sorted({alias.value for alias in wanted})):
        query = select(f.scheme, f.value, f.first_seen_at).where(
            f.scheme.in_({alias.scheme for alias in wanted}), f.value.in_(chunk)
        )
        for scheme, value, first in conn.execute(query):
            found[Alias(scheme, value)] = first
    return {alias: first for alias, first in found.items() if alias in wanted}


def since(
    forgotten: Mapping[Alias, datetime], known: Container[Alias], names: Sequence[Alias]
) -> datetime | None:
    """Return when a paper of these names was first seen that was deleted and not known since."""
    if any(name in known for name in names):
        return None
    return min((forgotten[name] for name in names if name in forgotten), default=None)


def remember(conn: Connection, names: Iterable[Alias]) -> None:
    """Let names be those of papers again."""
    for name in names:
        mine = (t.forgotten.c.scheme == name.scheme) & (t.forgotten.c.value == name.value)
        conn.execute(delete(t.forgotten).where(mine))


def count_old(conn: Connection, *, before: datetime) -> int:
    """Return how many names are of papers deleted before a time (UTC)."""
    f = t.forgotten.c.forgotten_at
    return conn.scalar(select(func.count()).select_from(t.forgotten).where(f < before)) or 0


def oldest(conn: Connection) -> datetime | None:
    """Return when the first paper was deleted whose name is kept (UTC)."""
    found: datetime | None = conn.scalar(select(func.min(t.forgotten.c.forgotten_at)))
    return found


def forget_some(conn: Connection, *, before: datetime, limit: int) -> int:
    """Delete so many names of papers deleted before a time (UTC), those first; return how many."""
    f = t.forgotten.c
    old = select(f.scheme, f.value).where(f.forgotten_at < before).order_by(f.forgotten_at)
    mine = tuple_(f.scheme, f.value).in_(old.limit(limit))
    return conn.execute(delete(t.forgotten).where(mine)).rowcount
