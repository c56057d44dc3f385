"""Plain BM25, and average precision with fair ties: what relevance is measured by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.keys import stems_of
from notifier.profiles.parser import parse
from notifier.profiles.rules import Near, Phrase, leaves

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
DRAWS = 200  # of the papers, for the standard error


def words_of(rules: str) -> list[str]:
    """Return the distinct stems that rules ask for."""
    asked = [leaf for _, node in parse(rules).wanted() for leaf in leaves(node)]
    parts = [
        part
        for leaf in asked
        for part in ((leaf.left, leaf.right) if isinstance(leaf, Near) else (leaf,))
    ]
    phrases = [part for part in parts if isinstance(part, Phrase)]
    return list(dict.fromkeys(stem for phrase in phrases for stem in stems_of(phrase.words)))


def bm25(counts: Sequence[Mapping[str, int]], asked: Sequence[str], k1: float, b: float) -> Floats:
    """Return plain BM25 (Robertson and Zaragoza, 2009) of texts, given as counts of stems.

    The document frequencies are those of the texts themselves.
    """
    lengths = np.array([sum(paper.values()) for paper in counts], np.float64)
    norm = k1 * (1 - b + b * lengths / max(lengths.mean(), 1e-9))
    scores = np.zeros(len(counts))
    for stem in asked:
        frequency = np.array([paper.get(stem, 0) for paper in counts], np.float64)
        there = int((frequency > 0).sum())
        idf = math.log1p((len(counts) - there + 0.5) / (there + 0.5))
        scores += idf * frequency * (k1 + 1) / np.maximum(frequency + norm, 1e-9)
    return scores


def average_precision(scores: Floats, wanted: Flags) -> float:
    """Return the mean average precision over all orders that the scores allow, in [0, 1].

    Of n equal scores with r wanted, after t papers with f wanted, the place t + i is wanted in
    r / n of the orders, and then (i - 1) (r - 1) / (n - 1) wanted ones of these stand before it
    (McSherry and Najork, Computing Information Retrieval Performance Measures Efficiently in the
    Presence of Tied Scores, 2008).
    """
    _, group = np.unique(-scores, return_inverse=True)
    sizes, hits = np.bincount(group), np.bincount(group, wanted)
    before, found = np.cumsum(sizes) - sizes, np.cumsum(hits) - hits
    total = 0.0
    for one in np.flatnonzero(hits).tolist():
        place = np.arange(sizes[one])
        others = place * (hits[one] - 1) / max(sizes[one] - 1, 1)
        shares = (found[one] + 1 + others) / (before[one] + place + 1)
        total += float(hits[one] / sizes[one] * shares.sum())
    return total / max(float(hits.sum()), 1.0)


def standard_error(one: Floats, other: Floats, wanted: Flags) -> float:
    """Return that of the difference in average precision, by drawing the papers anew."""
    chance = np.random.default_rng(1)
    apart = []
    for _ in range(DRAWS):
        drawn = chance.integers(0, len(wanted), len(wanted))
        apart.append(
            average_precision(one[drawn], wanted[drawn])
            - average_precision(other[drawn], wanted[drawn])
        )
    return float(np.std(apart))
