"""An index of profiles as values that can be compared, whatever its numbers are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from notifier.profiles.matching.clauses import ALL, NEAR, PHRASE, ROLE_BITS, VALUE, Clauses
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.phrases import Phrases
from notifier.profiles.matching.table import ABSENT


def described(compiled: Compiled) -> dict[int, list[tuple[Any, ...]]]:
    """Return the entries of each profile, with what each clause asks, down to the keys of words."""
    clauses = _clauses(compiled.clauses)
    return {
        row: [(clauses[e.clause], e.line, e.weight, e.trend) for e in compiled.all_entries(row)]
        for row in compiled.rows()
    }


def _phrases(phrases: Phrases) -> list[tuple[frozenset[tuple[str, ...]], frozenset[str]]]:
    """Of each phrase its ways to be read, and its stems."""
    trie = phrases.trie
    edges, children = trie.children.items()
    parents = {
        child: (edge >> 32, trie.names[edge & (1 << 32) - 1])
        for edge, child in zip(edges.tolist(), children.tolist(), strict=True)
    }
    ways = defaultdict(list)
    for node, link in enumerate(trie.ending.array.tolist()):
        path: list[str] = []
        at = node
        while at:
            at, key = parents[at]
            path.insert(0, key)
        while link != ABSENT:
            ways[trie.chain_phrase[link]].append(tuple(path))
            link = trie.chain_next[link]
    starts, stems = phrases.stem_starts.array, phrases.stems.array
    return [
        (
            frozenset(ways[number]),
            frozenset(trie.names[key] for key in stems[starts[number] : starts[number + 1]]),
        )
        for number in range(len(phrases))
    ]


def _clauses(clauses: Clauses) -> list[Any]:
    phrases, out = _phrases(clauses.phrases), []
    for node in range(len(clauses)):
        kind = clauses.kinds[node]
        start, end = clauses.starts[node], clauses.starts[node + 1]
        given = clauses.arguments.array[start:end].tolist()
        if kind >= ALL:
            parts: list[Any] = [
                (out[child >> ROLE_BITS], child & (1 << ROLE_BITS) - 1) for child in given
            ]
        elif kind == PHRASE:
            parts = [phrases[given[0]], *given[1:]]
        elif kind == NEAR:
            parts = [phrases[given[0]], phrases[given[1]], *given[2:]]
        elif kind == VALUE:
            parts = [clauses.asked.texts[given[0]], *given[1:]]
        else:
            parts = given
        out.append((kind, clauses.levels[node], *parts))
    return out
