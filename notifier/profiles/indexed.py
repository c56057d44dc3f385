"""A paper made ready to be asked: where each word stands, in every form a rule may ask for.

Pure. A key is a pair of form and word: `s` a stem, `f` a folded word, `c` an acronym with its
case (plural dropped), `w` the same exactly as written. A place is (first word, word after the
last): a hyphenated compound has a place of its own under its joined stem.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from functools import cached_property, lru_cache
from typing import TypeAlias

from notifier.papers.paper import Paper
from notifier.papers.text import Token, cased, compounds, fold, spelled_out, stem, tokens
from notifier.profiles.names import Name, parse_name

Key: TypeAlias = tuple[str, str]
Place: TypeAlias = tuple[int, int]


@lru_cache(maxsize=200_000)
def _keys(written: str, surface: str, folded: str, stemmed: str) -> tuple[Key, ...]:
    keys = {("s", stemmed): None, ("f", folded): None}
    if surface.isupper():
        keys |= {("c", cased(surface)): None, ("w", cased(written)): None}
    if spelled := spelled_out(surface):  # Müller, asked for as Mueller
        keys |= {("s", stem(fold(spelled))): None, ("f", fold(spelled)): None}
    if written != surface:  # LLMs and VMs, asked for as llms and vms
        plural = written.lower()
        keys |= {("s", stem(plural)): None, ("f", plural): None}
    return tuple(keys)


class IndexedText:
    """The words of one field, by key."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[Token] = list(tokens(text))
        self._places: dict[Key, list[Place]] = {}
        for number, word in enumerate(self.words):
            for key in _keys(word.written, word.surface, word.folded, word.stem):
                self._places.setdefault(key, []).append((number, number + 1))
        for first, end, joined in compounds(self.words):
            for key in (("s", stem(joined)), ("f", joined)):
                insort(self._places.setdefault(key, []), (first, end))

    def places(self, key: Key) -> list[Place]:
        """Return where `key` stands, in order; form `p` asks for a prefix of folded words."""
        form, word = key
        return self._prefixed(word) if form == "p" else self._places.get(key, [])

    def _prefixed(self, prefix: str) -> list[Place]:
        known = self._folded
        found: set[Place] = set()
        for place in range(bisect_left(known, prefix), len(known)):
            if not known[place].startswith(prefix):
                break
            found.update(self._places[("f", known[place])])
        return sorted(found)

    @cached_property
    def _folded(self) -> list[str]:
        return sorted(word for form, word in self._places if form == "f")

    def stems(self) -> set[str]:
        """Return the distinct stems, those of joined compounds among them."""
        return {word for form, word in self._places if form == "s"}

    def characters(self, place: Place) -> tuple[int, int]:
        """Return the character range of `place` in the text."""
        return self.words[place[0]].start, self.words[place[1] - 1].end


class IndexedPaper:
    """One paper's fields, each made ready when it is first asked."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper

    @cached_property
    def title(self) -> IndexedText:
        return IndexedText(self.paper.title)

    @cached_property
    def abstract(self) -> IndexedText:
        return IndexedText(self.paper.abstract)

    @cached_property
    def organization(self) -> IndexedText:
        return IndexedText(self.paper.organization or "")

    @cached_property
    def authors(self) -> tuple[tuple[str, Name], ...]:
        return tuple((author, parse_name(author)) for author in self.paper.authors)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The distinct stems of title and abstract: what document frequency counts."""
        return frozenset(self.title.stems() | self.abstract.stems())
