"""The distinct clauses of all profiles, decided for all papers at once.

Pure. A clause is a rule without its weight. Clauses are nodes of one graph: leaves (phrases, pairs
of phrases, authors ...) and what joins them. What a node finds is kept as its papers in order, each
with its strength: the set in the form that costs what it holds. "Not" needs no set of its own: a
part that is the absence of something is kept as that something, and taken away where it is joined.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.concordance import ABSTRACT, ORGANIZATION, TITLE
from notifier.profiles.matching.phrases import Phrases
from notifier.profiles.matching.values import AskedValues, organization_words
from notifier.profiles.rules import (
    And,
    Leaf,
    Meta,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Trending,
    Weighted,
    Word,
    format_node,
)

PHRASE, NEAR, VALUE, TREND, ALL, BEST, SUM = range(7)
# How a child stands in an ALL: needed, must not be, adds its strength if there, needed and silent.
NEED, NOT, PLUS, MUST = range(4)
ROLE_BITS = 2
ANYWHERE = 3
_WHERE = {"text": ANYWHERE, "title": TITLE, "abstract": ABSTRACT, "org": ORGANIZATION}
# Weights inside a rule count in hundredths.
HUNDRED = 100
_HIGHEST_FACTOR = 100_000


class _Part(NamedTuple):
    """A part of a rule: the papers of `node`, or (`absent`) all others.

    `plus` is a node whose strength counts where it is found among those others. A `silent` part is
    needed and adds no strength.
    """

    node: int
    absent: bool = False
    plus: int | None = None
    silent: bool = False


class Clauses:
    """Distinct clauses by number; they are only ever added.

    Node n is of `kinds[n]`; its arguments are `arguments[starts[n]:starts[n + 1]]`: numbers of
    phrases or values, where, factor (in hundredths) for a leaf, child << 2 | role for what joins.
    `levels` is 0 for a leaf, else one more than the highest of its children.
    """

    def __init__(self) -> None:
        self.phrases = Phrases()
        self.asked = AskedValues()
        self.kinds, self.levels = array("b"), array("h")
        self.starts, self.arguments = array("q", [0]), array("i")
        self.is_clause = bytearray()  # by node: 1 for what `add` returned, 0 for a mere part
        self._known: dict[str, int] = {}  # nodes by the text of the rule or leaf
        self._phrases: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.kinds)

    def of_kind(self, kind: int) -> NDArray[np.int64]:
        """Return the nodes of a kind, in order."""
        return np.flatnonzero(np.frombuffer(self.kinds, np.int8) == kind)

    def argument(self, nodes: NDArray[np.int64], place: int) -> NDArray[np.int64]:
        """Return each node's argument at `place`."""
        at = np.frombuffer(self.starts, np.int64)[nodes] + place
        return np.frombuffer(self.arguments, np.int32)[at].astype(np.int64)

    def add(self, node: Node) -> int:
        """Return the number of a clause that can bring papers (see `parser`), added if new."""
        text = format_node(node)
        number = self._known.get(text)
        if number is None:
            part = self._part(node, 1.0)
            number = self._known[text] = part.node
        self.is_clause[number] = 1
        return number

    def _new(self, kind: int, arguments: Iterable[int], level: int = 0) -> int:
        self.kinds.append(kind)
        self.levels.append(level)
        self.is_clause.append(0)
        self.arguments.extend(arguments)
        self.starts.append(len(self.arguments))
        return len(self) - 1

    def _part(self, node: Node, factor: float) -> _Part:
        match node:
            case Weighted(part=part, factor=more):
                return self._part(part, factor * more)
            case Not(part=part):
                inner = self._part(part, factor)
                return _Part(inner.node, absent=not inner.absent, silent=inner.absent)
            case And(parts=parts):
                return self._all([self._part(part, factor) for part in parts])
            case Or(parts=parts):
                return self._any([self._part(part, factor) for part in parts])
            case _:
                return _Part(self._leaf(node, factor))

    def _leaf(self, leaf: Leaf, factor: float) -> int:
        text = format_node(leaf)
        if factor == 1 and text in self._known:
            return self._known[text]
        hundredths = min(max(round(HUNDRED * factor), 1), _HIGHEST_FACTOR)
        match leaf:
            case Trending():
                number = self._new(TREND, (hundredths,))
            case Phrase(words=words, where=where):
                number = self._new(PHRASE, (self._phrase(words), _WHERE[where], hundredths))
            case Near(left=left, right=right, distance=distance):
                both = self._phrase(left.words), self._phrase(right.words)
                number = self._new(NEAR, (*both, _WHERE[left.where], hundredths, distance))
            case Meta(where="org", value=value):
                phrase = self._phrase(organization_words(value))
                number = self._new(PHRASE, (phrase, ORGANIZATION, hundredths))
            case Meta(where=where, value=value):
                number = self._new(VALUE, (self.asked.add(where, value), hundredths))
        if factor == 1:
            self._known[text] = number
        return number

    def _phrase(self, words: tuple[Word, ...]) -> int:
        text = format_node(Phrase(words))
        if text not in self._phrases:
            self._phrases[text] = self.phrases.add(words)
        return self._phrases[text]

    def _join(self, kind: int, children: Iterable[tuple[int, int]]) -> int:
        """A node that joins (child, role) pairs; one that is only itself needs no new node."""
        pairs = list(children)
        if len(pairs) == 1 and pairs[0][1] == NEED:
            return pairs[0][0]
        level = 1 + max(self.levels[child] for child, _ in pairs)
        return self._new(kind, (child << ROLE_BITS | role for child, role in pairs), level)

    def _all(self, parts: list[_Part]) -> _Part:
        pluses = [part.plus for part in parts if part.plus is not None]
        if any(not part.absent for part in parts):
            children = [(p.node, NOT if p.absent else MUST if p.silent else NEED) for p in parts]
            return _Part(self._join(ALL, children + [(plus, PLUS) for plus in pluses]))
        missing = self._join(BEST, ((part.node, NEED) for part in parts))
        return _Part(missing, absent=True, plus=self._plus(SUM, pluses, missing))

    def _any(self, parts: list[_Part]) -> _Part:
        there = [self._loud(part) for part in parts if not part.absent]
        missing = [part for part in parts if part.absent]
        if not missing:
            return _Part(self._join(BEST, ((node, NEED) for node in there)))
        needed = [(part.node, MUST) for part in missing]
        absent = self._join(ALL, needed + [(node, NOT) for node in there])
        pluses = [part.plus for part in missing if part.plus is not None]
        return _Part(absent, absent=True, plus=self._plus(BEST, there + pluses, absent))

    def _loud(self, part: _Part) -> int:
        """The node of a part as it stands in an "or", where a silent one adds nothing."""
        return self._join(ALL, [(part.node, MUST)]) if part.silent else part.node

    def _plus(self, kind: int, nodes: list[int], missing: int) -> int | None:
        if not nodes:
            return None
        joined = self._join(kind, ((node, NEED) for node in nodes))
        return self._join(ALL, [(joined, NEED), (missing, NOT)])
