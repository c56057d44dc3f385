"""The best papers of each profile: the inner loops, as machine code. Imported where Numba is.

Pure. What a profile's rules find adds up in one number for each paper: the lower bits are the
total, the upper ones have a bit for each rule. The longest of its runs, most of what there is to
add, is not gone through: profiles that have it in common, with the same weight, come one after the
other and share a row of what it gives each paper (`base`) and its own best papers (`top`). Of
papers that no other rule finds only those can be among a profile's best.
"""

# mypy: disable-error-code="no-untyped-def,no-any-return"

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from notifier.ranking.kernel import RULE_BITS, TOTAL_BITS

_TOTAL = (1 << TOTAL_BITS) - 1
_ONE_RULE = 1 << TOTAL_BITS
_EXCLUDED = np.iinfo(np.int64).min
# A little less than 1: what is surely worse than the worst kept is passed over without a division.
_SURELY = 1.0 - 1e-12


def _machine_code(function: Callable[..., int]) -> Callable[..., int]:
    """Compile once for a machine; kept beside this file or in the user's cache."""
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)


@_machine_code
def longest(slots, firsts, counts, clauses, weights, trends, lengths, only_trend, out):
    """Write which entry of each slot that can bring papers has the longest run, -1 for none."""
    for number in range(len(slots)):
        slot = slots[number]
        most = 0
        out[number] = -1
        for entry in range(firsts[slot], firsts[slot] + counts[slot]):
            length = lengths[clauses[entry]]
            if length > most and weights[entry] and (trends[entry] or not only_trend):
                most = length
                out[number] = entry
    return 0


@_machine_code
def _sorted(scores, papers, found, keep, spare_scores, spare_papers):
    """Bring the best of the first `found` to the front, in order; return how many those are.

    Each is compared with each, without a branch: for some dozens faster than any sorting.
    """
    for index in range(found):
        score, paper = scores[index], papers[index]
        place = 0
        for other in range(found):
            better = scores[other] > score
            place += better | ((scores[other] == score) & (papers[other] < paper))
        if place < keep:
            spare_scores[place] = score
            spare_papers[place] = paper
    kept = min(found, keep)
    for index in range(kept):
        scores[index] = spare_scores[index]
        papers[index] = spare_papers[index]
    return kept


@_machine_code
def best_of(
    slots, heaviest, rows, firsts, counts, clauses, weights, trends, starts, lengths, postings,
    boosts, numbers, half, keep, only_trend, base, sums, touched,
    top, top_scores, papers, scores, spare, spare_scores,
    out_profiles, out_papers, out_totals, out_rules,
):  # fmt: skip
    """Write the best papers of each slot, best first, one slot after the other.

    Papers are counted by rank: of equal scores the lower number is better.

    Args:
        slots, heaviest: Slots, and of each the entry with the longest run: see `longest`. Equal
            ones (by clause and weight) stand side by side.
        rows, firsts, counts, clauses, weights, trends: See `compiled.Arrays`.
        starts, lengths: Where what a clause finds stands in `postings`: see `postings.Runs`.
        postings: paper << 16 | units.
        boosts: By paper, above 0: what relevance is multiplied with.
        numbers: By paper, its number in the results.
        half: The total at which relevance is a half.
        keep: At most so many of each slot, at least 1.
        only_trend: Only rules that ask for what is trending bring a paper.
        base, sums: By paper, all zero before and after.
        touched: Room for one more than there are papers.
        top, top_scores, papers, scores, spare, spare_scores: Room for more than `keep`.
        out_profiles, out_papers, out_totals, out_rules: The results, as in `best.Best`.
    Returns:
        How many results were written.
    """
    written = 0
    last, room = len(touched) - 1, len(papers)
    common = common_weight = -1
    begin = end = tops = 0
    for number in range(len(slots)):
        slot, heavy = slots[number], heaviest[number]
        if clauses[heavy] != common or weights[heavy] != common_weight:
            for at in range(begin, end):
                base[postings[at] >> 16] = 0
            common, common_weight = clauses[heavy], weights[heavy]
            begin = starts[common]
            end = begin + lengths[common]
            tops = 0
            worst = 0.0
            for at in range(begin, end):
                paper = postings[at] >> 16
                total = np.int64(postings[at] & 0xFFFF) * common_weight
                base[paper] = total | _ONE_RULE
                if boosts[paper] * total >= worst * (total + half):
                    top[tops] = paper
                    top_scores[tops] = total / (total + half) * boosts[paper]
                    tops += 1
                    if tops == room:
                        tops = _sorted(top_scores, top, tops, keep, spare_scores, spare)
                        worst = top_scores[keep - 1] * _SURELY
            tops = _sorted(top_scores, top, tops, keep, spare_scores, spare)
        reached = excluded = bit = heavy_bit = 0
        for entry in range(firsts[slot], firsts[slot] + counts[slot]):
            clause = clauses[entry]
            first = starts[clause]
            behind = first + lengths[clause]
            weight = np.int64(weights[entry])
            if weight == 0:
                for at in range(first, behind):
                    paper = postings[at] >> 16
                    if sums[paper] == 0:
                        touched[last - excluded] = paper
                        excluded += 1
                        sums[paper] = _EXCLUDED
                continue
            if entry == heavy:
                heavy_bit = min(bit, RULE_BITS - 1)
            elif trends[entry] or not only_trend:
                mark = np.int64(1) << (TOTAL_BITS + min(bit, RULE_BITS - 1))
                for at in range(first, behind):
                    paper = postings[at] >> 16
                    before = sums[paper]
                    touched[reached] = paper
                    reached += before == 0
                    sums[paper] = (before + (postings[at] & 0xFFFF) * weight) | mark
            bit += 1
        kept = 0
        worst = 0.0
        if excluded == 0:
            for index in range(tops):
                papers[kept] = top[index]
                scores[kept] = top_scores[index]
                kept += sums[top[index]] == 0
            if tops == keep:
                worst = top_scores[keep - 1] * _SURELY
        else:
            for at in range(begin, end):
                paper = postings[at] >> 16
                total = base[paper] & _TOTAL
                if sums[paper] == 0 and boosts[paper] * total >= worst * (total + half):
                    papers[kept] = paper
                    scores[kept] = total / (total + half) * boosts[paper]
                    kept += 1
                    if kept == room:
                        kept = _sorted(scores, papers, kept, keep, spare_scores, spare)
                        worst = scores[keep - 1] * _SURELY
        for index in range(reached):
            paper = touched[index]
            total = (sums[paper] & _TOTAL) + (base[paper] & _TOTAL)
            if boosts[paper] * total >= worst * (total + half):
                papers[kept] = paper
                scores[kept] = total / (total + half) * boosts[paper]
                kept += 1
                if kept == room:
                    kept = _sorted(scores, papers, kept, keep, spare_scores, spare)
                    worst = scores[keep - 1] * _SURELY
        kept = _sorted(scores, papers, kept, keep, spare_scores, spare)
        for index in range(kept):
            paper = papers[index]
            out_profiles[written + index] = rows[slot]
            out_papers[written + index] = numbers[paper]
            out_totals[written + index] = (sums[paper] & _TOTAL) + (base[paper] & _TOTAL)
            rules = (sums[paper] >> TOTAL_BITS) | (base[paper] >> TOTAL_BITS << heavy_bit)
            out_rules[written + index] = rules
        for index in range(reached):
            sums[touched[index]] = 0
        for index in range(excluded):
            sums[touched[last - index]] = 0
        written += kept
    for at in range(begin, end):
        base[postings[at] >> 16] = 0
    return written
