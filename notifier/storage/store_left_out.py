"""What was left out so that everybody else goes on: a paper, a profile, a template of one's own, or
a subscriber whose digest could not be made.

Kept is when it was last met, so what is mended is told no more after a while.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, delete, select

from notifier.storage import tables as t
from notifier.storage.statements import upsert

Kind: TypeAlias = Literal["paper", "profile", "template", "subscriber"]

_PREFIX = "left out: "


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`name` is a template's, a paper's id, or the row of a profile or subscriber.

    `at`: when it was last met (UTC).
    """

    kind: str
    name: str
    at: datetime


def note(conn: Connection, kind: Kind, names: Iterable[object], *, now: datetime) -> None:
    """Write down that these could not be worked with."""
    rows = [{"name": f"{_PREFIX}{kind} {name}", "value": int(now.timestamp())} for name in names]
    upsert(conn, t.counter, rows, ("value",))


def since(conn: Connection, since: datetime) -> list[LeftOut]:
    """Return what was left out since a time (UTC)."""
    c = t.counter.c
    found = select(c.name, c.value).where(
        c.name.startswith(_PREFIX), c.value >= int(since.timestamp())
    )
    out = []
    for written, value in conn.execute(found.order_by(c.name)):
        kind, _, name = written.removeprefix(_PREFIX).partition(" ")
        if kind == "paper":
            name = conn.scalar(select(t.paper.c.key).where(t.paper.c.id == int(name))) or name
        out.append(LeftOut(kind, name, datetime.fromtimestamp(value, UTC)))
    return out


def forget(conn: Connection, *, before: datetime) -> None:
    """Delete what was last met before a time (UTC)."""
    c = t.counter.c
    old = c.name.startswith(_PREFIX) & (c.value < int(before.timestamp()))
    conn.execute(delete(t.counter).where(old))
