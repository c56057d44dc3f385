"""All profiles as one index: which clauses each has, with what weight.

Pure. Made once and then changed in place, profile by profile. A profile takes some 100 bytes and
its share of the distinct clauses (docs/matching.md has the figures); what a changed profile leaves
behind is cleared away when it is more than what is in use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.clauses import Clauses
from notifier.profiles.matching.columns import Array, Column, Held
from notifier.profiles.matching.concordance import spread
from notifier.profiles.matching.lines import NEVER, Asked, Lines
from notifier.profiles.matching.many import Many, is_plain
from notifier.profiles.matching.table import Ints
from notifier.profiles.parser import parse

_LITTLE = 100_000


class Entry(NamedTuple):
    """A rule of a profile: its clause, its line, its weight in hundredths (`NEVER`: excludes).

    `trend` is true for a rule that asks for what is trending.
    """

    clause: int
    line: int
    weight: int
    trend: bool


@dataclass(frozen=True, slots=True)
class Arrays:
    """Slot n has `counts[n]` entries from `firsts[n]` on, never-rules first."""

    rows: NDArray[np.int64]
    firsts: NDArray[np.int64]
    counts: Ints
    clauses: Ints
    lines: NDArray[np.int16]
    weights: NDArray[np.int16]
    trends: NDArray[np.int8]


class Compiled:
    """Profiles by row, with their rules; lines in error take no part."""

    def __init__(self, held: Held | None = None) -> None:
        """Begin with nothing, or with what `held` gave, which may be changed."""
        self.clauses = Clauses(held)

        def column(name: str, kind: Any) -> Column:
            return Column(kind, held[name] if held else None)

        self._rows, self._firsts = column("rows", np.int64), column("firsts", np.int64)
        self._counts, self._clauses = column("counts", np.int32), column("clauses", np.int32)
        self._places, self._weights = column("lines", np.int16), column("weights", np.int16)
        self._trends = column("trends", np.int8)
        rows = self._rows.array
        taken = np.flatnonzero(rows >= 0)
        self._slots = dict(zip(rows[taken].tolist(), taken.tolist(), strict=True))
        self._free = np.flatnonzero(rows < 0).tolist()
        self._left = len(self._clauses) - int(self._counts.array.sum())
        self._lines = Lines(self.clauses)

    def held(self) -> dict[str, Array]:
        """Return the arrays that hold all of it, by name."""
        now = self.arrays()
        own = {field.name: getattr(now, field.name) for field in fields(now)}
        return self.clauses.held() | own

    def __len__(self) -> int:
        return len(self._slots)

    def rows(self) -> set[int]:
        """Return the rows of the profiles that are here."""
        return set(self._slots)

    def put(self, row: int, text: str) -> None:
        """Take in a profile's rules as typed, new or changed."""
        entries = self._entries(text)
        slot = self._slot(row)
        self._left += self._counts[slot]
        self._firsts[slot], self._counts[slot] = len(self._clauses), len(entries)
        self._clauses.extend([entry.clause for entry in entries])
        self._places.extend([entry.line for entry in entries])
        self._weights.extend([entry.weight for entry in entries])
        self._trends.extend([entry.trend for entry in entries])
        if self._left > max(_LITTLE, len(self._clauses) // 2):
            self._clear_away()

    def put_all(self, profiles: Iterable[tuple[int, str]]) -> dict[int, Exception]:
        """Take in many profiles at once, of distinct rows: as `put`, one after the other.

        Returns:
            The rows that could not be taken in, and why; they are not here.
        """
        many, others = Many.of(profiles, self._slots, self._lines)
        first = len(self._rows)
        self._slots.update(zip(many.rows, range(first, first + len(many.rows)), strict=True))
        self._firsts.extend(np.cumsum(many.counts) - many.counts + len(self._clauses))
        self._rows.extend(many.rows)
        self._counts.extend(many.counts)
        self._clauses.extend(many.clauses)
        self._places.extend(many.lines)
        self._weights.extend(many.weights)
        self._trends.extend(many.trends)
        return self.put_each(others)

    def put_each(self, profiles: Iterable[tuple[int, str]]) -> dict[int, Exception]:
        """The same, one by one; rows may be here already."""
        broken: dict[int, Exception] = {}
        for row, text in profiles:
            try:
                self.put(row, text)
            except Exception as error:  # of one profile: it must not stop the others
                broken[row] = error
                self.remove(row)
        return broken

    def forget_lines(self) -> None:
        """Let go of the lines that were read, which only make taking in very many faster."""
        self._lines.forget()

    def remove(self, row: int) -> None:
        """Forget a profile; one that is not here changes nothing."""
        slot = self._slots.pop(row, None)
        if slot is not None:
            self._left += self._counts[slot]
            self._rows[slot], self._counts[slot] = -1, 0
            self._free.append(slot)

    def _slot(self, row: int) -> int:
        slot = self._slots.get(row)
        if slot is None:
            if self._free:
                slot = self._free.pop()
            else:
                slot = len(self._rows)
                for column in (self._rows, self._firsts, self._counts):
                    column.append(0)
            self._slots[row], self._rows[slot] = slot, row
        return slot

    def _entries(self, text: str) -> list[Entry]:
        """The distinct rules, never-rules first; of equal ones the heaviest counts."""
        wanted: dict[int, Entry] = {}
        never: dict[int, Entry] = {}
        for number, read in enumerate(self._read(text), 1):
            if read is None:
                continue
            clause, weight, trend = read
            kept = wanted if weight else never
            if clause not in kept or kept[clause].weight < weight:
                line = kept[clause].line if clause in kept else number
                kept[clause] = Entry(clause, line, weight, trend)
        return [*never.values(), *wanted.values()] if wanted else []

    def _read(self, text: str) -> list[Asked | None]:
        lines = text.splitlines()
        if is_plain(text, lines):
            return [self._lines.one(line) for line in lines]
        return [self._lines.of(line) for line in parse(text).lines]

    def arrays(self) -> Arrays:
        """Return the profiles as they are now; to be let go before the next change."""
        return Arrays(
            self._rows.array, self._firsts.array, self._counts.array, self._clauses.array,
            self._places.array, self._weights.array, self._trends.array,
        )  # fmt: skip

    def entries(self, row: int) -> list[Entry]:
        """Return the rules of a profile that can bring a paper, in the order of their bits."""
        return [entry for entry in self.all_entries(row) if entry.weight != NEVER]

    def all_entries(self, row: int) -> list[Entry]:
        """Return the rules of a profile, never-rules first."""
        slot = self._slots[row]
        first = self._firsts[slot]
        places = range(first, first + self._counts[slot])
        return [
            Entry(self._clauses[n], self._places[n], self._weights[n], bool(self._trends[n]))
            for n in places
        ]

    def _clear_away(self) -> None:
        """Put the entries in use side by side."""
        kept = spread(self._firsts.array, self._counts.array)
        self._firsts.array[:] = np.cumsum(self._counts.array) - self._counts.array
        for column in (self._clauses, self._places, self._weights, self._trends):
            column.keep(kept)
        self._left = 0
