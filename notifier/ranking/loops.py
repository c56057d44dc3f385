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
_NO_SCORE = -1.0
# Without a sign: a place with one is first looked at, whether it counts from the end.
_SHIFT, _UNITS = np.uint32(16), np.uint32(0xFFFF)
# A rule of a profile is weight << 8 | bit.
BIT_BITS = 8
_BIT = (1 << BIT_BITS) - 1
# Papers are compared each with each in steps of so many, up to so many; fewer than _FEW places
# left are not worth going on for.
_STEP, _FEW, _MANY = 32, 16, 96


def room_for(keep: int) -> int:
    """Return how many papers the loops want room for, to keep so many."""
    return 2 * keep + 2 * _STEP + 2


def _machine_code(function: Callable[..., int]) -> Callable[..., int]:
    """Compile once for a machine; kept beside this file or in the user's cache."""
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to keep it
        return njit(nogil=True, error_model="numpy")(function)


@_machine_code
def hits(
    slots, firsts, counts, clauses, weights, trends, bounds, only_trend,
    out_starts, out_bounds, out_rules, out_longest,
):  # fmt: skip
    """Write which entries of each slot find papers, and bring or exclude them.

    Args:
        slots, firsts, counts, clauses, weights, trends: See `compiled.Arrays`.
        bounds: Where what each clause finds begins and ends.
        only_trend: Only rules that ask for what is trending bring a paper.
        out_starts: Hits of slot n begin at `out_starts[n]`.
        out_bounds, out_rules: By hit; a rule is weight << 8 | bit.
        out_longest: Which hit of each slot brings the most papers, -1 for none.
    Returns:
        How many hits there are.
    """
    found = 0
    for number in range(len(slots)):
        first = firsts[slots[number]]
        longest, most, bit = -1, 0, 0
        out_starts[number] = found
        for entry in range(first, first + counts[slots[number]]):
            begin, end = bounds[clauses[entry]]
            weight = np.int32(weights[entry])
            if begin < end and (weight == 0 or trends[entry] or not only_trend):
                out_bounds[found, 0] = begin
                out_bounds[found, 1] = end
                out_rules[found] = weight << BIT_BITS | min(bit, RULE_BITS - 1)
                if weight and end - begin > most:
                    longest, most = found, end - begin
                found += 1
            bit += weight != 0
        out_longest[number] = longest
    out_starts[len(slots)] = found
    return found


@_machine_code
def _in_order(found, papers, scores, out_papers, out_scores, places):
    """Write the first `found` papers in order of score, equal ones of number.

    Some dozens are compared each with each, without a branch: faster than any sorting. (Papers are
    looked at in whole steps of a vector; what comes out for those behind is not used.)
    """
    if found > _MANY:
        order = np.argsort(papers[:found])
        order = order[np.argsort(-scores[:found][order], kind="mergesort")]
        for index in range(found):
            out_papers[index] = papers[order[index]]
            out_scores[index] = scores[order[index]]
    else:
        several = (found + _STEP - 1) // _STEP * _STEP
        for index in range(several):
            places[index] = 0
        for other in range(found):
            paper, score = papers[other], scores[other]
            for index in range(several):
                equal = (score == scores[index]) & (paper < papers[index])
                places[index] += (score > scores[index]) | equal
        for index in range(found):
            out_papers[places[index]] = papers[index]
            out_scores[places[index]] = scores[index]


@_machine_code
def _chosen(
    touched, reached, sums, base, boosts, half, keep, worst,
    papers, scores, places, out_papers, out_scores,
):  # fmt: skip
    """Write the best of the papers reached, in order; return how many.

    What scores less than `worst` is passed over. No paper's fate is a branch of the inner loop.
    """
    room = len(papers) - _STEP
    index = kept = 0
    while index < reached:
        if kept > room - _FEW:
            _in_order(kept, papers, scores, out_papers, out_scores, places)
            kept = keep
            for at in range(keep):
                papers[at] = out_papers[at]
                scores[at] = out_scores[at]
            worst = max(worst, scores[keep - 1])
        stop = min(reached, index + room - kept)
        for at in range(index, stop):
            paper = np.uint32(touched[at])
            total = np.float64((sums[paper] & _TOTAL) + (base[paper] & _TOTAL))
            score = total / (total + half) * boosts[paper]
            papers[np.uint64(kept)] = paper
            scores[np.uint64(kept)] = score
            kept += score >= worst
        index = stop
    _in_order(kept, papers, scores, out_papers, out_scores, places)
    return min(kept, keep)


@_machine_code
def best_of(
    slots, rows, hit_starts, hit_bounds, hit_rules, longest, postings,
    boosts, numbers, half, keep, base, sums, touched,
    top, top_scores, alone_papers, alone_scores, papers, scores, places, best_papers, best_scores,
    out_profiles, out_papers, out_totals, out_rules,
):  # fmt: skip
    """Write the best papers of some slots, best first, one slot after the other.

    Papers are counted by rank: of equal scores the lower number is better.

    Args:
        slots: Places in what `hits` wrote; those whose longest hits are of one clause and weight
            stand side by side.
        rows: Of each place the row of its profile.
        hit_starts, hit_bounds, hit_rules, longest: See `hits`.
        postings: paper << 16 | units, clause by clause.
        boosts: By paper, above 0: what relevance is multiplied with.
        numbers: By paper, its number in the results.
        half: The total at which relevance is a half.
        keep: At most so many of each slot, at least 1.
        base, sums: By paper, all zero before and after.
        touched: Room for one more than there are papers.
        top, top_scores, alone_papers, alone_scores, papers, scores, places, best_papers,
            best_scores: Room for `room_for(keep)`.
        out_profiles, out_papers, out_totals, out_rules: The results, as in `best.Best`.
    Returns:
        How many results were written.
    """
    written = 0
    last = len(touched) - 1
    common_weight = -1
    begin = end = tops = 0
    for number in range(len(slots)):
        slot = slots[number]
        heavy = longest[slot]
        if hit_bounds[heavy, 0] != begin or hit_rules[heavy] >> BIT_BITS != common_weight:
            for at in range(begin, end):
                base[postings[at] >> _SHIFT] = 0
            begin, end = hit_bounds[heavy]
            common_weight = hit_rules[heavy] >> BIT_BITS
            for at in range(begin, end):
                paper = postings[at] >> _SHIFT
                touched[at - begin] = paper
                base[paper] = np.int64(postings[at] & _UNITS) * common_weight | _ONE_RULE
            tops = _chosen(
                touched, end - begin, sums, base, boosts, half, keep, 0.0,
                papers, scores, places, top, top_scores,
            )  # fmt: skip
        reached = excluded = 0
        for hit in range(hit_starts[slot], hit_starts[slot + 1]):
            first, behind = hit_bounds[hit]
            weight = np.int64(hit_rules[hit] >> BIT_BITS)
            if weight == 0:
                for at in range(first, behind):
                    paper = postings[at] >> _SHIFT
                    touched[last - excluded] = paper
                    excluded += sums[paper] == 0
                    sums[paper] = _EXCLUDED
            elif hit != heavy:
                mark = np.int64(1) << (TOTAL_BITS + (hit_rules[hit] & _BIT))
                for at in range(first, behind):
                    paper = postings[at] >> _SHIFT
                    before = sums[paper]
                    touched[reached] = paper
                    reached += before == 0
                    sums[paper] = (before + np.int64(postings[at] & _UNITS) * weight) | mark
        alone = 0
        worst = 0.0
        if excluded == 0:
            for index in range(tops):
                alone_papers[alone] = top[index]
                alone_scores[alone] = top_scores[index]
                alone += sums[top[index]] == 0
            if tops == keep:
                worst = top_scores[keep - 1]
        else:
            for at in range(begin, end):
                paper = postings[at] >> _SHIFT
                touched[reached] = paper
                reached += sums[paper] == 0
        chosen = 0
        if reached:
            chosen = _chosen(
                touched, reached, sums, base, boosts, half, keep, worst,
                papers, scores, places, best_papers, best_scores,
            )  # fmt: skip
        best_scores[chosen] = alone_scores[alone] = _NO_SCORE
        kept = min(alone + chosen, keep)
        alone = chosen = 0
        heavy_bit = hit_rules[heavy] & _BIT
        for index in range(written, written + kept):
            is_alone = (alone_scores[alone] > best_scores[chosen]) | (
                (alone_scores[alone] == best_scores[chosen])
                & (alone_papers[alone] < best_papers[chosen])
            )
            paper = alone_papers[alone] if is_alone else best_papers[chosen]
            alone += is_alone
            chosen += not is_alone
            out_profiles[index] = rows[slot]
            out_papers[index] = numbers[paper]
            out_totals[index] = (sums[paper] & _TOTAL) + (base[paper] & _TOTAL)
            rules = (sums[paper] >> TOTAL_BITS) | (base[paper] >> TOTAL_BITS << heavy_bit)
            out_rules[index] = rules
        for index in range(reached):
            sums[touched[index]] = 0
        for index in range(excluded):
            sums[touched[last - index]] = 0
        written += kept
    for at in range(begin, end):
        base[postings[at] >> _SHIFT] = 0
    return written
