"""The best papers of each profile: the inner loop, for Numba if it is there.

Pure. One pass over what the clauses of a profile found adds up their strengths and marks the rules
in one number for each paper: the lower bits are the total, the upper ones have a bit for each rule.
The best are kept in a heap whose first is the worst of them.
"""

# mypy: disable-error-code="no-untyped-def,no-any-return"

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

Loop = Callable[..., int]

TOTAL_BITS = 40
# Rules beyond this many share the last bit; `best` tells them apart.
RULE_BITS = 23
_TOTAL = (1 << TOTAL_BITS) - 1
_EXCLUDED = np.iinfo(np.int64).min
# A little less than 1: what is surely worse than the worst kept is passed over without a division.
_SURELY = 1.0 - 1e-12


def _best_of(
    slots, firsts, counts, clauses, weights, trends, starts, lengths, papers, units,
    boosts, ranks, half, keep, only_trend, sums, touched, scores, out_papers, out_sums, out_counts,
):  # fmt: skip
    """Write the best papers of each slot, best first, one slot after the other.

    Args:
        slots, firsts, counts, clauses, weights, trends: See `compiled.Arrays`.
        starts, lengths, papers, units: What the clauses found: see `postings.Runs`.
        boosts: By paper, above 0: what relevance is multiplied with.
        ranks: By paper: of equal scores the lower rank is better.
        half: The total at which relevance is a half.
        keep: At most so many of each slot, at least 1.
        only_trend: Only rules that ask for what is trending bring a paper.
        sums: By paper, all zero before and after.
        touched: Room for one more than there are papers.
        scores: Room for `keep`.
        out_papers, out_sums, out_counts: The results; sums as described above.
    Returns:
        How many results were written.
    """
    written = 0
    last = len(touched) - 1
    for number in range(len(slots)):
        slot = slots[number]
        reached = excluded = bit = 0
        for entry in range(firsts[slot], firsts[slot] + counts[slot]):
            begin = starts[clauses[entry]]
            end = begin + lengths[clauses[entry]]
            weight = np.int64(weights[entry])
            if weight == 0:
                for at in range(begin, end):
                    paper = papers[at]
                    if sums[paper] == 0:
                        touched[last - excluded] = paper
                        excluded += 1
                        sums[paper] = _EXCLUDED
                continue
            if trends[entry] or not only_trend:
                mark = np.int64(1) << (TOTAL_BITS + min(bit, RULE_BITS - 1))
                for at in range(begin, end):
                    paper = papers[at]
                    before = sums[paper]
                    touched[reached] = paper
                    reached += before == 0
                    sums[paper] = (before + units[at] * weight) | mark
            bit += 1
        kept = 0
        worst = 0.0
        for index in range(reached):
            paper = touched[index]
            total = np.float64(sums[paper] & _TOTAL)
            if kept == keep and boosts[paper] * total < worst * (total + half):
                continue
            score = total / (total + half) * boosts[paper]
            place = kept
            while place > 0 and (
                scores[place - 1] < score
                or (
                    scores[place - 1] == score
                    and ranks[out_papers[written + place - 1]] > ranks[paper]
                )
            ):
                place -= 1
            if place == keep:
                continue
            kept = min(kept + 1, keep)
            for behind in range(kept - 1, place, -1):
                scores[behind] = scores[behind - 1]
                out_papers[written + behind] = out_papers[written + behind - 1]
            scores[place] = score
            out_papers[written + place] = paper
            if kept == keep:
                worst = scores[keep - 1] * _SURELY
        for index in range(kept):
            out_sums[written + index] = sums[out_papers[written + index]]
        for index in range(reached):
            sums[touched[index]] = 0
        for index in range(excluded):
            sums[touched[last - index]] = 0
        written += kept
        out_counts[number] = kept
    return written


@cache
def compiled() -> Loop | None:
    """Return the loop as machine code, or None where Numba is not installed.

    It is compiled once for a machine, and kept beside this file or in the user's cache.
    """
    try:
        from numba import njit  # half a second: only where profiles are matched
    except ImportError:
        return None
    try:
        return njit(nogil=True, cache=True)(_best_of)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True)(_best_of)
