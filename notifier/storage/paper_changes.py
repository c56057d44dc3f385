"""Which papers have changed in what rules ask for, and which are gone: numbers that only grow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, update

from notifier.storage import tables as t
from notifier.storage.statements import chunks, last_number, next_numbers

_CHANGE, _REMOVAL = "change", "paper removal"


def note_merge(conn: Connection, into: int) -> None:
    """Write down that a paper is gone and has become part of another."""
    next_numbers(conn, _REMOVAL, 1)
    note(conn, [into])


def note_removals(conn: Connection, papers: int) -> None:
    """Write down that so many papers are gone for good."""
    next_numbers(conn, _REMOVAL, papers)


def note(conn: Connection, rows: Iterable[int]) -> None:
    """Write down that what rules ask for has changed in these papers."""
    distinct = sorted(set(rows))
    number = next_numbers(conn, _CHANGE, 1) if distinct else 0
    for chunk in chunks(distinct):
        conn.execute(update(t.paper).where(t.paper.c.id.in_(chunk)).values(change=number))


def last(conn: Connection) -> int:
    """Return the number of the last commit that changed papers."""
    return last_number(conn, _CHANGE)


def changed(conn: Connection, after: int, *, limit: int) -> tuple[int, list[int]]:
    """Return (last change, rows) of papers changed behind number `after`, in order.

    At least those of one whole commit, and more up to `limit`; (`after`, []) when there is none.
    """
    known = select(t.paper.c.change, t.paper.c.id)
    behind = known.where(t.paper.c.change > after).order_by(t.paper.c.change, t.paper.c.id)
    found = conn.execute(behind.limit(limit)).all()
    if not found:
        return after, []
    last = found[-1].change
    of_last = conn.execute(known.where(t.paper.c.change == last))
    return last, sorted({row.id for row in found} | {row.id for row in of_last})


def removals(conn: Connection) -> int:
    """Return how many papers have become part of others, or were deleted."""
    return last_number(conn, _REMOVAL)


def existing(conn: Connection, rows: Sequence[int]) -> set[int]:
    """Return those of these rows that there still are."""
    out: set[int] = set()
    for chunk in chunks(rows):
        out.update(conn.scalars(select(t.paper.c.id).where(t.paper.c.id.in_(chunk))))
    return out
