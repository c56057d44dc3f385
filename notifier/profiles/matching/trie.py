"""A trie over keys (see `keys`): every way to read every phrase is a path in it.

Pure. Only ever added to. Node n is left for child m by a key where `children` has m for n << 32 |
key. The phrases that end at a node are a chain: `ending[n]` is its first link, link k is of phrase
`chain_phrase[k]` and goes on at `chain_next[k]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from notifier.profiles.keys import Key
from notifier.profiles.matching.columns import Array, Column, Held, Texts
from notifier.profiles.matching.concordance import hash_of
from notifier.profiles.matching.table import ABSENT, Hashes, Ints, Table

_KEY_BITS = np.uint64(32)
_NOTHING = blake2b(digest_size=8)
NO_KEY = -1


def hashes_of(keys: Sequence[Key]) -> Hashes:
    """Return what `hash_of` gives of each key."""
    digests = []
    for key in keys:
        hashing = _NOTHING.copy()  # twice as fast as a new one
        hashing.update(key.encode())
        digests.append(hashing.digest())
    hashes = np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
    return np.maximum(hashes, np.uint64(1))


class Trie:
    """Keys by number, and the paths of phrases over them. Key 0 is none: it stands for a prefix."""

    def __init__(self, held: Held | None = None) -> None:
        """Begin with nothing, or with what `held` gave, which may be changed."""
        if held is None:
            self.names, self.keys, self.children = Texts(), Table(), Table()
            self.ending, self.has_children = Column(np.int32), Column(np.bool_)
            self.chain_phrase, self.chain_next = Column(np.int32), Column(np.int32)
            self._prefix_keys, self.prefixes = Column(np.int32), {}
            self.names.append("")
            self._new_nodes(1)
            return
        self.names = Texts.of(held, "names")
        self.keys, self.children = Table.of(held, "keys"), Table.of(held, "children")
        self.ending = Column(np.int32, held["ending"])
        self.has_children = Column(np.bool_, held["has_children"])
        self.chain_phrase = Column(np.int32, held["chain_phrase"])
        self.chain_next = Column(np.int32, held["chain_next"])
        self._prefix_keys = Column(np.int32, held["prefix_keys"])
        numbers = self._prefix_keys.array.tolist()
        self.prefixes = {self.names[number][1:]: number for number in numbers}

    def held(self) -> dict[str, Array]:
        """Return the arrays that hold all of it."""
        return {
            **self.names.held("names"), **self.keys.held("keys"), **self.children.held("children"),
            "ending": self.ending.array, "has_children": self.has_children.array,
            "chain_phrase": self.chain_phrase.array, "chain_next": self.chain_next.array,
            "prefix_keys": self._prefix_keys.array,
        }  # fmt: skip

    def key(self, key: Key) -> int:
        """Return the number of a key, added if new."""
        hashed = hash_of(key)
        number = self.keys.get(hashed)
        if number == ABSENT:
            number = len(self.names)
            self.keys.put(hashed, number)
            self.names.append(key)
            self._note_prefix(key, number)
        return number

    def all_keys(self, keys: Sequence[Key]) -> Ints:
        """Return the numbers of keys, added if new."""
        hashes = hashes_of(keys)
        numbers = self.keys.find(hashes)
        new, first, which = np.unique(
            hashes[numbers == ABSENT], return_index=True, return_inverse=True
        )
        if new.size:
            lacking = np.flatnonzero(numbers == ABSENT)
            names = [keys[place] for place in lacking[first].tolist()]
            given = np.arange(len(self.names), len(self.names) + len(names), dtype=np.int32)
            self.keys.put_new(new, given)
            self.names.extend(names)
            numbers[lacking] = given[which]
            for name, number in zip(names, given.tolist(), strict=True):
                self._note_prefix(name, number)
        return numbers

    def _note_prefix(self, key: Key, number: int) -> None:
        if key[0] == "p":
            self.prefixes[key[1:]] = number
            self._prefix_keys.append(number)

    def _new_nodes(self, count: int) -> None:
        self.ending.extend(np.full(count, ABSENT, np.int32))
        self.has_children.extend(np.zeros(count, np.bool_))

    def add(self, path: Sequence[int], phrase: int) -> None:
        """Let a phrase end where a path of keys leads to."""
        node = 0
        for key in path:
            node = self._child(node, key)
        self.chain_next.append(self.ending[node])
        self.ending[node] = len(self.chain_phrase)
        self.chain_phrase.append(phrase)

    def _child(self, node: int, key: int) -> int:
        edge = node << 32 | key
        child = self.children.get(edge)
        if child == ABSENT:
            child = len(self.ending)
            self.children.put(edge, child)
            self.ending.append(ABSENT)
            self.has_children.append(False)
            self.has_children[node] = True
        return child

    def add_all(self, paths: Ints, phrases: Ints) -> None:
        """Let many phrases end where many paths lead to.

        Args:
            paths: The keys of each, a row a path, filled up with `NO_KEY`.
            phrases: Of each path.
        """
        nodes = np.zeros(len(paths), np.int32)
        for keys in paths.T:
            deeper = np.flatnonzero(keys != NO_KEY)
            nodes[deeper] = self._all_children(nodes[deeper], keys[deeper])
        order = np.argsort(nodes, kind="stable")
        nodes = nodes[order]
        links = np.arange(len(nodes), dtype=np.int32) + len(self.chain_phrase)
        following = np.concatenate((links[1:], [ABSENT])).astype(np.int32)
        lasts = np.flatnonzero(np.diff(nodes, append=-1))
        following[lasts] = self.ending.array[nodes[lasts]]
        firsts = np.flatnonzero(np.diff(nodes, prepend=-1))
        self.ending.array[nodes[firsts]] = links[firsts]
        self.chain_phrase.extend(phrases[order])
        self.chain_next.extend(following)

    def _all_children(self, nodes: Ints, keys: Ints) -> Ints:
        edges = edges_of(nodes, keys)
        found = self.children.find(edges)
        lacking = np.flatnonzero(found == ABSENT)
        new, which = np.unique(edges[lacking], return_inverse=True)
        given = np.arange(len(self.ending), len(self.ending) + len(new), dtype=np.int32)
        self.children.put_new(new, given)
        self._new_nodes(len(new))
        self.has_children.array[nodes[lacking]] = True
        found[lacking] = given[which]
        return found

    def ends(self, nodes: Ints) -> tuple[NDArray[np.int64], Ints]:
        """Return (which of `nodes`, phrase) for every phrase that ends at one of them."""
        phrases, following = self.chain_phrase.array, self.chain_next.array
        links = self.ending.array[nodes]
        here = np.flatnonzero(links != ABSENT)
        links, which, numbers = links[here], [here[:0]], [phrases[:0]]
        while here.size:
            which.append(here)
            numbers.append(phrases[links])
            links = following[links]
            here, links = here[links != ABSENT], links[links != ABSENT]
        return np.concatenate(which), np.concatenate(numbers)


def edges_of(nodes: Ints, keys: Ints) -> Hashes:
    """Return what `children` has the child under that each node is left for by a key."""
    edges: Hashes = nodes.astype(np.uint64) << _KEY_BITS | keys.astype(np.uint64)
    return edges
