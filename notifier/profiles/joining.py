"""What the joined clauses find, worked out from their parts, level by level.

Pure. An ALL goes through the papers of its rarest part and asks the other parts for each; a BEST or
SUM brings the papers of all its parts together.
"""

from __future__ import annotations

import numpy as np

from notifier.profiles.clauses import (
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
from notifier.profiles.concordance import spread
from notifier.profiles.leaves import Batch, Rarities, Strengths, leaves
from notifier.profiles.postings import MOST_PAPERS, MOST_UNITS, Numbers, Postings, Runs, grouped


def decide(clauses: Clauses, batch: Batch, *, rarities: Rarities, strengths: Strengths) -> Runs:
    """Return which papers every clause finds, and how strongly, in units.

    Args:
        batch: At most `MOST_PAPERS` papers.
        rarities: The inverse document frequencies of stems.
        strengths: How much a hit is worth.
    """
    runs = Runs(len(clauses))
    for found in leaves(clauses, batch, rarities=rarities, strengths=strengths):
        runs.add(found if batch.wanted.all() else found.only(batch.wanted))
    levels = np.frombuffer(clauses.levels, np.int16)
    for level in range(1, int(levels.max(initial=0)) + 1):
        here = np.flatnonzero(levels == level)
        kinds = np.frombuffer(clauses.kinds, np.int8)[here]
        decided = [
            _all(clauses, runs, here[kinds == ALL]),
            _any(clauses, runs, here[kinds == BEST], BEST),
            _any(clauses, runs, here[kinds == SUM], SUM),
        ]
        for found in decided:
            runs.add(found)
    return runs


def _children(clauses: Clauses, nodes: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return (which of `nodes`, child, role) of every child."""
    starts = np.frombuffer(clauses.starts, np.int64)
    counts = starts[nodes + 1] - starts[nodes]
    coded = np.frombuffer(clauses.arguments, np.int32)[spread(starts[nodes], counts)].astype(
        np.int64
    )
    return (
        np.repeat(np.arange(len(nodes)), counts),
        coded >> ROLE_BITS,
        coded & (1 << ROLE_BITS) - 1,
    )


def _all(clauses: Clauses, runs: Runs, nodes: Numbers) -> Postings:
    parent, child, role = _children(clauses, nodes)
    needed = (role == NEED) | (role == MUST)
    dead = np.zeros(len(nodes), bool)
    dead[parent[needed & (runs.counts[child] == 0)]] = True
    alive = ~dead[parent]
    parent, child, role, needed = parent[alive], child[alive], role[alive], needed[alive]
    rarest = np.flatnonzero(needed)
    rarest = rarest[np.lexsort((runs.counts[child[rarest]], parent[rarest]))]
    rarest = rarest[np.diff(parent[rarest], prepend=-1) != 0]
    which, at = runs.of(child[rarest])
    owner, papers = parent[rarest][which], runs.papers[at].astype(np.int64)
    units = np.where(role[rarest][which] == NEED, runs.units[at].astype(np.int64), 0)
    others = np.ones(len(parent), bool)
    others[rarest] = False
    kept = np.ones(len(owner), bool)
    element, part = _crossed(owner, parent[others])
    found = runs.units_of(child[others][part], papers[element])
    how, there = role[others][part], found >= 0
    kept[element[np.where(how == NOT, there, ~there & (how != PLUS))]] = False
    adds = there & ((how == NEED) | (how == PLUS))
    np.add.at(units, element[adds], found[adds])
    owner, papers, units = owner[kept], papers[kept], units[kept]
    return Postings(nodes[owner], papers, np.minimum(units, MOST_UNITS))


def _crossed(owner: Numbers, parent: Numbers) -> tuple[Numbers, Numbers]:
    """Return (element, part) for every element with every part of the same owner."""
    first = np.searchsorted(parent, owner, "left")
    counts = np.searchsorted(parent, owner, "right") - first
    return np.repeat(np.arange(len(owner)), counts), spread(first, counts)


def _any(clauses: Clauses, runs: Runs, nodes: Numbers, kind: int) -> Postings:
    parent, child, _ = _children(clauses, nodes)
    which, at = runs.of(child)
    packed = (parent[which] * MOST_PAPERS + runs.papers[at]) * (MOST_UNITS + 1) + runs.units[at]
    packed.sort()
    pairs, units = packed // (MOST_UNITS + 1), packed % (MOST_UNITS + 1)
    owner, papers = pairs // MOST_PAPERS, pairs % MOST_PAPERS
    begins, counts = grouped(owner, papers)
    if kind == BEST:
        units = units[begins + counts - 1]
    elif len(begins):
        units = np.minimum(np.add.reduceat(units, begins), MOST_UNITS)
    return Postings(nodes[owner[begins]], papers[begins], units)
