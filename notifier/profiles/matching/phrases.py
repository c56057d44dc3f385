"""The phrases of all profiles, found in all papers at once, each distinct one once.

Pure. A trie over keys (see `keys`) holds every way to read every phrase. Finding walks all places
of a concordance at the same time, one word deeper at each step, and keeps only what some phrase
begins with: the work grows with what is found, not with the number of phrases.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.keys import sequences, stems_of
from notifier.profiles.matching.columns import Array, Column, Held
from notifier.profiles.matching.concordance import Concordance, spread, starts_of
from notifier.profiles.matching.table import ABSENT, Hashes, Ints
from notifier.profiles.matching.trie import Trie, edges_of
from notifier.profiles.rules import Word

# One number holds a phrase, its place and its length in words: a rule has 1,000 characters, and
# 2^26 places are 300,000 papers.
_LENGTH_BITS, _PLACE_BITS = 10, 26
MOST_PLACES = 1 << _PLACE_BITS
_NOWHERE = -1
# Phrases with fewer keys than one in so many of the papers' are looked for, key by key.
_FEW_KEYS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """Where phrases stand, ordered by phrase and place; no two of one phrase begin alike.

    Those of phrase n are `starts[n]` to `starts[n + 1]` of `begins` and `ends` (places of the
    concordance; an end is behind the last word).
    """

    phrases: Ints
    begins: Ints
    ends: Ints
    starts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Known:
    """Which keys of which words any phrase has, ordered by word: word n `starts[n]` to the next."""

    words: Ints
    keys: Ints
    starts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Walk:
    """Walks through the trie: the node each has come to, where it began, where it is."""

    nodes: Ints
    begins: Ints
    ends: Ints

    def kept(self, which: NDArray[np.bool_]) -> _Walk:
        return _Walk(self.nodes[which], self.begins[which], self.ends[which])


def _packed(walk: _Walk) -> NDArray[np.int64]:
    places = walk.nodes.astype(np.int64) << _PLACE_BITS | walk.begins
    return places << _LENGTH_BITS | (walk.ends - walk.begins)


class Phrases:
    """Distinct phrases by number; they are only ever added.

    `stems[stem_starts[n]:stem_starts[n + 1]]` are the keys of the stems of phrase n, some perhaps
    twice: what says how rare it is. Key 0 stands for a prefix.
    """

    def __init__(self, held: Held | None = None) -> None:
        """Begin with nothing, or with what `held` gave, which may be changed."""
        self.trie = Trie(held)
        if held is None:
            self.stem_starts, self.stems = Column(np.int64), Column(np.int32)
            self.stem_starts.append(0)
        else:
            self.stem_starts = Column(np.int64, held["stem_starts"])
            self.stems = Column(np.int32, held["stems"])

    def held(self) -> dict[str, Array]:
        """Return the arrays that hold all of it."""
        stems = {"stem_starts": self.stem_starts.array, "stems": self.stems.array}
        return self.trie.held() | stems

    def __len__(self) -> int:
        return len(self.stem_starts) - 1

    def add(self, words: tuple[Word, ...]) -> int:
        """Add a phrase and return its number."""
        number = len(self)
        for sequence in sequences(words):
            self.trie.add([self.trie.key(key) for key in sequence], number)
        self.stems.extend([self.trie.key("s" + stem) for stem in stems_of(words)])
        if any(word.prefix for word in words):
            self.stems.append(0)
        self.stem_starts.append(len(self.stems))
        return number

    def add_all(self, paths: Ints, phrases: Ints, stems: Ints, counts: NDArray[np.int64]) -> None:
        """Add phrases.

        Args:
            paths: Keys of every way to read them: see `Trie.add_all`.
            phrases: Which phrase each path is of; the first of them is number 0.
            stems: Of the first phrase, then of the second ...
            counts: How many of `stems` each has.
        """
        self.trie.add_all(paths, phrases + np.int32(len(self)))
        self.stem_starts.extend(np.cumsum(counts) + len(self.stems))
        self.stems.extend(stems)

    def find(self, papers: Concordance) -> Found:
        """Return every place of every phrase; of two that begin at one place the shorter."""
        known = self._known_keys(papers)
        walk = self._first(papers, known)
        done = [self._complete(walk)]
        while walk.nodes.size:
            walk = self._next(papers, known, walk)
            done.append(self._complete(walk))
        packed = np.concatenate([_packed(one) for one in done])
        packed.sort()
        packed = packed[np.diff(packed >> _LENGTH_BITS, prepend=_NOWHERE) != 0]
        phrases = (packed >> _LENGTH_BITS + _PLACE_BITS).astype(np.int32)
        begins = (packed >> _LENGTH_BITS & (1 << _PLACE_BITS) - 1).astype(np.int32)
        ends = begins + (packed & (1 << _LENGTH_BITS) - 1).astype(np.int32)
        return Found(phrases, begins, ends, starts_of(np.bincount(phrases, minlength=len(self))))

    def _known_keys(self, papers: Concordance) -> _Known:
        at, keys = self._keys_in(papers.keys)
        more = np.array(list(self._prefixed(papers)), np.int64).reshape(-1, 2)
        words = np.concatenate((papers.key_words[at], more[:, 0]))
        keys = np.concatenate((keys, more[:, 1])).astype(np.int32)
        order = np.argsort(words, kind="stable")
        starts = starts_of(np.bincount(words, minlength=papers.words))
        return _Known(words[order].astype(np.int32), keys[order], starts)

    def _keys_in(self, hashes: Hashes) -> tuple[NDArray[np.int64], Ints]:
        """Return where keys that any phrase has stand among keys in order, and which they are."""
        if len(self.trie.keys) * _FEW_KEYS > len(hashes):
            keys = self.trie.keys.find(hashes)
            at = np.flatnonzero(keys != ABSENT)
            return at, keys[at]
        own, numbers = self.trie.keys.items()
        low = np.searchsorted(hashes, own, "left")
        counts = np.searchsorted(hashes, own, "right") - low
        return spread(low, counts), np.repeat(numbers, counts)

    def _prefixed(self, papers: Concordance) -> Iterator[tuple[int, int]]:
        """Yield (word, key) for every word that begins as a prefix asks."""
        forms, words = papers.folded, papers.folded_words
        for prefix, number in self.trie.prefixes.items():
            for place in range(bisect_left(forms, prefix), len(forms)):
                if not forms[place].startswith(prefix):
                    break
                yield int(words[place]), number

    def _first(self, papers: Concordance, known: _Known) -> _Walk:
        """Every place at which a phrase may begin, one word deep."""
        nodes = self.trie.children.find(known.keys.astype(np.uint64))
        kept = nodes != ABSENT
        nodes, words = nodes[kept], known.words[kept]
        counts = papers.place_starts[words + 1] - papers.place_starts[words]
        begins = papers.places[spread(papers.place_starts[words], counts)]
        joined = self._first_compounds(papers, words, nodes)
        return _Walk(
            np.concatenate((np.repeat(nodes, counts), joined.nodes)),
            np.concatenate((begins, joined.begins)),
            np.concatenate((begins + 1, joined.ends)).astype(np.int32),
        )

    def _first_compounds(self, papers: Concordance, words: Ints, nodes: Ints) -> _Walk:
        """The same for compounds; `nodes` are those that `words` lead to."""
        counts = papers.compounds_of[words + 1] - papers.compounds_of[words]
        at = papers.compounds[spread(papers.compounds_of[words], counts)]
        return _Walk(np.repeat(nodes, counts), papers.compound_starts[at], papers.compound_ends[at])

    def _next(self, papers: Concordance, known: _Known, walk: _Walk) -> _Walk:
        """One word deeper: each walk goes on with every key of every word that follows it."""
        deeper = self.trie.has_children.array[walk.nodes]
        walk = walk.kept(deeper)
        low = np.searchsorted(papers.compound_starts, walk.ends, "left")
        counts = np.searchsorted(papers.compound_starts, walk.ends, "right") - low
        joined = spread(low, counts)
        which = np.concatenate(
            (np.arange(len(walk.nodes)), np.repeat(np.arange(len(counts)), counts))
        )
        words = np.concatenate((papers.row[walk.ends], papers.compound_words[joined]))
        ends = np.concatenate((walk.ends + 1, papers.compound_ends[joined]))
        counts = known.starts[words + 1] - known.starts[words]
        keys = known.keys[spread(known.starts[words], counts)]
        which, ends = np.repeat(which, counts), np.repeat(ends, counts)
        nodes = self.trie.children.find(edges_of(walk.nodes[which], keys))
        return _Walk(nodes, walk.begins[which], ends).kept(nodes != ABSENT)

    def _complete(self, walk: _Walk) -> _Walk:
        """The phrases that end where a walk has come to; `nodes` of the result are phrases."""
        at, numbers = self.trie.ends(walk.nodes)
        return _Walk(numbers, walk.begins[at], walk.ends[at])
