"""Papers by node, with strengths: what the matching of a batch is worked out with.

Pure. Everything is a run: the papers of one node stand side by side, in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.concordance import spread

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

# A strength of 1 is kept as this many units; what is found has at most so many.
UNITS = 4_096
MOST_UNITS = 65_535
# Papers of one batch are numbers of 16 bits.
MOST_PAPERS = 1 << 16


@dataclass(frozen=True, slots=True)
class Postings:
    """(node, paper, units), ordered by node and paper, each pair once."""

    nodes: Numbers
    papers: Numbers
    units: Numbers

    def only(self, papers: NDArray[np.bool_]) -> Postings:
        """Return the postings of these papers."""
        kept = papers[self.papers]
        return Postings(self.nodes[kept], self.papers[kept], self.units[kept])


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

    def of(self, nodes: Numbers) -> tuple[Numbers, Numbers]:
        """Return (which of `nodes`, place in the arrays) for every posting of these nodes."""
        counts = self.counts[nodes]
        return np.repeat(np.arange(len(nodes)), counts), spread(self.starts[nodes], counts)

    def units_of(self, nodes: Numbers, papers: Numbers) -> Numbers:
        """Return the units of each pair of node and paper, -1 where the node has not the paper.

        A binary search in all runs at once.
        """
        low = self.starts[nodes]
        ends = low + self.counts[nodes]
        high = ends.copy()
        for _ in range(int(self.counts.max(initial=0)).bit_length()):
            middle = low + high >> 1
            below = (low < high) & (self.papers[np.minimum(middle, len(self.papers) - 1)] < papers)
            high = np.where(below, high, middle)
            low = np.where(below, middle + 1, low)
        there = low < ends
        there[there] = self.papers[low[there]] == papers[there]
        out = np.full(len(nodes), -1, np.int64)
        out[there] = self.units[low[there]]
        return out


def in_units(strengths: Floats) -> Numbers:
    """Return strengths in whole units: 1 to `MOST_UNITS`."""
    return np.clip(np.rint(strengths * UNITS), 1, MOST_UNITS).astype(np.int64)


def grouped(nodes: Numbers, papers: Numbers) -> tuple[Numbers, Numbers]:
    """Return where each run of equal (node, paper) begins, and how long it is; in order already."""
    packed = nodes * MOST_PAPERS + papers
    begins = np.flatnonzero(np.diff(packed, prepend=-1))
    return begins, np.diff(begins, append=len(packed))
