"""Up to which change of papers the profiles are matched: a mark for each part of them.

A mark stays true whoever sets others: how many parts there are may change at any time, and nothing
is matched twice or forgotten for it.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from notifier.storage import paper_changes
from notifier.storage import tables as t
from notifier.storage.part import ALL, Part, reached
from notifier.storage.statements import set_number

_MARK = "matched change"


def mark(conn: Connection, part: Part = ALL) -> int:
    """Return the last change of papers that was matched with all profiles of a part."""
    return reached(_marks(conn), part)


def highest(conn: Connection) -> int:
    """Return the last change of papers that was matched with any part."""
    return max(_marks(conn).values(), default=0)


def is_current(conn: Connection) -> bool:
    """Whether every change of papers is matched with all profiles."""
    return mark(conn) >= paper_changes.last(conn)


def set_mark(conn: Connection, number: int, part: Part = ALL) -> None:
    """Write down that changes up to `number` are matched with a part, unless more are."""
    marks = _marks(conn)
    if reached(marks, part) >= number:
        return
    set_number(conn, _name(part), number)
    marks[part] = number
    all_reached = reached(marks, ALL)
    of_no_use = [_name(one) for one, known in marks.items() if known < all_reached]
    conn.execute(delete(t.counter).where(t.counter.c.name.in_(of_no_use)))


def _marks(conn: Connection) -> dict[Part, int]:
    name, value = t.counter.c.name, t.counter.c.value
    found = conn.execute(select(name, value).where(name.startswith(_MARK, autoescape=True)))
    return {_part(row.name): row.value for row in found}


def _name(part: Part) -> str:
    return _MARK if part == ALL else f"{_MARK} {part.number}/{part.of}"


def _part(name: str) -> Part:
    numbers = name.removeprefix(_MARK).strip()
    return Part(*map(int, numbers.split("/"))) if numbers else ALL
