"""Up to which change of papers the profiles are matched: a mark for each part of them.

A mark stays true whoever sets others: how many parts there are may change at any time, and nothing
is matched twice or forgotten for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from notifier.storage import paper_changes
from notifier.storage import tables as t
from notifier.storage.part import ALL, Part, reached
from notifier.storage.statements import set_number

TOKEN_BITS = 20
_MARK, _BEGUN = "matched change", "matching change"


def mark(conn: Connection, part: Part = ALL) -> int:
    """Return the last change of papers that was matched with all profiles of a part."""
    return reached(_marks(conn), part)


def highest(conn: Connection) -> int:
    """Return the last change of papers that was matched with any part."""
    return max(_marks(conn).values(), default=0)


def is_current(conn: Connection, part: Part = ALL, *, upto: int | None = None) -> bool:
    """Whether every change of papers, or every one up to `upto`, is matched with all profiles."""
    return mark(conn, part) >= (paper_changes.last(conn) if upto is None else upto)


def set_mark(conn: Connection, number: int, part: Part = ALL) -> None:
    """Write down that changes up to `number` are matched with a part, unless more are."""
    marks = _marks(conn)
    if reached(marks, part) >= number:
        return
    set_number(conn, _name(_MARK, part), number)
    marks[part] = number
    all_reached = reached(marks, ALL)
    _forget(conn, _MARK, [one for one, known in marks.items() if known < all_reached])
    begun = _marks(conn, _BEGUN).items()
    _forget(conn, _BEGUN, [one for one, by in begun if by >> TOKEN_BITS <= all_reached])


def begin(conn: Connection, number: int, part: Part, token: int) -> bool:
    """Say that changes up to `number` are being matched with a part; return whether nobody else has
    said so since, or before: then there is nothing that must not be written over.

    Two may match the same, or one that was killed have left something.

    Args:
        token: Whose, of `TOKEN_BITS`: others have another one.
    """
    begun, ours = _marks(conn, _BEGUN), number << TOKEN_BITS | token
    others = [by >> TOKEN_BITS for one, by in begun.items() if by != ours and one.meets(part)]
    if begun.get(part) != ours and begun.get(part, 0) >> TOKEN_BITS <= number:
        set_number(conn, _name(_BEGUN, part), ours)
    return all(other < number for other in others)


def _marks(conn: Connection, kind: str = _MARK) -> dict[Part, int]:
    name, value = t.counter.c.name, t.counter.c.value
    found = conn.execute(select(name, value).where(name.startswith(kind, autoescape=True)))
    return {_part(kind, row.name): row.value for row in found}


def _forget(conn: Connection, kind: str, parts: Iterable[Part]) -> None:
    names = [_name(kind, one) for one in parts]
    conn.execute(delete(t.counter).where(t.counter.c.name.in_(names)))


def _name(kind: str, part: Part) -> str:
    return kind if part == ALL else f"{kind} {part.number}/{part.of}"


def _part(kind: str, name: str) -> Part:
    numbers = name.removeprefix(kind).strip()
    return Part(*map(int, numbers.split("/"))) if numbers else ALL
