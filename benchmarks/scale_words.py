"""Numbers of a plan in words: two digits that count, in a unit that suits; and tables of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log10


def markdown(rows: Iterator[Sequence[str]]) -> str:
    """Return rows as a table, the first as its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * (lines[0].count(" | ") + 1))
    return "\n".join(lines)


def two(value: float) -> str:
    """Two digits that count."""
    if not value:
        return "0"
    digits = max(0, 1 - int(log10(abs(value)) // 1))
    return f"{round(value, 1 - int(log10(abs(value)) // 1)):,.{digits}f}"


def whole(value: float) -> str:
    return two(value) if value >= 10 else f"{value:,.1f}"


def size_of(size: float) -> str:
    for unit, one in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= one:
            return f"{two(size / one)} {unit}"
    return f"{two(size / 1e3)} kB"


def time_of(seconds: float) -> str:
    for unit, one in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= one:
            return f"{two(seconds / one)} {unit}"
    return f"{two(1e3 * seconds)} ms"
