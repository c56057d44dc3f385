"""One paper made ready to be asked: where each word stands, in every form a rule may ask for.

Pure. A place is (first word, word after the last): a hyphenated compound has a place of its own
under its joined stem. See `keys` for the forms.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from functools import cached_property
from typing import TypeAlias

from notifier.papers.paper import Paper
from notifier.papers.text import Token, compounds, open_compounds, tokens
from notifier.profiles.keys import Key, keys_of, keys_of_compound

Place: TypeAlias = tuple[int, int]


class IndexedText:
    """The words of one field, by key."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[Token] = list(tokens(text))
        self._places: dict[Key, list[Place]] = {}
        for number, word in enumerate(self.words):
            for key in keys_of(word.written):
                self._places.setdefault(key, []).append((number, number + 1))
        for first, end, joined in (*compounds(self.words), *open_compounds(self.words)):
            for key in keys_of_compound(joined):
                insort(self._places.setdefault(key, []), (first, end))

    def places(self, key: Key) -> list[Place]:
        """Return where `key` stands, in order; form `p` asks for a prefix of folded words."""
        return self._prefixed(key[1:]) if key[0] == "p" else self._places.get(key, [])

    def _prefixed(self, prefix: str) -> list[Place]:
        known = self._folded
        found: set[Place] = set()
        for place in range(bisect_left(known, prefix), len(known)):
            if not known[place].startswith(prefix):
                break
            found.update(self._places["f" + known[place]])
        return sorted(found)

    @cached_property
    def _folded(self) -> list[str]:
        return sorted(key[1:] for key in self._places if key[0] == "f")

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
