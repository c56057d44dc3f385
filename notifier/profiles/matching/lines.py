"""Lines of profiles, read into clauses: one by one, or many at once.

Pure. A line that was read before is remembered until `forget`, since people ask for the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.clauses import HUNDRED, Clauses
from notifier.profiles.matching.columns import Column
from notifier.profiles.matching.plain import UNREAD, PlainLines
from notifier.profiles.parser import LINE_CHARACTERS, parse
from notifier.profiles.rules import Line, Not, Weighted, wants_trend

NEVER = 0
# Clause, weight (at most 1,000) and trend are kept as one number.
_WEIGHT_BITS, _TREND_BITS = 10, 1
_CLAUSE_SHIFT = _WEIGHT_BITS + _TREND_BITS
_NO_RULE, _BROKEN = -1, -2


class Asked(NamedTuple):
    """What a line asks: its clause, its weight in hundredths (`NEVER`: excludes), for trends?"""

    clause: int
    weight: int
    trend: bool


class AskedByMany(NamedTuple):
    """The same of many lines, `line` the number of each; `broken`: it could not be read at all."""

    line: NDArray[np.int32]
    clause: NDArray[np.int64]
    weight: NDArray[np.int64]
    trend: NDArray[np.int64]
    rule: NDArray[np.bool_]
    broken: NDArray[np.bool_]


class _Distinct(dict[str, int]):
    """Distinct lines by number: space at the ends does not count, but where a line is too long."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def __missing__(self, typed: str) -> int:
        line = typed if len(typed) > LINE_CHARACTERS else typed.strip()
        if line != typed:
            number = self[typed] = self[line]
            return number
        number = self[line] = len(self.lines)
        self.lines.append(line)
        return number


class Lines:
    """Reads lines into the clauses of an index."""

    def __init__(self, clauses: Clauses) -> None:
        self._clauses = clauses
        self.forget()

    def forget(self) -> None:
        """Let go of the lines that were read."""
        self._known, self._read = _Distinct(), Column(np.int64)
        self._plain: PlainLines | None = None

    def one(self, typed: str) -> Asked | None:
        """Return what a line asks, None where it is no rule."""
        number = self._known[typed]
        while number >= len(self._read):
            self._read.append(_BROKEN)
        if self._read[number] == _BROKEN:
            self._read[number] = self._parsed(self._known.lines[number])
        read = self._read[number]
        if read == _NO_RULE:
            return None
        weight = read >> _TREND_BITS & (1 << _WEIGHT_BITS) - 1
        return Asked(read >> _CLAUSE_SHIFT, weight, bool(read & 1))

    def number(self, typed: str) -> int:
        """Return the number of a line: lines that are equal have the same."""
        return self._known[typed]

    def many(self, typed: Sequence[str]) -> AskedByMany:
        """Return what each of many lines asks."""
        numbers = np.fromiter(map(self._known.__getitem__, typed), np.int32, len(typed))
        self._read.extend(self._read_all(self._known.lines[len(self._read) :]))
        read = self._read.array[numbers]
        weight = read >> _TREND_BITS & (1 << _WEIGHT_BITS) - 1
        return AskedByMany(
            numbers, read >> _CLAUSE_SHIFT, weight, read & 1, read > _NO_RULE, read == _BROKEN
        )

    def _read_all(self, lines: Sequence[str]) -> NDArray[np.int64]:
        self._plain = self._plain or PlainLines(self._clauses)
        clauses, weights = self._plain.read(lines)
        read = clauses.astype(np.int64) << _CLAUSE_SHIFT | weights << _TREND_BITS
        for place in np.flatnonzero(clauses == UNREAD).tolist():
            try:
                read[place] = self._parsed(lines[place])
            except Exception:  # it is read once more with its profile, which then is told of
                read[place] = _BROKEN
        return read

    def _parsed(self, line: str) -> int:
        asked = self.of(parse(line).lines[0]) if line else None
        if asked is None:
            return _NO_RULE
        return asked.clause << _CLAUSE_SHIFT | asked.weight << _TREND_BITS | asked.trend

    def of(self, line: Line) -> Asked | None:
        """Return what a parsed line asks."""
        match line.node:
            case None:
                return None
            case Not(part=part):
                return Asked(self._clauses.add(part), NEVER, False)
            case Weighted(part=part, factor=factor):
                weight = max(round(HUNDRED * factor), 1)
                return Asked(self._clauses.add(part), weight, wants_trend(part))
            case node:
                return Asked(self._clauses.add(node), HUNDRED, wants_trend(node))
