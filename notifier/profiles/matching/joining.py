"""What the joined clauses find, worked out from their parts.

Pure. An ALL goes through the papers of its rarest part and asks the other parts for each; a BEST or
SUM brings the papers of all its parts together. A part that is only asked is never written out: its
leaves are asked instead.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.clauses import (
    ALL,
    BEST,
    MUST,
    NEED,
    NOT,
    PLUS,
    ROLE_BITS,
    SUM,
    Clauses,
)
from notifier.profiles.matching.concordance import spread, starts_of
from notifier.profiles.matching.leaves import Batch, Rarities, Strengths, leaves
from notifier.profiles.matching.postings import (
    MOST_PAPERS,
    MOST_UNITS,
    NOT_THERE,
    Directory,
    Numbers,
    Postings,
    Runs,
    grouped,
    joined,
)
from notifier.profiles.matching.table import Ints

# Pairs of clause and paper that are worked out at once: what a processor keeps near.
_PAIRS = 100_000


def decide(clauses: Clauses, batch: Batch, *, rarities: Rarities, strengths: Strengths) -> Runs:
    """Return which papers every clause finds, and how strongly, in units.

    Parts of clauses that are no clauses themselves may be left out.

    Args:
        batch: At most `MOST_PAPERS` papers.
        rarities: The inverse document frequencies of stems.
        strengths: How much a hit is worth.
    """
    runs = Runs(len(clauses))
    everything = bool(batch.wanted.all())
    for found in leaves(clauses, batch, rarities=rarities, strengths=strengths):
        runs.add(found if everything else found.only(batch.wanted))
    joins = _Joins(clauses, runs)
    for nodes in joins.to_write():
        kinds = joins.kinds[nodes]
        runs.add(joined([joins.all_of(part) for part in joins.chunks(nodes[kinds == ALL])]))
        for kind in (BEST, SUM):
            runs.add(joins.any_of(nodes[kinds == kind], kind))
    return runs


class _Joins:
    """The joins over leaves that are decided.

    `most` is how many papers a node can find at most, `driver` of an ALL its rarest needed part.
    """

    def __init__(self, clauses: Clauses, runs: Runs) -> None:
        self._runs, self._directory = runs, Directory(runs)
        self.kinds = clauses.kinds.array
        self._starts = clauses.starts.array
        self._arguments = clauses.arguments.array
        levels = clauses.levels.array
        joins = np.flatnonzero(levels)
        self._levels = [
            joins[levels[joins] == level] for level in range(1, int(levels.max(initial=0)) + 1)
        ]
        self._is_clause = clauses.is_clause.array
        self._most = runs.counts.copy()
        self._driver = np.zeros(len(clauses), np.int32)

    def to_write(self) -> list[Numbers]:
        """Return the nodes to be written out, level by level: those that may find something."""
        for nodes in self._levels:
            self._bound(nodes)
        asked = self._is_clause.copy()
        out = []
        for nodes in reversed(self._levels):
            written = nodes[asked[nodes] & (self._most[nodes] > 0)]
            is_all = self.kinds[written] == ALL
            asked[self._driver[written[is_all]]] = True
            asked[self._children(written[~is_all])[0]] = True
            out.append(written)
        return out[::-1]

    def _children(self, nodes: Numbers) -> tuple[Ints, Ints, Numbers]:
        """Return (child, role) of every child, and where those of each of `nodes` begin."""
        counts = self._starts[nodes + 1] - self._starts[nodes]
        coded = self._arguments[spread(self._starts[nodes], counts)]
        return coded >> ROLE_BITS, coded & (1 << ROLE_BITS) - 1, starts_of(counts)

    def _bound(self, nodes: Numbers) -> None:
        """Work out `most` and `driver` of nodes of one level."""
        is_all = self.kinds[nodes] == ALL
        child, _, starts = self._children(nodes[~is_all])
        if len(child):
            self._most[nodes[~is_all]] = np.add.reduceat(self._most[child], starts[:-1])
        child, role, starts = self._children(nodes[is_all])
        if len(child):
            needed = (role == NEED) | (role == MUST)
            coded = np.where(needed, self._most[child] << 32 | child, np.iinfo(np.int64).max)
            rarest = np.minimum.reduceat(coded, starts[:-1])
            self._most[nodes[is_all]] = rarest >> 32
            self._driver[nodes[is_all]] = rarest & (1 << 32) - 1

    def chunks(self, nodes: Numbers) -> Iterator[Numbers]:
        """Cut ALL nodes into parts of some `_PAIRS` pairs."""
        pairs = np.cumsum(self._runs.counts[self._driver[nodes]])
        ends = np.arange(_PAIRS, int(pairs[-1]) if len(pairs) else 0, _PAIRS)
        yield from np.split(nodes, np.unique(np.searchsorted(pairs, ends)))

    def all_of(self, nodes: Numbers) -> Postings:
        """Return what ALL nodes find; their drivers are decided."""
        driver = self._driver[nodes]
        which, at = self._runs.of(driver)
        papers = self._runs.papers[at]
        units = self._all(nodes[which], papers, driver[which], self._runs.units[at])
        kept = units != NOT_THERE
        return Postings(nodes[which[kept]], papers[kept], units[kept])

    def any_of(self, nodes: Numbers, kind: int) -> Postings:
        """Return what BEST or SUM nodes find; their children are decided."""
        child, _, starts = self._children(nodes)
        parent = np.repeat(nodes, np.diff(starts))
        which, at = self._runs.of(child)
        packed = (parent[which] * MOST_PAPERS + self._runs.papers[at]) * (MOST_UNITS + 1)
        packed += self._runs.units[at]
        packed.sort()
        pairs, units = packed // (MOST_UNITS + 1), packed % (MOST_UNITS + 1)
        owner, papers = pairs // MOST_PAPERS, pairs % MOST_PAPERS
        begins, counts = grouped(owner, papers)
        if kind == BEST:
            units = units[begins + counts - 1]
        elif len(begins):
            units = np.minimum(np.add.reduceat(units, begins), MOST_UNITS)
        return Postings(owner[begins], papers[begins], units)

    def _units(self, nodes: Ints, papers: NDArray[np.uint16]) -> Ints:
        """Return the units of each pair of node and paper, or `NOT_THERE`."""
        kinds = self.kinds[nodes]
        inner = np.flatnonzero(kinds >= ALL)
        if not inner.size:
            return self._directory.units_of(nodes, papers)
        leaf = np.flatnonzero(kinds < ALL)
        out = np.empty(len(nodes), np.int32)
        out[leaf] = self._directory.units_of(nodes[leaf], papers[leaf])
        for kind in np.unique(kinds[inner]).tolist():
            at = inner[kinds[inner] == kind]
            if kind == ALL:
                out[at] = self._all(nodes[at], papers[at])
            else:
                out[at] = self._any(nodes[at], papers[at], kind)
        return out

    def _all(
        self,
        nodes: NDArray[np.integer],
        papers: NDArray[np.uint16],
        known: Ints | None = None,
        known_units: NDArray[np.uint16] | None = None,
    ) -> Ints:
        """The units of ALL nodes; of one child of each, `known`, the units are known already."""
        units = np.zeros(len(nodes), np.int32)
        for at, child, role in self._parts(nodes, units):
            if known is None or known_units is None:
                found = self._units(child, papers[at])
            else:
                found = known_units[at].astype(np.int32)
                others = np.flatnonzero(child != known[at])
                found[others] = self._units(child[others], papers[at[others]])
            there = found != NOT_THERE
            adds = there & ((role == NEED) | (role == PLUS))
            units[at] += np.where(adds, found, 0)
            units[at[np.where(role == NOT, there, ~there & (role != PLUS))]] = NOT_THERE
        return np.minimum(units, MOST_UNITS)

    def _any(self, nodes: Ints, papers: NDArray[np.uint16], kind: int) -> Ints:
        units = np.full(len(nodes), NOT_THERE, np.int32)
        for at, child, _ in self._parts(nodes):
            found, before = self._units(child, papers[at]), units[at]
            both = np.maximum(before, found)
            if kind == SUM:
                both += np.where(
                    np.minimum(before, found) != NOT_THERE, np.minimum(before, found), 0
                )
            units[at] = both
        return np.minimum(units, MOST_UNITS)

    def _parts(
        self, nodes: NDArray[np.integer], units: Ints | None = None
    ) -> Iterator[tuple[Numbers, Ints, Ints]]:
        """Yield (which of `nodes`, child, role) for the first child of each, then the second ...

        A node whose `units` have become `NOT_THERE` is asked no further.
        """
        places, ends = self._starts[nodes], self._starts[nodes + 1]
        at = np.arange(len(nodes))
        while at.size:
            coded = self._arguments[places]
            yield at, coded >> ROLE_BITS, coded & (1 << ROLE_BITS) - 1
            places += 1
            on = places < ends
            if units is not None:
                on &= units[at] != NOT_THERE
            at, places, ends = at[on], places[on], ends[on]
