"""What rules ask of fields that are no running text, found in all papers at once.

Pure. Authors are first looked up by the last word of their family name, the same for all ways of
writing a name; categories and sources have few distinct values, each of which is compared once with
each thing asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from notifier.papers.author_id import author_id
from notifier.papers.text import fold, tokens
from notifier.profiles.matching.columns import Array, Column, Held, Texts
from notifier.profiles.matching.concordance import Concordance, Values, hash_of, spread, starts_of
from notifier.profiles.names import found_by, parse_name, same_person
from notifier.profiles.rules import MetaField, Word


def author_fits(asked: str, author: str) -> bool:
    """Return whether an author as a paper writes the name can be the one asked for; by ids, is."""
    known = author_id(asked)
    if known or author_id(author):
        return known == author_id(author)
    return same_person(parse_name(asked), parse_name(author))


def category_fits(asked: str, category: str) -> bool:
    """`cs.CL` is itself, `cs.*` and `cs` are all of the archive, `q-bio.N*` its beginning."""
    asked, category = fold(asked), fold(category)
    if asked.endswith("*"):
        asked = asked[:-1]
        return category.startswith(asked) or category == asked.rstrip(".")
    return category == asked or category.startswith(asked + ".")


def source_fits(asked: str, source: str) -> bool:
    """A source is asked for by its name or the first words of it."""
    words = _folded(asked)
    return _folded(source)[: len(words)] == words


def organization_words(asked: str) -> tuple[Word, ...]:
    """Return the phrase to look for in the name of an organisation."""
    return tuple(Word(word.written) for word in tokens(asked))


@lru_cache(maxsize=10_000)
def _folded(text: str) -> tuple[str, ...]:
    return tuple(word.folded for word in tokens(text))


FITS: dict[str, Callable[[str, str], bool]] = {
    "author": author_fits,
    "cat": category_fits,
    "source": source_fits,
}


_FIELDS: tuple[MetaField, ...] = ("author", "cat", "source")


class AskedValues:
    """What is asked of authors, categories and sources, by number; only ever added to."""

    def __init__(self, held: Held | None = None) -> None:
        """Begin with nothing, or with what `held` gave, which may be changed."""
        self._by_name: dict[int, list[int]] = {}
        self._numbers: dict[str, list[int]] = {"cat": [], "source": []}
        self._fitting: dict[tuple[str, str], tuple[int, list[int]]] = {}
        if held is None:
            self.texts, self._fields, self._keys = Texts(), Column(np.int8), Column(np.uint64)
            return
        self.texts = Texts.of(held, "asked")
        self._fields = Column(np.int8, held["asked_fields"])
        self._keys = Column(np.uint64, held["asked_keys"])
        both = zip(self._fields.array.tolist(), self._keys.array.tolist(), strict=True)
        for number, (field, key) in enumerate(both):
            self._note(number, _FIELDS[field], key)

    def held(self) -> dict[str, Array]:
        """Return the arrays that hold all of it."""
        more = {"asked_fields": self._fields.array, "asked_keys": self._keys.array}
        return self.texts.held("asked") | more

    @property
    def fields(self) -> list[MetaField]:
        """The field of each number."""
        return [_FIELDS[field] for field in self._fields.array.tolist()]

    def add(self, where: MetaField, value: str) -> int:
        """Add what a rule asks and return its number."""
        number, key = len(self.texts), 0
        if where == "author":
            family, with_initial = found_by(value)
            is_whole = author_id(value) or parse_name(value).given
            key = hash_of(with_initial if is_whole else family)
        self.texts.append(value)
        self._fields.append(_FIELDS.index(where))
        self._keys.append(key)
        self._note(number, where, key)
        return number

    def _note(self, number: int, where: MetaField, key: int) -> None:
        if where == "author":
            self._by_name.setdefault(key, []).append(number)
        else:
            self._numbers[where].append(number)

    def find(self, papers: Concordance) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (number, paper) of all that is found, each once, ordered by both."""
        found = [np.zeros(0, np.int64)]
        if self._by_name:
            found.append(_in_papers(papers.authors, self._authors(papers.authors)))
        for where, values in (("cat", papers.categories), ("source", papers.sources)):
            if self._numbers[where]:
                found.append(_in_papers(values, self._few(where, values)))
        packed = np.sort(np.concatenate(found))
        packed = packed[np.diff(packed, prepend=-1) != 0]
        return packed >> 32, packed & (1 << 32) - 1

    def _authors(self, authors: Values) -> Iterator[tuple[int, int]]:
        """Yield (number asked, number of the author)."""
        asked = np.fromiter(self._by_name, np.uint64, len(self._by_name))
        known = np.flatnonzero(np.isin(authors.keys, asked).any(axis=1))
        for author, keys in zip(known.tolist(), authors.keys[known].tolist(), strict=True):
            for key in keys:
                for number in self._by_name.get(key, ()):
                    if author_fits(self.texts[number], authors.values[author]):
                        yield number, author

    def _few(self, where: str, values: Values) -> Iterator[tuple[int, int]]:
        """Yield (number asked, number of the value); what was compared before is remembered."""
        numbers = self._numbers[where]
        for which, value in enumerate(values.values):
            compared, fitting = self._fitting.get((where, value), (0, []))
            new = [n for n in numbers[compared:] if FITS[where](self.texts[n], value)]
            self._fitting[where, value] = len(numbers), fitting + new
            for number in fitting + new:
                yield number, which


def _in_papers(values: Values, pairs: Iterator[tuple[int, int]]) -> NDArray[np.int64]:
    """Return number << 32 | paper for each paper that has a value of the pairs."""
    table = np.array(list(pairs), np.int64).reshape(-1, 2)
    fitting = np.zeros(len(values.values), bool)
    fitting[table[:, 1]] = True
    places = np.flatnonzero(fitting[values.ids])
    ids = values.ids[places]
    places = places[np.argsort(ids, kind="stable")]
    paper = np.searchsorted(values.starts, places, "right") - 1
    starts = starts_of(np.bincount(ids, minlength=len(values.values)))
    counts = np.diff(starts)[table[:, 1]]
    at = spread(starts[table[:, 1]], counts)
    return np.repeat(table[:, 0], counts) << 32 | paper[at]
