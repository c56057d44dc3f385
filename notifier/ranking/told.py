"""A taste in words: more of which, less of which.

Pure. A stem is no word, so each is told as it is most often written in the papers voted on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Set

from notifier.papers.text import STEM_FROM_LETTERS, compounds, stem, tokens
from notifier.ranking.learning import Taste

MOST_WORDS = 8
# Commoner words count, and name no taste: method, results.
TOLD_RARITY = 0.3


def told(
    taste: Taste, texts: Iterable[str], rarity: Callable[[str], float], *, most: int = MOST_WORDS
) -> tuple[list[str], list[str]]:
    """Return the words of which somebody wants more, and those of which less, strongest first.

    Args:
        texts: Titles and abstracts of what was voted on.
        rarity: Of a stem, in (0, 1]; see `relevance.WordStatistics`.
        most: So many words of each kind at most.
    """
    strengths = {
        one: weight - taste.background[one]
        for one, weight in taste.weights.items()
        if _is_topic(one) and rarity(one) >= TOLD_RARITY
    }
    ordered = sorted(strengths, key=lambda one: (-strengths[one], one))
    more = [one for one in ordered if strengths[one] > 0][:most]
    less = [one for one in reversed(ordered) if taste.weights[one] < 0][:most]
    forms = _forms(texts, {*more, *less})
    return [forms.get(one, one) for one in more], [forms.get(one, one) for one in less]


def _is_topic(one: str) -> bool:
    return len(one) >= STEM_FROM_LETTERS - 1 and not one.isdecimal()


def _forms(texts: Iterable[str], stems: Set[str]) -> dict[str, str]:
    """The most frequent written form of each stem; of equals the shortest, then the first."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        words = list(tokens(text))
        for word in words:
            if word.stem in stems:
                found[word.stem][_plain(word.surface)] += 1
        for first, end, joined in compounds(words):
            if (one := stem(joined)) in stems:
                found[one]["-".join(_plain(word.surface) for word in words[first:end])] += 1
    return {
        one: min(forms, key=lambda form: (-forms[form], len(form), form))
        for one, forms in found.items()
    }


def _plain(surface: str) -> str:
    """A word in small letters, unless capitals stand within it: RAG, mRNA."""
    return surface.lower() if surface[1:].islower() else surface
