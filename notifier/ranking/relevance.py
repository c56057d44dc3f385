"""How well a paper fits a profile: BM25F over what the rules hit.

Pure. A word found again, found in the title, or rarer among the papers of the last 30 days never
lowers the result, nor does one more rule that hits. Strengths are whole numbers (`UNITS` is 1), so
that a sum is the same in whatever order it is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from notifier.profiles.matching.clauses import HUNDRED
from notifier.profiles.matching.postings import UNITS, Floats, Numbers

# Field weights and saturation as in BM25F (Robertson and Zaragoza, The Probabilistic Relevance
# Framework, 2009, section 3.6); docs/ranking.md, section 1, has the experiment. A title says what a
# paper is about: over 351 topics 3 is better than 1 or 2, and 5 hardly better than 3.
# A hit in the abstract counts 1.
TITLE_WEIGHT = 3.0
# BM25's usual value: 0.5 and 2 gain something on some topics and lose it on others.
SATURATION = 1.2
# Of the total; it moves no paper within a profile, only how two profiles compare.
HALF_RELEVANCE = 1.5
# What a hit is worth that is no running text, on the scale of one rare word.
VALUE_STRENGTH = {"author": 1.5, "org": 1.0, "cat": 0.3, "source": 0.3}
TREND_STRENGTH = 2.0
PREFIX_RARITY = 0.5
# The total of all rules at which relevance is a half, in units and hundredths of weight.
HALF_TOTAL = HALF_RELEVANCE * UNITS * HUNDRED


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """In how many of `papers` papers each stem stands; a stem not listed stands in none."""

    papers: int
    with_stem: dict[str, int]

    def rarity(self, stem: str) -> float:
        """Return the inverse document frequency of `stem`, scaled to (0, 1]; 1 is unheard of."""
        found = min(self.with_stem.get(stem, 0), self.papers)
        idf = math.log1p((self.papers - found + 0.5) / (found + 0.5))
        return idf / math.log1p((self.papers + 0.5) / 0.5)

    def rarities(self, stems: Sequence[str]) -> Floats:
        """Return the rarity of each stem; that of "", which stands for a prefix, is fixed."""
        return np.array(
            [self.rarity(stem) if stem else PREFIX_RARITY for stem in stems], np.float64
        )


@dataclass(frozen=True, slots=True)
class Bm25f:
    """The strengths of hits, before weights and saturation of the whole; above 0.

    `title_weight`: how many hits in the abstract one in the title is worth. `saturation`: the
    frequency, in hits in the abstract, at which a hit has half of the strength it can have.
    """

    title_weight: float = TITLE_WEIGHT
    saturation: float = SATURATION

    def words(self, title: Numbers, abstract: Numbers, rarity: Floats) -> Floats:
        """Return the strength of phrases found so often, whose rarest word is so rare."""
        frequency = self.title_weight * title + abstract
        found: Floats = rarity * frequency / (frequency + self.saturation) * (self.saturation + 1)
        return found

    def value(self, where: str) -> float:
        """Return the strength of an author, a category, a source or an organisation."""
        return VALUE_STRENGTH[where]

    def trend(self, trends: Floats) -> Floats:
        """Return the strength of `trending` for papers that trend so much."""
        return TREND_STRENGTH * trends


def relevance(totals: Numbers) -> Floats:
    """Return how well papers fit, in [0, 1): what the rules add saturates.

    Args:
        totals: The sum of weight x strength of all rules that hit, in hundredths x units.
    """
    return totals / (totals + HALF_TOTAL)
