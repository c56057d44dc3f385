"""Which lines of a profile brought each of its best papers, as bits.

Pure, and the same as `best.lines` tells, for millions at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.compiled import Arrays, Compiled
from notifier.profiles.matching.concordance import spread
from notifier.profiles.matching.lines import NEVER
from notifier.profiles.matching.postings import Numbers, Runs
from notifier.ranking.best import Best, Selection, lines
from notifier.ranking.kernel import RULE_BITS

# Profiles with more lines are told apart one by one, so that one of them does not widen all.
_FEW_LINES = 64
_SOME = 20_000

Bits = NDArray[np.uint8]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Marked:
    """Some of the results: at `places` of them `bits`, n for line n, 0 for a rule `trending`."""

    places: Numbers
    bits: Bits


def marked(compiled: Compiled, runs: Runs, found: Best, selection: Selection) -> Iterator[Marked]:
    """Yield all results with the lines that brought them, those of a profile side by side."""
    if not len(found.profiles):
        return
    arrays = compiled.arrays()
    starts = np.flatnonzero(np.diff(found.profiles, prepend=found.profiles[0] - 1))
    counts = np.diff(np.append(starts, len(found.profiles)))
    firsts, is_plain, width = _entries(arrays, found.profiles[starts])
    is_plain &= np.logical_and.reduceat(found.rules >> (RULE_BITS - 1) == 0, starts)
    plain = np.repeat(is_plain, counts)
    places = np.flatnonzero(plain)
    if len(places):
        bits = _bits(arrays, found.rules[places], np.repeat(firsts, counts)[places], width)
        yield Marked(places, bits)
    yield from _one_by_one(compiled, runs, found, selection, np.flatnonzero(~plain))


def _entries(arrays: Arrays, profiles: Numbers) -> tuple[Numbers, Flags, int]:
    """By profile its first rule that can bring a paper, and whether all its lines are few."""
    by_row = np.argsort(arrays.rows, kind="stable")
    slots = by_row[np.searchsorted(arrays.rows[by_row], profiles)]
    entries, counts = spread(arrays.firsts[slots], arrays.counts[slots]), arrays.counts[slots]
    starts = np.cumsum(counts) - counts
    nevers = np.add.reduceat(arrays.weights[entries] == NEVER, starts, dtype=np.int64)
    last = np.maximum.reduceat(arrays.lines[entries], starts)
    is_plain = last < _FEW_LINES
    width = int(last[is_plain].max(initial=0)) // 8 + 1
    return arrays.firsts[slots] + nevers, is_plain, width


def _bits(arrays: Arrays, rules: NDArray[np.uint32], firsts: Numbers, width: int) -> Bits:
    out = np.zeros((len(rules), width), np.uint8)
    for bit in range(RULE_BITS - 1):
        hit = np.flatnonzero(rules >> np.uint32(bit) & 1)
        entries = firsts[hit] + bit
        line = arrays.lines[entries]
        out[hit, line >> 3] |= (1 << (line & 7)).astype(np.uint8)
        out[hit, 0] |= arrays.trends[entries].astype(np.uint8)
    return out


def _one_by_one(
    compiled: Compiled, runs: Runs, found: Best, selection: Selection, places: Numbers
) -> Iterator[Marked]:
    # Profiles of many lines are rare, and never split: what is kept of one is written at once.
    begins = np.append(np.flatnonzero(np.diff(found.profiles[places], prepend=-1)), len(places))
    cuts = np.unique(begins[np.searchsorted(begins, np.arange(_SOME, len(places), _SOME))])
    for some in np.split(places, cuts):
        if not len(some):
            continue
        part = Best(found.profiles[some], found.papers[some], found.totals[some], found.rules[some])
        told = list(lines(compiled, runs, part, selection))
        bits = np.zeros((len(some), max(hit[-1] for hit in told) // 8 + 1), np.uint8)
        for place, (profile, hit) in enumerate(zip(part.profiles.tolist(), told, strict=True)):
            asking = {entry.line for entry in compiled.entries(profile) if entry.trend}
            number = sum(1 << line for line in hit) | (not asking.isdisjoint(hit))
            bits[place] = np.frombuffer(number.to_bytes(bits.shape[1], "little"), np.uint8)
        yield Marked(some, bits)
