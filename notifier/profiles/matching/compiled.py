"""All profiles as one index: which clauses each has, with what weight.

Pure. Made once and then changed in place, profile by profile. A profile takes some 100 bytes and
its share of the distinct clauses (docs/matching.md has the figures); what a changed profile leaves
behind is cleared away when it is more than what is in use.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.clauses import HUNDRED, Clauses
from notifier.profiles.matching.concordance import spread
from notifier.profiles.matching.table import Ints
from notifier.profiles.parser import PROFILE_RULES, parse
from notifier.profiles.rules import Line, Not, Weighted, wants_trend

NEVER = 0
# A text shorter than this meets no limit of a profile, so that its lines can be read one by one.
_PLAIN_CHARACTERS = 15_000
_PLAIN_LINES = min(PROFILE_RULES, 100)
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

    def __init__(self) -> None:
        self.clauses = Clauses()
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self._rows, self._firsts, self._counts = array("q"), array("q"), array("i")
        self._clauses, self._lines, self._weights = array("i"), array("h"), array("h")
        self._trends = array("b")
        self._read: dict[str, int] = {}  # lines that were read before: see `_packed`
        self._left = 0

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
        self._lines.extend([entry.line for entry in entries])
        self._weights.extend([entry.weight for entry in entries])
        self._trends.extend([entry.trend for entry in entries])
        if self._left > max(_LITTLE, len(self._clauses) // 2):
            self._clear_away()

    def forget_lines(self) -> None:
        """Let go of the lines that were read, which only make taking in very many faster."""
        self._read = {}

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
        for number, read in enumerate(self._lines_of(text), 1):
            if read is None:
                continue
            clause, weight, trend = read
            kept = wanted if weight else never
            if clause not in kept or kept[clause].weight < weight:
                line = kept[clause].line if clause in kept else number
                kept[clause] = Entry(clause, line, weight, trend)
        return [*never.values(), *wanted.values()] if wanted else []

    def _lines_of(self, text: str) -> list[tuple[int, int, bool] | None]:
        lines = text.splitlines()
        if len(text) > _PLAIN_CHARACTERS or len(lines) > _PLAIN_LINES:
            return [self._clause(line) for line in parse(text).lines]
        return [self._line(line) for line in lines]

    def _line(self, typed: str) -> tuple[int, int, bool] | None:
        """The clause, weight and trend of one line; a line that was read before is remembered."""
        key = typed.strip()
        if key not in self._read:
            lines = parse(typed).lines
            self._read[key] = _packed(self._clause(lines[0]) if lines else None)
        return _unpacked(self._read[key])

    def _clause(self, line: Line) -> tuple[int, int, bool] | None:
        match line.node:
            case None:
                return None
            case Not(part=part):
                return self.clauses.add(part), NEVER, False
            case Weighted(part=part, factor=factor):
                weight = max(round(HUNDRED * factor), 1)
                return self.clauses.add(part), weight, wants_trend(part)
            case node:
                return self.clauses.add(node), HUNDRED, wants_trend(node)

    def arrays(self) -> Arrays:
        """Return the profiles as they are now; to be let go before the next change."""
        return Arrays(
            np.frombuffer(self._rows, np.int64),
            np.frombuffer(self._firsts, np.int64),
            np.frombuffer(self._counts, np.int32),
            np.frombuffer(self._clauses, np.int32),
            np.frombuffer(self._lines, np.int16),
            np.frombuffer(self._weights, np.int16),
            np.frombuffer(self._trends, np.int8),
        )

    def entries(self, row: int) -> list[Entry]:
        """Return the rules of a profile that can bring a paper, in the order of their bits."""
        slot = self._slots[row]
        first = self._firsts[slot]
        places = range(first, first + self._counts[slot])
        return [
            Entry(self._clauses[n], self._lines[n], self._weights[n], bool(self._trends[n]))
            for n in places
            if self._weights[n] != NEVER
        ]

    def _clear_away(self) -> None:
        """Put the entries in use side by side."""
        now = self.arrays()
        kept = spread(now.firsts, now.counts)
        firsts = np.cumsum(now.counts) - now.counts
        clauses, lines = (
            array("i", now.clauses[kept].tobytes()),
            array("h", now.lines[kept].tobytes()),
        )
        weights, trends = (
            array("h", now.weights[kept].tobytes()),
            array("b", now.trends[kept].tobytes()),
        )
        self._firsts = array("q", firsts.astype(np.int64).tobytes())
        self._clauses, self._lines, self._weights, self._trends = clauses, lines, weights, trends
        self._left = 0


def _packed(read: tuple[int, int, bool] | None) -> int:
    """Clause, weight (at most 1,000) and trend as one number, which takes a third of the room."""
    if read is None:
        return -1
    clause, weight, trend = read
    return clause << 11 | weight << 1 | trend


def _unpacked(packed: int) -> tuple[int, int, bool] | None:
    return None if packed < 0 else (packed >> 11, packed >> 1 & 1023, bool(packed & 1))
