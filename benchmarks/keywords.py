"""What people may ask for: strings with their popularity, made from a day's papers and a seed.

A keyword is a phrase that stands in the papers, those of many titles first, or an invented one: new
words, and known words side by side. At the top real and invented ones take turns (what people
follow is not what one day brings), below are invented ones alone. Popularity is Zipf's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np
from corpus import ENDINGS, STOP_WORDS, SYLLABLES
from numpy.typing import NDArray

from notifier.papers.paper import Paper

KEYWORDS = 300_000
PHRASES = 20_000  # of the keywords: those that stand in the papers
PHRASE_WORDS = 4
# A single word that a larger share of the papers holds is too common for anybody to follow.
COMMON = 0.05
FLATTENED = 10  # places at the top whose shares are alike
CODES = 2_000  # invented acronyms
# Shares of invented keywords: two or three known words, a known and a new word; else a new word.
TWO_KNOWN, THREE_KNOWN, KNOWN_AND_NEW = 0.4, 0.1, 0.25
_STOP = frozenset(STOP_WORDS)
_BREAK = re.compile(r"[^\w\s-]+|\s-|-\s")
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_ACRONYM = re.compile(r"[A-Z]{2,5}")
_NAME = re.compile(r"[^\W\d_]+(?:[ .'-]{1,2}[^\W\d_]+)*")
_OPERATORS = frozenset(("AND", "OR", "NOT"))


@dataclass(frozen=True, slots=True)
class Pool:
    """Strings, the most popular first; `cumulated` are their summed shares, up to 1."""

    strings: list[str]
    cumulated: NDArray[np.float64]

    @classmethod
    def of(cls, strings: Iterable[str]) -> Pool:
        """Make a pool of the distinct strings, with shares by Zipf's law, flattened at the top."""
        distinct = list(dict.fromkeys(strings))
        shares = np.cumsum(1 / (np.arange(1, len(distinct) + 1) + FLATTENED))
        return cls(distinct, shares / shares[-1])

    def draw(self, chance: np.random.Generator, count: int) -> list[str]:
        """Return `count` strings, popular ones more often."""
        strings = self.strings
        numbers = np.searchsorted(self.cumulated, chance.random(count))
        return [strings[number] for number in numbers.tolist()]


@dataclass(frozen=True, slots=True)
class Pools:
    """All that the rules of profiles are made of."""

    keywords: Pool
    acronyms: Pool
    authors: Pool
    categories: Pool

    @classmethod
    def of(cls, papers: Sequence[Paper], seed: int) -> Pools:
        """Return the same pools for the same papers and seed."""
        chance = np.random.default_rng([seed, 0])
        real = phrases(papers)
        words = [phrase for phrase in real if phrase.isalpha() and phrase.islower()] or ["learning"]
        invented = _invented(chance, words, KEYWORDS + PHRASES)
        keywords = chain(chain.from_iterable(zip(real, invented, strict=False)), invented)
        acronyms = [phrase for phrase in real if _ACRONYM.fullmatch(phrase)]
        letters = chance.integers(ord("A"), ord("Z"), (CODES, 4), endpoint=True).tolist()
        return cls(
            Pool.of(islice(dict.fromkeys(keywords), KEYWORDS)),
            Pool.of([*acronyms, *("".join(map(chr, code)) for code in letters)]),
            Pool.of(["Yann LeCun", *_names(papers)]),
            Pool.of(_categories(papers)),
        )


def phrases(papers: Iterable[Paper]) -> list[str]:
    """Return up to `PHRASES` topic-like phrases of one to four words, the most popular first.

    What people follow is what titles name: the number of titles counts, then that of the papers.
    Phrases of several words stand in two papers at least. None begins or ends with a stop word.
    """
    read = [(_runs(paper.title), _runs(paper.abstract)) for paper in papers]
    spread: Counter[str] = Counter()
    named: Counter[str] = Counter()
    known: frozenset[str] = frozenset()
    for length in range(1, PHRASE_WORDS + 1):
        counts: Counter[str] = Counter()
        for title, abstract in read:
            in_title = {phrase for run in title for phrase in _phrases(run, length, known)}
            named.update(in_title)
            counts.update(
                in_title.union(p for run in abstract for p in _phrases(run, length, known))
            )
        known = frozenset(phrase for phrase, many in counts.items() if many > 1)
        most = COMMON * len(read) if length == 1 else len(read)
        wanted = counts if length == 1 else known
        spread.update({p: counts[p] for p in wanted if counts[p] <= most and _is_topic(p)})
    ranked = sorted(spread, key=lambda phrase: (-named[phrase], -spread[phrase], phrase))
    return ranked[:PHRASES]


def _runs(text: str) -> list[list[str]]:
    """Return the words that stand with no punctuation between, only acronyms in capitals."""
    return [
        [word if _ACRONYM.match(word) else word.lower() for word in _WORD.findall(run)]
        for run in _BREAK.split(text)
    ]


def _phrases(run: list[str], length: int, known: frozenset[str]) -> Iterator[str]:
    """Yield the phrases of `length` words whose beginning is known."""
    for first in range(len(run) - length + 1):
        if length == 1:
            yield run[first]
        elif (begun := " ".join(run[first : first + length - 1])) in known:
            yield f"{begun} {run[first + length - 1]}"


def _is_topic(phrase: str) -> bool:
    words = phrase.split(" ")
    return not _OPERATORS.intersection(words) and all(
        len(word) > 1 and word.lower() not in _STOP and any(map(str.isalpha, word))
        for word in (words[0], words[-1])
    )


def _invented(chance: np.random.Generator, known: Sequence[str], many: int) -> Iterator[str]:
    """Yield keywords that stand in few papers or in none; the draws are made at once."""
    kinds = chance.random(many).tolist()
    endings = [ENDINGS[number] for number in chance.integers(0, len(ENDINGS), many).tolist()]
    parts = chance.integers(0, len(SYLLABLES), (many, 3)).tolist()
    places = chance.integers(0, len(known), (many, 3)).tolist()
    for kind, ending, part, (one, two, three) in zip(kinds, endings, parts, places, strict=True):
        new = "".join([SYLLABLES[number] for number in part]) + ending
        if kind < TWO_KNOWN:
            yield f"{known[one]} {known[two]}"
        elif (kind := kind - TWO_KNOWN) < THREE_KNOWN:
            yield f"{known[one]} {known[two]} {known[three]}"
        else:
            yield f"{known[one]} {new}" if kind - THREE_KNOWN < KNOWN_AND_NEW else new


def private_words(first: int) -> Iterator[str]:
    """Yield words that are in no pool; ranges of numbers that do not meet give no word twice."""
    base = len(SYLLABLES)
    for number in count(first):
        rest, word = number * 2_654_435_761 % base**5, ""  # a prime: neighbours look unlike
        for _ in range(5):
            rest, part = divmod(rest, base)
            word += SYLLABLES[part]
        yield f"{word}x"


def _names(papers: Iterable[Paper]) -> Iterator[str]:
    """Yield authors in the three ways people write them."""
    for paper in papers:
        for place, name in enumerate(paper.authors):
            given, _, family = name.rpartition(" ")
            if given and _NAME.fullmatch(name) and not _OPERATORS.intersection(name.split()):
                yield (name, f"{given[0]}. {family}", f"{family}, {given}")[place % 3]


def _categories(papers: Iterable[Paper]) -> list[str]:
    """Return categories, the largest first, then whole archives (`cs.*`), which few ask for."""
    held = [category for paper in papers for category in paper.categories]
    sizes = Counter(held)
    archives = Counter(f"{category.partition('.')[0]}.*" for category in held)
    return [category for category, _ in sizes.most_common() + archives.most_common()]
