"""What the leaves of all clauses find in a batch of papers, all leaves of one kind at once.

Pure. Phrases were found before (`phrases`); here they become counts in each field of each paper,
and counts become strengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.clauses import (
    ANYWHERE,
    HUNDRED,
    NEAR,
    PHRASE,
    TREND,
    VALUE,
    Clauses,
)
from notifier.profiles.matching.concordance import (
    ABSTRACT,
    FIELDS,
    ORGANIZATION,
    TITLE,
    Concordance,
    spread,
    starts_of,
)
from notifier.profiles.matching.phrases import Found, Phrases
from notifier.profiles.matching.postings import Floats, Numbers, Postings, grouped, in_units

# Inverse document frequencies of stems, in (0, 1]; that of "" is a prefix's.
Rarities = Callable[[Sequence[str]], Floats]
_NAMES = ("author", "cat", "source")


class Strengths(Protocol):
    """How much a hit is worth, above 0: see `ranking.relevance`, which keeps it."""

    def words(self, title: Numbers, abstract: Numbers, rarity: Floats) -> Floats:
        """Of a phrase that stands so many times in both fields, its rarest word so rare."""

    def value(self, where: str) -> float:
        """Of an author, a category, a source or an organisation."""

    def trend(self, trends: Floats) -> Floats:
        """Of papers that trend so much, by a rule that asks for it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Papers to be matched.

    `trends` are in [0, 1], NaN where there is none; `trending` says which papers a rule `trending`
    takes, `wanted` which take part at all.
    """

    words: Concordance
    trends: Floats
    trending: NDArray[np.bool_]
    wanted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Counted:
    """How often phrases stand in papers: those of phrase n from `starts[n]` to `starts[n + 1]`."""

    papers: Numbers
    fields: tuple[Numbers, Numbers, Numbers]
    starts: Numbers


def leaves(
    clauses: Clauses, batch: Batch, *, rarities: Rarities, strengths: Strengths
) -> Iterator[Postings]:
    """Yield what the leaves of each kind find."""
    found = clauses.phrases.find(batch.words)
    fields = batch.words.fields_at(found.begins)
    counted = _counted(found.phrases.astype(np.int64), fields, len(clauses.phrases))
    rarity = _rarities(clauses.phrases, np.diff(counted.starts) > 0, rarities)
    yield _phrases(clauses, counted, rarity, strengths)
    yield _near(clauses, found, fields, rarity, strengths)
    yield _values(clauses, batch.words, strengths)
    yield _trending(clauses, batch, strengths)


def _counted(numbers: Numbers, fields: Numbers, most: int) -> _Counted:
    """Count what is found by number and field, both in order."""
    places = numbers * (int(fields.max(initial=0)) + FIELDS) + fields
    begins = np.flatnonzero(np.diff(places, prepend=-1))
    counts = np.diff(begins, append=len(places))
    numbers, papers, which = numbers[begins], fields[begins] // FIELDS, fields[begins] % FIELDS
    first, _ = grouped(numbers, papers)
    group = np.zeros(len(numbers), np.int64)
    group[first] = 1
    group = np.cumsum(group) - 1
    in_fields = []
    for field in range(FIELDS):
        column = np.zeros(len(first), np.int64)
        column[group[which == field]] = counts[which == field]
        in_fields.append(column)
    title, abstract, organization = in_fields
    starts = starts_of(np.bincount(numbers[first], minlength=most))
    return _Counted(papers[first], (title, abstract, organization), starts)


def _rarities(phrases: Phrases, found: NDArray[np.bool_], rarities: Rarities) -> Floats:
    """The rarity of each phrase that was found: that of its rarest word."""
    starts, stems = phrases.stem_starts.array, phrases.stems.array
    which = np.flatnonzero(found)
    counts = np.diff(starts)[which]
    keys, inverse = np.unique(stems[spread(starts[which], counts)], return_inverse=True)
    known = rarities([phrases.trie.names[key][1:] for key in keys.tolist()])
    out = np.zeros(len(phrases), np.float64)
    if len(which):
        out[which] = np.maximum.reduceat(known[inverse], starts_of(counts)[:-1])
    return out


def _phrases(clauses: Clauses, counted: _Counted, rarity: Floats, strengths: Strengths) -> Postings:
    nodes = clauses.of_kind(PHRASE)
    phrases, where, factors = (clauses.argument(nodes, n) for n in range(3))
    counts = np.diff(counted.starts)[phrases]
    which, at = np.repeat(np.arange(len(nodes)), counts), spread(counted.starts[phrases], counts)
    title, abstract, organization = (column[at] for column in counted.fields)
    where = where[which]
    title = np.where((where == TITLE) | (where == ANYWHERE), title, 0)
    abstract = np.where((where == ABSTRACT) | (where == ANYWHERE), abstract, 0)
    organization = np.where(where == ORGANIZATION, organization, 0)
    worth = strengths.words(title, abstract, rarity[phrases[which]])
    worth = np.where(where == ORGANIZATION, strengths.value("org"), worth)
    kept = title + abstract + organization > 0
    which = which[kept]
    units = in_units(worth[kept] * factors[which] / HUNDRED)
    return Postings(nodes[which], counted.papers[at[kept]], units)


def _near(
    clauses: Clauses, found: Found, field_of: Numbers, rarity: Floats, strengths: Strengths
) -> Postings:
    """Pairs of phrases near each other; `field_of` says in which field each find lies."""
    nodes = clauses.of_kind(NEAR)
    left, right, where, factors, distance = (clauses.argument(nodes, n) for n in range(5))
    counts = np.diff(found.starts)
    alive = np.flatnonzero((counts[left] > 0) & (counts[right] > 0))
    which, fields = _neighbours(found, field_of, left[alive], right[alive], distance[alive])
    which = alive[which]
    asked = where[which]
    kept = (asked == ANYWHERE) | (asked == fields % FIELDS)
    kept &= fields % FIELDS != ORGANIZATION
    which, fields = which[kept], fields[kept]
    counted = _counted(which, fields, len(nodes))
    which = np.repeat(np.arange(len(nodes)), np.diff(counted.starts))
    title, abstract, _ = counted.fields
    rarest = np.maximum(rarity[left[which]], rarity[right[which]])
    units = in_units(strengths.words(title, abstract, rarest) * factors[which] / HUNDRED)
    return Postings(nodes[which], counted.papers, units)


def _neighbours(
    found: Found, field_of: Numbers, left: Numbers, right: Numbers, distance: Numbers
) -> tuple[Numbers, Numbers]:
    """Return (which pair, field) of phrases at most `distance` apart, in order, each once.

    Side by side is a distance of 1; see `hits.neighbours` for one pair.
    """
    every = np.diff(found.starts)
    swapped = every[right] < every[left]  # neither comes first: begin with the rarer
    left, right = np.where(swapped, right, left), np.where(swapped, left, right)
    counts = every[left]
    which, at = np.repeat(np.arange(len(left)), counts), spread(found.starts[left], counts)
    begins, ends = found.begins[at], found.ends[at]
    widest = int((found.ends - found.begins).max(initial=0))
    ordered = found.phrases.astype(np.int64) << 32 | found.begins
    other = right[which] << 32
    low = np.searchsorted(ordered, other + np.maximum(begins - distance[which] - widest, 0))
    high = np.searchsorted(ordered, other + ends + distance[which])
    counts = np.maximum(high - low, 0)
    pair, beside = np.repeat(np.arange(len(which)), counts), spread(low, counts)
    gap = np.maximum(found.begins[beside] - ends[pair], begins[pair] - found.ends[beside]) + 1
    same = field_of[beside] == field_of[at[pair]]
    kept = same & (gap > 0) & (gap <= distance[which[pair]])
    pair, beside = pair[kept], beside[kept]
    every = np.concatenate((which[pair], which[pair]))
    finds = np.concatenate((at[pair], beside))
    begin = found.begins[finds].astype(np.int64)
    end = found.ends[finds].astype(np.int64)
    order = np.lexsort((end, begin, every))
    every, begin, end = every[order], begin[order], end[order]
    new = np.diff(every, prepend=-1) != 0
    new |= (np.diff(begin, prepend=-1) != 0) | (np.diff(end, prepend=-1) != 0)
    return every[new], field_of[finds[order][new]]


def _values(clauses: Clauses, words: Concordance, strengths: Strengths) -> Postings:
    nodes = clauses.of_kind(VALUE)
    asked, factors = clauses.argument(nodes, 0), clauses.argument(nodes, 1)
    numbers, papers = clauses.asked.find(words)
    worth = np.array([strengths.value(name) for name in clauses.asked.fields])
    starts = starts_of(np.bincount(numbers, minlength=len(worth)))
    counts = np.diff(starts)[asked]
    which = np.repeat(np.arange(len(nodes)), counts)
    units = in_units(worth[asked[which]] * factors[which] / HUNDRED)
    return Postings(nodes[which], papers[spread(starts[asked], counts)], units)


def _trending(clauses: Clauses, batch: Batch, strengths: Strengths) -> Postings:
    nodes = clauses.of_kind(TREND)
    factors = clauses.argument(nodes, 0)
    papers = np.flatnonzero(batch.trending)
    worth = strengths.trend(batch.trends[papers])
    units = in_units(np.outer(factors / HUNDRED, worth).ravel())
    return Postings(np.repeat(nodes, len(papers)), np.tile(papers, len(nodes)), units)
