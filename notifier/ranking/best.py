"""The best papers of every profile in a batch: a sparse product with selection.

Pure. Profiles x clauses times clauses x papers gives the totals; only the best of each profile are
kept. Without Numba the same is worked out in NumPy, in blocks, some ten times slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.compiled import Arrays, Compiled
from notifier.profiles.matching.concordance import spread, starts_of
from notifier.profiles.matching.lines import NEVER
from notifier.profiles.matching.postings import NOT_THERE, Directory, Floats, Numbers, Runs
from notifier.profiles.matching.table import Ints
from notifier.ranking import kernel
from notifier.ranking.kernel import RULE_BITS, TOTAL_BITS
from notifier.ranking.relevance import HALF_TOTAL, relevance

_TOTAL = (1 << TOTAL_BITS) - 1
# As the loops take a posting: paper << 16 | units.
_PAPER_SHIFT = 16
_WEIGHT_BITS = 16
# Results of one block (without Numba: profiles x papers), at most: some 100 MB.
_BLOCK = 4_000_000
# Fewer profiles than this are done before Numba is even loaded.
MANY_PROFILES = 2_000


@dataclass(frozen=True, slots=True)
class Best:
    """The best papers of some profiles, best first, profile after profile.

    Attributes:
        profiles: The row of the profile of each result.
        papers: The number of each paper in the batch.
        totals: What the rules add up to, in hundredths x units: see `relevance`.
        rules: A bit for each rule of the profile that hit, in the order of `Compiled.entries`; the
            last of `RULE_BITS` bits stands for all rules from there on.
    """

    profiles: NDArray[np.int64]
    papers: NDArray[np.uint16]
    totals: Numbers
    rules: NDArray[np.uint32]

    @property
    def relevances(self) -> Floats:
        """How well each paper fits, in [0, 1)."""
        return relevance(self.totals)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is selected: at most `keep` of each profile, by relevance x boost. None: all, unordered.

    `boosts` (above 0) and `ranks` (of equals the lower is better) are by paper. `only_trend`: only
    rules that ask for what is trending bring a paper.
    """

    keep: int | None
    boosts: Floats
    ranks: Ints
    only_trend: bool = False


@dataclass(frozen=True, slots=True)
class _ByRank:
    """What the loops take, papers counted by rank; `numbers` of the papers in the batch.

    The postings of clause n are those from `bounds[n, 0]` to `bounds[n, 1]`.
    """

    numbers: Numbers
    boosts: Floats
    postings: NDArray[np.uint32]
    bounds: Ints


def best(compiled: Compiled, runs: Runs, selection: Selection) -> Iterator[Best]:
    """Yield the best papers of all profiles, in blocks; in a block profiles have no order."""
    arrays = compiled.arrays()
    slots = np.flatnonzero(arrays.counts)
    papers = len(selection.boosts)
    keep = papers if selection.keep is None else min(selection.keep, papers)
    loops = kernel.compiled() if papers and len(slots) >= MANY_PROFILES else None
    work = partial(_by_loops, loops, _by_rank(runs, selection)) if loops else _by_numpy
    size = max(_BLOCK // max(keep if loops else papers, 1), 1)
    for start in range(0, len(slots), size):
        yield work(arrays, slots[start : start + size], runs, selection)


def _by_rank(runs: Runs, selection: Selection) -> _ByRank:
    """Return what the loops take papers by, counted by rank."""
    numbers = np.argsort(selection.ranks, kind="stable")
    places = np.empty(len(numbers), np.uint32)
    places[numbers] = np.arange(len(numbers))
    postings = (places[runs.papers] << _PAPER_SHIFT | runs.units).astype(np.uint32, copy=False)
    bounds = np.stack((runs.starts, runs.starts + runs.counts), axis=1).astype(np.int32)
    return _ByRank(numbers, selection.boosts[numbers], postings, bounds)


def _by_loops(
    loops: ModuleType, by_rank: _ByRank, arrays: Arrays, block: Numbers, runs: Runs,
    selection: Selection,
) -> Best:  # fmt: skip
    papers = len(selection.boosts)
    keep = papers if selection.keep is None else min(selection.keep, papers)
    entries = int(arrays.counts[block].sum())
    starts, longest = np.empty(len(block) + 1, np.int64), np.empty(len(block), np.int64)
    bounds, rules = np.empty((entries, 2), np.int32), np.empty(entries, np.int32)
    loops.hits(
        block, arrays.firsts, arrays.counts, arrays.clauses, arrays.weights, arrays.trends,
        by_rank.bounds, selection.only_trend, starts, bounds, rules, longest,
    )  # fmt: skip
    found = np.flatnonzero(longest >= 0)
    weights = rules[longest[found]] >> loops.BIT_BITS
    same = bounds[longest[found], 0].astype(np.int64) << _WEIGHT_BITS | weights
    found = found[np.argsort(same)]
    size = len(found) * keep
    out = Best(
        np.empty(size, np.int64), np.empty(size, np.uint16),
        np.empty(size, np.int64), np.empty(size, np.uint32),
    )  # fmt: skip
    room = loops.room_for(keep)
    written = loops.best_of(
        found, arrays.rows[block], starts, bounds, rules, longest, by_rank.postings,
        by_rank.boosts, by_rank.numbers, HALF_TOTAL, keep,
        np.zeros(papers, np.int64), np.zeros(papers, np.int64), np.empty(papers + 1, np.int32),
        np.zeros(room, np.int32), np.zeros(room), np.zeros(room, np.int32), np.zeros(room),
        np.zeros(room, np.int32), np.zeros(room), np.zeros(room, np.int32),
        np.zeros(room, np.int32), np.zeros(room),
        out.profiles, out.papers, out.totals, out.rules,
    )  # fmt: skip
    return Best(
        out.profiles[:written], out.papers[:written], out.totals[:written], out.rules[:written]
    )


def _by_numpy(arrays: Arrays, block: Numbers, runs: Runs, selection: Selection) -> Best:
    papers = len(selection.boosts)
    entries = spread(arrays.firsts[block], arrays.counts[block])
    owner = np.repeat(np.arange(len(block)), arrays.counts[block])
    weights = arrays.weights[entries].astype(np.int64)
    bits = _bits(owner, weights)
    which, at = runs.of(arrays.clauses[entries].astype(np.int64))
    cells = owner[which] * papers + runs.papers[at]
    brings = weights[which] != NEVER
    excluded = np.zeros(len(block) * papers, bool)
    excluded[cells[~brings]] = True
    if selection.only_trend:
        brings &= arrays.trends[entries][which] != 0
    cells, which, at = cells[brings], which[brings], at[brings]
    worth = (weights[which] * runs.units[at]).astype(np.float64)
    totals = np.bincount(cells, worth, minlength=len(excluded)).astype(np.int64)
    rules = np.zeros(len(excluded), np.uint32)
    np.bitwise_or.at(rules, cells, bits[which])
    found = np.flatnonzero((totals > 0) & ~excluded)
    owner, paper = found // max(papers, 1), found % max(papers, 1)
    if selection.keep is not None:
        scores = relevance(totals[found]) * selection.boosts[paper]
        order = np.lexsort((selection.ranks[paper], -scores, owner))
        first = starts_of(np.bincount(owner, minlength=len(block)))
        order = order[np.arange(len(order)) - first[owner[order]] < selection.keep]
        found, owner, paper = found[order], owner[order], paper[order]
    rows = arrays.rows[block][owner]
    return Best(rows, paper.astype(np.uint16), totals[found], rules[found])


def _bits(owner: Numbers, weights: Numbers) -> NDArray[np.uint32]:
    """The bit of each rule that can bring a paper: the n-th of its profile has bit n."""
    wanted = weights != NEVER
    before = np.cumsum(wanted) - wanted
    first = np.diff(owner, prepend=-1) != 0
    number = before - np.maximum.accumulate(np.where(first, before, 0))
    bits: NDArray[np.uint32] = np.uint32(1) << np.minimum(number, RULE_BITS - 1).astype(np.uint32)
    return bits


def lines(
    compiled: Compiled, runs: Runs, found: Best, selection: Selection
) -> Iterator[tuple[int, ...]]:
    """Yield the line numbers of the rules of each result, in order."""
    row, entries = None, []
    directory = cache(partial(Directory, runs))
    for number, mask in enumerate(found.rules.tolist()):
        if found.profiles[number] != row:
            row = int(found.profiles[number])
            entries = compiled.entries(row)
        hit = [entry.line for bit, entry in enumerate(entries[: RULE_BITS - 1]) if mask >> bit & 1]
        if mask >> RULE_BITS - 1:
            beyond = [e for e in entries[RULE_BITS - 1 :] if e.trend or not selection.only_trend]
            clauses = np.array([entry.clause for entry in beyond], np.int64)
            papers = np.full(len(beyond), found.papers[number], np.int64)
            there = directory().units_of(clauses, papers) != NOT_THERE
            hit += [entry.line for entry, is_there in zip(beyond, there, strict=True) if is_there]
        yield tuple(sorted(hit))
