"""One paper made ready to be asked: where each word stands, in every form a rule may ask for.

Pure. `IndexedText` is made for many questions to one text, `ScannedText` for few questions to each
of many texts: it takes a twentieth of the room, and looks through all its words for an answer. A
place is (first word, word after the last): a hyphenated compound has a place of its own under its
joined stem. See `keys` for the forms.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import TypeAlias

from notifier.papers.paper import Paper
from notifier.papers.text import Joint, compounds, cut, fold, open_compounds, surface_of
from notifier.profiles.keys import Key, Keys, keys_of, keys_of_compound

Place: TypeAlias = tuple[int, int]


class IndexedText:
    """The words of one field, by key."""

    def __init__(self, text: str) -> None:
        self.text = text
        words = list(cut(text))
        self._spans = [(start, end) for _, start, end, _ in words]
        self._places: dict[Key, list[Place]] = {}
        for number, word in enumerate(words):
            place = number, number + 1
            for key in keys_of(word[0]):
                self._places.setdefault(key, []).append(place)
        for place, keys in _compounds(words):
            for key in keys:
                insort(self._places.setdefault(key, []), place)

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
        return self._spans[place[0]][0], self._spans[place[1] - 1][1]


class ScannedText:
    """The same, found word by word."""

    def __init__(self, text: str) -> None:
        self.text = text
        words = list(cut(text))
        self._keys = tuple(keys_of(word[0]) for word in words)
        self._starts = array("I", (word[1] for word in words))
        self._ends = array("I", (word[2] for word in words))
        self._compounds = tuple(_compounds(words))

    def places(self, key: Key) -> list[Place]:
        """See `IndexedText.places`."""
        if key[0] == "p":
            return self._prefixed("f" + key[1:])
        words = [(n, n + 1) for n, keys in enumerate(self._keys) if key in keys]
        joined = [place for place, keys in self._compounds if key in keys]
        return sorted(words + joined) if joined else words

    def _prefixed(self, prefix: Key) -> list[Place]:
        def asked(keys: Keys) -> bool:
            return any(key.startswith(prefix) for key in keys)

        words = {(n, n + 1) for n, keys in enumerate(self._keys) if asked(keys)}
        return sorted(words.union(place for place, keys in self._compounds if asked(keys)))

    def characters(self, place: Place) -> tuple[int, int]:
        """Return the character range of `place` in the text."""
        return self._starts[place[0]], self._ends[place[1] - 1]


def _compounds(words: Sequence[tuple[str, int, int, bool]]) -> Iterator[tuple[Place, Keys]]:
    """Yield the places of compounds, each with its keys; `words` are those of `text.cut`."""
    joints = [_joint(written, hyphen) for written, _, _, hyphen in words]
    for first, end, joined in (*compounds(joints), *open_compounds(joints)):
        yield (first, end), keys_of_compound(joined)


@lru_cache(100_000)
def _joint(written: str, hyphen: bool) -> Joint:
    return Joint(fold(surface_of(written)), hyphen)


Text: TypeAlias = IndexedText | ScannedText


class IndexedPaper:
    """One paper's fields, each made ready when it is first asked."""

    def __init__(self, paper: Paper, make: Callable[[str], Text] = IndexedText) -> None:
        """Make a paper ready; `make`: for how many questions."""
        self.paper, self._make = paper, make

    @cached_property
    def title(self) -> Text:
        return self._make(self.paper.title)

    @cached_property
    def abstract(self) -> Text:
        return self._make(self.paper.abstract)

    @cached_property
    def organization(self) -> Text:
        return self._make(self.paper.organization or "")
