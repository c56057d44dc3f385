"""Words that are ASCII letters and digits, and phrases of them, taken into a trie many at once.

Pure. Such a word is looked for by one key, so all that a phrase can be read as is which neighbours
are joined. Gives exactly what `Phrases.add` gives, one phrase after the other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.keys import MOST_SEQUENCES, asked_plainly, pair
from notifier.profiles.matching.columns import Column
from notifier.profiles.matching.concordance import spread
from notifier.profiles.matching.phrases import Phrases
from notifier.profiles.matching.table import Ints
from notifier.profiles.matching.trie import NO_KEY
from notifier.profiles.rules import Word

# Of a word that has several keys, or a choice of them.
_SEVERAL = "", "", ""


class Plain(NamedTuple):
    """Phrases of words by number: those of phrase n are `words[starts[n]:][:counts[n]]`."""

    words: Ints
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]


class PlainWords(dict[str, int]):
    """Typed words by number: with a star at the end a prefix, with a quote in front an exact word.

    One with a hyphen is here, too; `is_simple` tells that it has several keys.
    """

    def __init__(self, phrases: Phrases) -> None:
        super().__init__()
        self._phrases = phrases
        self._typed: list[str] = []
        self._found: list[tuple[str, str, str]] = []  # key, folded, key of the stem
        self._keys, self._stems = Column(np.int32), Column(np.int32)

    def __missing__(self, typed: str) -> int:
        number = self[typed] = len(self)
        self._typed.append(typed)
        if typed.isalnum():
            found = asked_plainly(typed, exact=False, prefix=False)
        else:
            word = self.word(number)
            found = _SEVERAL
            if word.text.isalnum():
                found = asked_plainly(word.text, exact=word.exact, prefix=word.prefix)
        self._found.append(found)
        return number

    def word(self, number: int) -> Word:
        """Return a word as it stands in rules."""
        typed = self._typed[number]
        return Word(typed.strip('"*'), exact=typed[0] == '"', prefix=typed[-1] == "*")

    def is_simple(self, words: Ints) -> NDArray[np.bool_]:
        """Return which words have one key."""
        self._look_up()
        simple: NDArray[np.bool_] = self._keys.array[words] != NO_KEY
        return simple

    def _look_up(self) -> None:
        """Find the keys of words that have come since."""
        new = self._found[len(self._keys) :]
        asked = dict.fromkeys(key for found in new for key in (found[0], found[2]) if key)
        names = list(asked)
        numbers = dict(zip(names, self._phrases.trie.all_keys(names).tolist(), strict=True))
        self._keys.extend([numbers.get(key, NO_KEY) for key, _, _ in new])
        self._stems.extend([numbers.get(stem, 0) for _, _, stem in new])

    def add(self, plain: Plain) -> Ints:
        """Add phrases of simple words that are not there yet, and return their numbers."""
        words = plain.words[spread(plain.starts, plain.counts)]
        pairs = self._paired(words, plain.counts)
        first = len(self._phrases)
        parts = list(self._paths(words, pairs, plain.counts))
        deepest = max((paths.shape[1] for _, paths in parts), default=0)
        filled = [
            np.pad(paths, ((0, 0), (0, deepest - paths.shape[1])), constant_values=NO_KEY)
            for _, paths in parts
        ]
        if parts:
            which = np.concatenate([phrases for phrases, _ in parts]).astype(np.int32)
            self._phrases.add_all(
                np.concatenate(filled), which, self._stems.array[words], plain.counts
            )
        return np.arange(first, len(self._phrases), dtype=np.int32)

    def _paired(self, words: Ints, counts: NDArray[np.int64]) -> Ints:
        """The key of each word joined with the next of its phrase, or `NO_KEY`."""
        pairs = np.full(len(words), NO_KEY, np.int32)
        has_next = np.ones(len(words), np.bool_)
        has_next[np.cumsum(counts) - 1] = False
        at = np.flatnonzero(has_next)
        coded = words[at].astype(np.int64) << 32 | words[at + 1]
        distinct, which = np.unique(coded, return_inverse=True)
        pairs[at] = self._pair_keys(distinct)[which]
        return pairs

    def _pair_keys(self, coded: NDArray[np.int64]) -> Ints:
        """The keys of distinct pairs, each a word << 32 | the next."""
        joined = [self._pair(code >> 32, code & (1 << 32) - 1) for code in coded.tolist()]
        there = np.array([key is not None for key in joined], np.bool_)
        keys = np.full(len(joined), NO_KEY, np.int32)
        keys[there] = self._phrases.trie.all_keys([key for key in joined if key is not None])
        return keys

    def _pair(self, one: int, two: int) -> str | None:
        (key, folded, _), (next_key, next_folded, _) = self._found[one], self._found[two]
        return pair(folded, next_folded, forms=key[0] + next_key[0])

    def _paths(
        self, words: Ints, pairs: Ints, counts: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.int64], Ints]]:
        """(phrase, keys side by side) of every way to read the phrases, in parts of one depth."""
        starts = np.cumsum(counts) - counts
        is_pair = (pairs != NO_KEY).astype(np.int64)
        place = np.arange(len(words)) - np.repeat(starts, counts)
        shapes = np.add.reduceat(is_pair << place, starts) if len(starts) else counts
        shapes = shapes << 8 | counts
        keys = np.stack((self._keys.array[words], pairs))
        found = []
        for shape in np.unique(shapes).tolist():
            phrases = np.flatnonzero(shapes == shape)
            for way in _ways(shape & 255, shape >> 8):
                columns = [keys[joined, starts[phrases] + at] for at, joined in way]
                found.append((phrases, np.stack(columns, axis=1)))
        return found


@lru_cache(maxsize=10_000)
def _ways(words: int, joined: int) -> list[tuple[tuple[int, int], ...]]:
    """Every way to read a phrase as (place, 1 for a pair): bit n of `joined` says that word n and
    the next may be one. At most `MOST_SEQUENCES`, else only the plain one: see `keys.steps`.
    """
    read: list[list[tuple[tuple[int, int], ...]]] = [[()], *([] for _ in range(words))]
    for place in range(words):
        for before in read[place]:
            read[place + 1].append((*before, (place, 0)))
            if joined >> place & 1:
                read[place + 2].append((*before, (place, 1)))
        if len(read[place + 1]) > MOST_SEQUENCES:
            return [tuple((at, 0) for at in range(words))]
    return read[-1]
