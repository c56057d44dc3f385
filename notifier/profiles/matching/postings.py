"""Papers by node, with strengths: what the matching of a batch is worked out with.

Pure. Everything is a run: the papers of one node stand side by side, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.concordance import spread, starts_of
from notifier.profiles.matching.table import Ints

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

# A strength of 1 is kept as this many units; what is found has at most so many.
UNITS = 4_096
MOST_UNITS = 65_535
# Papers of one batch are numbers of 16 bits.
MOST_PAPERS = 1 << 16
NOT_THERE = -1


@dataclass(frozen=True, slots=True)
class Postings:
    """(node, paper, units), ordered by node and paper, each pair once."""

    nodes: NDArray[np.integer]
    papers: NDArray[np.integer]
    units: NDArray[np.integer]

    def only(self, papers: NDArray[np.bool_]) -> Postings:
        """Return the postings of these papers."""
        kept = papers[self.papers]
        return Postings(self.nodes[kept], self.papers[kept], self.units[kept])


def joined(parts: Sequence[Postings]) -> Postings:
    """Return the postings of several parts as one."""
    return Postings(
        np.concatenate([part.nodes for part in parts]),
        np.concatenate([part.papers for part in parts]),
        np.concatenate([part.units for part in parts]),
    )


class Runs:
    """The postings of the nodes decided so far: of node n `counts[n]`, from `starts[n]` on."""

    def __init__(self, nodes: int) -> None:
        self.starts = np.zeros(nodes, np.int64)
        self.counts = np.zeros(nodes, np.int64)
        self.papers = np.zeros(0, np.uint16)
        self.units = np.zeros(0, np.uint16)

    def add(self, found: Postings) -> None:
        """Take in the postings of nodes that were not decided before."""
        begins = np.flatnonzero(np.diff(found.nodes, prepend=-1))
        nodes = found.nodes[begins]
        self.starts[nodes] = begins + len(self.papers)
        self.counts[nodes] = np.diff(begins, append=len(found.nodes))
        self.papers = np.concatenate((self.papers, found.papers.astype(np.uint16)))
        self.units = np.concatenate((self.units, found.units.astype(np.uint16)))

    def of(self, nodes: NDArray[np.integer]) -> tuple[Numbers, Numbers]:
        """Return (which of `nodes`, place in the arrays) for every posting of these nodes."""
        counts = self.counts[nodes]
        return np.repeat(np.arange(len(nodes)), counts), spread(self.starts[nodes], counts)


class Directory:
    """Where to look for a paper in runs as they are now: each is cut into equal ranges of papers.

    Run n has 2^k ranges, one or two for each posting, 2^`_shifts[n]` papers wide; range r of it
    begins at `_begins[_firsts[n] + r]`. Behind all of them is an empty one, for empty runs.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        nodes = np.flatnonzero(runs.counts)
        nodes = nodes[np.argsort(runs.starts[nodes])]
        counts = runs.counts[nodes]
        width = int(runs.papers.max(initial=0)).bit_length()
        bits = np.minimum(np.frexp(counts)[1], width)
        firsts = starts_of(1 << bits)
        self._shifts = np.full(len(runs.counts), width, np.uint8)
        self._shifts[nodes] -= bits.astype(np.uint8)
        self._firsts = np.full(len(runs.counts), firsts[-1])
        self._firsts[nodes] = firsts[:-1]
        ranges = runs.papers >> np.repeat(self._shifts[nodes], counts)
        ranges = ranges + np.repeat(firsts[:-1], counts)
        self._begins = starts_of(np.bincount(ranges, minlength=int(firsts[-1]) + 1))

    def units_of(self, nodes: NDArray[np.integer], papers: NDArray[np.integer]) -> Ints:
        """Return the units of each pair of node and paper, `NOT_THERE` where there is none."""
        ranges = self._firsts[nodes] + (papers >> self._shifts[nodes])
        places, ends = self._begins[ranges], self._begins[ranges + 1]
        out = np.full(len(nodes), NOT_THERE, np.int32)
        left = np.flatnonzero(places < ends)
        places, ends, papers = places[left], ends[left], papers[left]
        while left.size:
            here = self._runs.papers[places]
            hit = here == papers
            out[left[hit]] = self._runs.units[places[hit]]
            places += 1
            on = (here < papers) & (places < ends)
            left, places, ends, papers = left[on], places[on], ends[on], papers[on]
        return out


def in_units(strengths: Floats) -> Numbers:
    """Return strengths in whole units: 1 to `MOST_UNITS`."""
    return np.clip(np.rint(strengths * UNITS), 1, MOST_UNITS).astype(np.int64)


def grouped(nodes: Numbers, papers: Numbers) -> tuple[Numbers, Numbers]:
    """Return where each run of equal (node, paper) begins, and how long it is; in order already."""
    packed = nodes * MOST_PAPERS + papers
    begins = np.flatnonzero(np.diff(packed, prepend=-1))
    return begins, np.diff(begins, append=len(packed))
