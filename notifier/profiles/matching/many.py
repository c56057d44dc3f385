"""Many new profiles at once, as the arrays an index keeps of them.

Pure. What `Compiled.put` makes of each, one after the other.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.lines import AskedByMany, Lines
from notifier.profiles.parser import PROFILE_RULES

# A text shorter than this meets no limit of a profile, so that its lines can be read one by one.
_PLAIN_CHARACTERS = 15_000
_PLAIN_LINES = min(PROFILE_RULES, 100)
_CLAUSE_BITS = 32
# A line behind each profile; a text that has it is read alone.
_END = "\0"


def is_plain(text: str, lines: Sequence[str]) -> bool:
    """Return whether no limit of a profile is met, so that each line can be read alone."""
    return len(text) <= _PLAIN_CHARACTERS and len(lines) <= _PLAIN_LINES


@dataclass(frozen=True, slots=True)
class Many:
    """Profiles by row, of each the number of its entries, and all entries: see `Arrays`."""

    rows: list[int]
    counts: NDArray[np.int64]
    clauses: NDArray[np.int64]
    lines: NDArray[np.int64]
    weights: NDArray[np.int64]
    trends: NDArray[np.int64]

    @classmethod
    def of(
        cls, profiles: Iterable[tuple[int, str]], known: Container[int], reading: Lines
    ) -> tuple[Many, list[tuple[int, str]]]:
        """Return profiles given as (row, text) as arrays, and those that must be put one by one.

        Args:
            known: Rows that are in the index already.
        """
        plain: list[tuple[int, str]] = []
        others: list[tuple[int, str]] = []
        for one in profiles:
            row, text = one
            is_apart = row in known or len(text) > _PLAIN_CHARACTERS or _END in text
            (others if is_apart else plain).append(one)
        typed = "".join([f"{text}\n{_END}\n" for _, text in plain]).splitlines()
        asked = reading.many(typed)
        ends = np.flatnonzero(asked.line == reading.number(_END))
        sizes = np.diff(ends, prepend=-1)
        owners = np.repeat(np.arange(len(plain)), sizes)
        apart = sizes > _PLAIN_LINES
        apart[owners[asked.broken]] = True
        apart[_with_equal_rules(asked, owners)] = True
        others += compress(plain, apart.tolist())
        rows = [row for row, _ in compress(plain, (~apart).tolist())]
        places = np.arange(len(owners)) - np.repeat(ends - sizes, sizes)
        return cls._entries(rows, asked, owners, places, apart), others

    @classmethod
    def _entries(
        cls,
        rows: list[int],
        asked: AskedByMany,
        owners: NDArray[np.int64],
        places: NDArray[np.int64],
        apart: NDArray[np.bool_],
    ) -> Many:
        wanted = asked.rule & (asked.weight > 0)
        brings = np.zeros(len(apart), np.bool_)
        brings[owners[wanted]] = True
        kept = np.flatnonzero(asked.rule & (brings & ~apart)[owners])
        kept = kept[np.argsort(owners[kept] << 1 | wanted[kept], kind="stable")]
        counts = np.bincount(owners[kept], minlength=len(apart))[~apart]
        return cls(
            rows, counts, asked.clause[kept], places[kept], asked.weight[kept], asked.trend[kept]
        )  # fmt: skip


def _with_equal_rules(asked: AskedByMany, owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """The profiles that have a clause twice, of which the heaviest counts."""
    rules = np.flatnonzero(asked.rule)
    coded = owners[rules] << 1 | (asked.weight[rules] > 0)
    coded = np.sort(coded << _CLAUSE_BITS | asked.clause[rules])
    twice = np.flatnonzero(np.diff(coded) == 0)
    return coded[twice] >> _CLAUSE_BITS + 1
