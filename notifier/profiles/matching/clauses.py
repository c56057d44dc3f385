"""The distinct clauses of all profiles, decided for all papers at once.

Pure. A clause is a rule without its weight. Clauses are nodes of one graph: leaves (phrases, pairs
of phrases, authors ...) and what joins them. What a node finds is kept as its papers in order, each
with its strength: the set in the form that costs what it holds. "Not" needs no set of its own: a
part that is the absence of something is kept as that something, and taken away where it is joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.matching.columns import Array, Column, Held
from notifier.profiles.matching.concordance import ABSTRACT, ORGANIZATION, TITLE, hash_of
from notifier.profiles.matching.phrases import Phrases
from notifier.profiles.matching.table import ABSENT, Ints, Table
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
    `levels` is 0 for a leaf, else one more than the highest of its children. `is_clause`: not a
    mere part. Nodes are found again by the hash of the text of their rule or leaf, phrases by that
    of theirs.
    """

    def __init__(self, held: Held | None = None) -> None:
        """Begin with nothing, or with what `held` gave, which may be changed."""
        self.phrases, self.asked = Phrases(held), AskedValues(held)
        if held is None:
            self.kinds, self.levels = Column(np.int8), Column(np.int16)
            self.starts, self.arguments = Column(np.int64), Column(np.int32)
            self.is_clause = Column(np.bool_)
            self.starts.append(0)
            self.by_text, self.phrase_by_text = Table(), Table()
            return
        self.kinds, self.levels = Column(np.int8, held["kinds"]), Column(np.int16, held["levels"])
        self.starts = Column(np.int64, held["starts"])
        self.arguments = Column(np.int32, held["arguments"])
        self.is_clause = Column(np.bool_, held["is_clause"])
        self.by_text = Table.of(held, "by_text")
        self.phrase_by_text = Table.of(held, "phrase_by_text")

    def held(self) -> dict[str, Array]:
        """Return the arrays that hold all of it."""
        return {
            **self.phrases.held(), **self.asked.held(),
            "kinds": self.kinds.array, "levels": self.levels.array,
            "starts": self.starts.array, "arguments": self.arguments.array,
            "is_clause": self.is_clause.array,
            **self.by_text.held("by_text"), **self.phrase_by_text.held("phrase_by_text"),
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.kinds)

    def of_kind(self, kind: int) -> NDArray[np.int64]:
        """Return the nodes of a kind, in order."""
        return np.flatnonzero(self.kinds.array == kind)

    def argument(self, nodes: NDArray[np.int64], place: int) -> NDArray[np.int64]:
        """Return each node's argument at `place`."""
        at = self.starts.array[nodes] + place
        values: NDArray[np.int64] = self.arguments.array[at].astype(np.int64)
        return values

    def add(self, node: Node) -> int:
        """Return the number of a clause that can bring papers (see `parser`), added if new."""
        text = hash_of(format_node(node))
        number = self.by_text.get(text)
        if number == ABSENT:
            number = self._part(node, 1.0).node
            self.by_text.put(text, number)
        self.is_clause[number] = True
        return number

    def _new(self, kind: int, arguments: Iterable[int], level: int = 0) -> int:
        self.kinds.append(kind)
        self.levels.append(level)
        self.is_clause.append(False)
        for argument in arguments:
            self.arguments.append(argument)
        self.starts.append(len(self.arguments))
        return len(self) - 1

    def add_new(self, kind: int, arguments: NDArray[np.integer], level: int = 0) -> Ints:
        """Add nodes of one kind, a row of arguments each, and return their numbers."""
        count, width = arguments.shape
        first = len(self)
        self.kinds.extend(np.full(count, kind, np.int8))
        self.levels.extend(np.full(count, level, np.int16))
        self.is_clause.extend(np.zeros(count, np.bool_))
        self.starts.extend(np.arange(1, count + 1) * width + len(self.arguments))
        self.arguments.extend(arguments.ravel())
        return np.arange(first, first + count, dtype=np.int32)

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
        text = hash_of(format_node(leaf))
        if factor == 1 and (known := self.by_text.get(text)) != ABSENT:
            return known
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
            self.by_text.put(text, number)
        return number

    def _phrase(self, words: tuple[Word, ...]) -> int:
        text = hash_of(format_node(Phrase(words)))
        number = self.phrase_by_text.get(text)
        if number == ABSENT:
            number = self.phrases.add(words)
            self.phrase_by_text.put(text, number)
        return number

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
