"""How well a paper fits a profile: BM25F over what the rules hit.

Pure. A word found again, found in the title, or rarer among the papers of the last 30 days
never lowers the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from notifier.papers.text import tokens
from notifier.profiles.matching import Hit, Match
from notifier.profiles.rules import Leaf, Meta, Near, Phrase, Trending, Word

# Field weights and saturation as in BM25F (Robertson and Zaragoza, The Probabilistic Relevance
# Framework, 2009, section 3.6); docs/ranking.md holds the parameters and their reasons.
FIELD_WEIGHT = {"title": 3.0, "abstract": 1.0}
SATURATION = 1.2
HALF_RELEVANCE = 1.5
# What a hit is worth that is no running text, on the scale of one rare word.
META_STRENGTH = {"author": 1.5, "org": 1.0, "cat": 0.3, "source": 0.3}
PREFIX_RARITY = 0.5

Rarity = Callable[[str], float]


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


def relevance(match: Match, rarity: Rarity) -> float:
    """Return how well the paper fits, in [0, 1): strengths add up and saturate.

    Args:
        match: All hits of one profile in one paper.
        rarity: The inverse document frequency of a stem, in (0, 1].
    """
    total = sum(strength for _, strength in strengths(match, rarity))
    return total / (total + HALF_RELEVANCE)


def strengths(match: Match, rarity: Rarity) -> Iterable[tuple[Leaf, float]]:
    """Yield each distinct leaf that hit, with what it adds before saturation."""
    by_leaf: dict[Leaf, list[Hit]] = {}
    for hit in match.hits:
        by_leaf.setdefault(hit.leaf, []).append(hit)
    for leaf, hits in by_leaf.items():
        weight = max(hit.weight for hit in hits)
        yield leaf, weight * _strength(leaf, hits, match, rarity)


def _strength(leaf: Leaf, hits: list[Hit], match: Match, rarity: Rarity) -> float:
    if isinstance(leaf, Trending):
        return 2.0 * (match.paper.trend or 0.0)
    if isinstance(leaf, Meta):
        return META_STRENGTH[leaf.where]
    frequency = 0.0
    for field in {hit.field for hit in hits}:
        count = max(len(hit.ranges) for hit in hits if hit.field == field)
        frequency += FIELD_WEIGHT[field] * count
    return leaf_rarity(leaf, rarity) * frequency / (frequency + SATURATION) * (SATURATION + 1)


def leaf_rarity(leaf: Phrase | Near, rarity: Rarity) -> float:
    """Return the rarity of the leaf's rarest word, in (0, 1]."""
    return max((_word_rarity(word, rarity) for word in _words(leaf)), default=PREFIX_RARITY)


def _words(leaf: Leaf) -> tuple[Word, ...]:
    match leaf:
        case Phrase(words=words):
            return words
        case Near(left=left, right=right):
            return left.words + right.words
        case _:
            return ()


def _word_rarity(word: Word, rarity: Rarity) -> float:
    if word.prefix:
        return PREFIX_RARITY
    return max((rarity(token.stem) for token in tokens(word.text)), default=0.0)


def stems_of(leaves: Iterable[Leaf]) -> set[str]:
    """Return every stem whose rarity `relevance` will ask for."""
    return {t.stem for leaf in leaves for word in _words(leaf) for t in tokens(word.text)}
