"""The words of many papers with every place where they stand: made once, asked by all profiles.

Pure. A place is a number: the words of all fields stand in one row, title, abstract and
organisation of the first paper, then of the second, with an empty place behind each field, so
that nothing stands side by side across two fields. A compound stands, besides its parts, from the
first of them to behind the last.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from notifier.papers.paper import Paper
from notifier.papers.text import COMBINING_FORMS, compounds, cut, fold, surface_of, tokens
from notifier.profiles.keys import Key, Keys, keys_of, keys_of_compound
from notifier.profiles.matching.table import Hashes, Ints
from notifier.profiles.names import found_by

TITLE, ABSTRACT, ORGANIZATION = range(3)
FIELDS = 3
_ASIDE = ".,;:()[]"
# Fewer than one in so many places are looked for; else the fields of all are written out.
_FEW = 16


def hash_of(key: Key) -> int:
    """Return the 64-bit number of a key, the same on every machine; never 0."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little") or 1


def spread(starts: NDArray[np.integer], counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the numbers of several runs, one run after the other: start, start + 1, ..."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    shift = np.asarray(starts, np.int64) - (ends - counts)
    numbers: NDArray[np.int64] = np.arange(total, dtype=np.int64) + np.repeat(shift, counts)
    return numbers


def starts_of(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return where each run begins, and behind the last where it ends."""
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one field that is no running text: author, category or source.

    Paper n has the values of the numbers `ids[starts[n]:starts[n + 1]]`. `keys` are, for
    authors, the hashes of what a name is looked up by: see `names.found_by`.
    """

    values: Sequence[str]
    starts: NDArray[np.int64]
    ids: Ints
    keys: Hashes


@dataclass(frozen=True, slots=True)
class Concordance:
    """The words of `papers` papers.

    Attributes:
        keys, key_words: Distinct words are numbers; word 0 is the empty place. Every key of a word,
            as a hash, in order, and which word it is of: few are found without a look at the rest.
        folded, folded_words: Every folded form, in order, and which word it is of.
        row: The word at each place.
        bounds: Where each field begins, three to a paper, and behind the last where it ends.
        places: All places, ordered by word; those of word n from `place_starts[n]` on.
        compound_starts, compound_ends, compound_words: Where compounds stand, ordered by start.
        compounds, compounds_of: These ordered by word; those of word n from `compounds_of[n]` on.
    """

    papers: int
    keys: Hashes
    key_words: Ints
    folded: Sequence[str]
    folded_words: Ints
    row: Ints
    bounds: NDArray[np.int64]
    places: Ints
    place_starts: NDArray[np.int64]
    compound_starts: Ints
    compound_ends: Ints
    compound_words: Ints
    compounds: Ints
    compounds_of: NDArray[np.int64]
    authors: Values
    categories: Values
    sources: Values

    @property
    def words(self) -> int:
        """How many distinct words there are."""
        return len(self.place_starts) - 1

    def fields_at(self, places: Ints) -> NDArray[np.int64]:
        """Return in which field each place lies: the n-th of paper p is 3 p + n."""
        if len(places) * _FEW < len(self.row):
            return np.searchsorted(self.bounds, places, "right") - 1
        fields = np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))
        return fields[places]


class _Words(dict[str, int]):
    """Distinct words by number; a new one gets the next, and its keys are written down."""

    def __init__(self) -> None:
        super().__init__({"": 0})
        self.hashes = array("Q")
        self.key_words = array("i")
        self.folded: list[str] = []
        self.folded_words = array("i")

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        keys: Keys = keys_of_compound(word[1:]) if word[0] == "-" else keys_of(word)
        self.hashes.extend(map(hash_of, keys))
        self.key_words.extend([number] * len(keys))
        for key in keys:
            if key[0] == "f":
                self.folded.append(key[1:])
                self.folded_words.append(number)
        return number


class _Chunks(dict[str, int]):
    """What stands between two spaces, each distinct piece cut into words once.

    Chunk 0 is the empty place behind a field. A chunk's compounds are (chunk, first, end, word).
    """

    def __init__(self, words: _Words) -> None:
        super().__init__({"": 0})
        self._known = words
        self.words = array("i", [0])
        self.starts = array("q", [0, 1])
        self.hyphens = array("b", [0])
        self.compounds: list[tuple[int, int, int, int]] = []

    def __missing__(self, chunk: str) -> int:
        number = self[chunk] = len(self)
        core = chunk.strip(_ASIDE)
        if core.isascii() and core.isalnum():
            self.words.append(self._known[core])
            self.hyphens.append(0)
        else:
            self._cut(chunk, number)
        self.starts.append(len(self.words))
        return number

    def _cut(self, chunk: str, number: int) -> None:
        found = list(cut(chunk))
        self.words.extend([self._known[written] for written, _, _, _ in found])
        self.hyphens.extend([hyphen for _, _, _, hyphen in found])
        if any(hyphen for _, _, _, hyphen in found):
            for first, end, joined in compounds(list(tokens(chunk))):
                self.compounds.append((number, first, end, self._known["-" + joined]))


def concordance(papers: Sequence[Paper]) -> Concordance:
    """Return the words of papers, which keep their order."""
    words = _Words()
    chunks = _Chunks(words)
    stream, lengths = array("i"), array("q")
    for paper in papers:
        for text in (paper.title, paper.abstract, paper.organization or ""):
            pieces = text.split()
            stream.extend([chunks[piece] for piece in pieces])
            stream.append(0)
            lengths.append(len(pieces) + 1)
    return _joined(papers, words, chunks, np.frombuffer(stream, np.int32), lengths)


def _joined(
    papers: Sequence[Paper], words: _Words, chunks: _Chunks, stream: Ints, lengths: array[int]
) -> Concordance:
    chunk_starts = np.frombuffer(chunks.starts, np.int64)
    counts = np.diff(chunk_starts)[stream]
    chunk_places = starts_of(counts)
    inside = spread(chunk_starts[stream], counts)
    row = np.frombuffer(chunks.words, np.int32)[inside]
    hyphens = np.frombuffer(chunks.hyphens, np.int8)[inside]
    bounds = chunk_places[starts_of(np.frombuffer(lengths, np.int64))]
    made = [_hyphenated(chunks, stream, chunk_places), _open(words, row, hyphens)]
    starts, ends, which = (
        np.concatenate(parts).astype(np.int32) for parts in zip(*made, strict=True)
    )
    in_order = np.lexsort((ends, starts))
    keys = np.frombuffer(words.hashes, np.uint64)
    by_key = np.argsort(keys, kind="stable")
    forms = sorted(range(len(words.folded)), key=words.folded.__getitem__)
    return Concordance(
        papers=len(papers),
        keys=keys[by_key],
        key_words=np.frombuffer(words.key_words, np.int32)[by_key],
        folded=[words.folded[form] for form in forms],
        folded_words=np.frombuffer(words.folded_words, np.int32)[forms],
        row=row,
        bounds=bounds,
        places=np.argsort(row, kind="stable").astype(np.int32),
        place_starts=starts_of(np.bincount(row, minlength=len(words))),
        compound_starts=starts[in_order],
        compound_ends=ends[in_order],
        compound_words=which[in_order],
        compounds=np.argsort(which[in_order], kind="stable").astype(np.int32),
        compounds_of=starts_of(np.bincount(which, minlength=len(words))),
        authors=_values([(*paper.authors, *paper.author_ids) for paper in papers], names=True),
        categories=_values([paper.categories for paper in papers]),
        sources=_values([paper.sources for paper in papers]),
    )


_Compounds = tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]


def _hyphenated(chunks: _Chunks, stream: Ints, chunk_places: NDArray[np.int64]) -> _Compounds:
    """Where the compounds of the chunks stand: (starts, ends, words)."""
    table = np.array(chunks.compounds, np.int64).reshape(-1, 4)
    counts = np.bincount(table[:, 0], minlength=len(chunks))
    here = np.flatnonzero(counts[stream])
    which = spread(starts_of(counts)[stream[here]], counts[stream[here]])
    base = np.repeat(chunk_places[here], counts[stream[here]])
    return base + table[which, 1], base + table[which, 2], table[which, 3]


def _open(words: _Words, row: Ints, hyphens: NDArray[np.int8]) -> _Compounds:
    """Where compounds stand that are written with a space: see `text.open_compounds`."""
    names = list(words)
    first = np.zeros(len(names), bool)
    first[[n for n, name in enumerate(names) if _is_combining(name)]] = True
    at = np.flatnonzero(first[row[:-1]] & (row[1:] != 0) & (hyphens[1:] == 0))
    pairs = zip(row[at].tolist(), row[at + 1].tolist(), strict=True)
    joined = [words["-" + _folded(names[one]) + _folded(names[two])] for one, two in pairs]
    return at, at + 2, np.array(joined, np.int64)


def _is_combining(written: str) -> bool:
    if written.isascii() and written[-1:] != "s":  # as `_folded`, at once
        return written.lower() in COMBINING_FORMS
    return _folded(written) in COMBINING_FORMS


def _folded(written: str) -> str:
    return fold(surface_of(written))


def _values(per_paper: Sequence[Iterable[str]], *, names: bool = False) -> Values:
    numbers: dict[str, int] = {}
    ids, starts = array("i"), array("q", [0])
    for values in per_paper:
        ids.extend([numbers.setdefault(value, len(numbers)) for value in values])
        starts.append(len(ids))
    keys = [[hash_of(key) for key in found_by(name)] for name in numbers] if names else []
    return Values(
        list(numbers), np.frombuffer(starts, np.int64), np.frombuffer(ids, np.int32),
        np.array(keys, np.uint64).reshape(-1, 2),
    )  # fmt: skip
