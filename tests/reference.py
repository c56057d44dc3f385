"""What matching means, said plainly: one profile, one paper, one rule at a time.

Slow, and short enough to be read at a glance. `notifier` must give exactly the same papers, scores
and order: tests/test_compiled.py compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from notifier.papers.paper import Paper
from notifier.papers.text import Token, compounds, open_compounds, tokens
from notifier.profiles.keys import keys_of, keys_of_compound, stems_of, steps
from notifier.profiles.matching.postings import MOST_UNITS, in_units
from notifier.profiles.matching.values import FITS
from notifier.profiles.parser import parse
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
    wants_trend,
)
from notifier.ranking.relevance import PREFIX_RARITY, Bm25f, WordStatistics, relevance

STRENGTHS = Bm25f()


@dataclass(frozen=True)
class Asked:
    """A paper as a profile asks it."""

    paper: Paper
    statistics: WordStatistics
    is_trending: bool

    def text(self, field: str) -> str:
        return {"title": self.paper.title, "abstract": self.paper.abstract}.get(
            field, self.paper.organization or ""
        )


def total(text: str, asked: Asked, *, only_trend: bool = False) -> tuple[int, tuple[int, ...]]:
    """Return what a profile's rules add up to for a paper, and their lines; 0 is no match."""
    rules = parse(text)
    if any(strength(node, asked) is not None for _, node in rules.never()):
        return 0, ()
    clauses: dict[Node, tuple[int, int]] = {}  # of equal rules the first line, the highest weight
    for line, node in rules.wanted():
        weight, clause = 100, node
        if isinstance(node, Weighted):
            weight, clause = max(round(100 * node.factor), 1), node.part
        first, highest = clauses.get(clause, (line, 0))
        clauses[clause] = first, max(weight, highest)
    found = [
        (line, weight * units)
        for clause, (line, weight) in clauses.items()
        if (wants_trend(clause) or not only_trend)
        and (units := strength(clause, asked)) is not None
    ]
    return sum(worth for _, worth in found), tuple(sorted(line for line, _ in found))


def strength(node: Node, asked: Asked, factor: float = 1.0) -> int | None:
    """Return how strongly a paper answers a rule, in units; None when it does not."""
    match node:
        case Weighted(part=part, factor=more):
            return strength(part, asked, factor * more)
        case Not(part=part):
            return 0 if strength(part, asked, factor) is None else None
        case And(parts=parts):
            found = [strength(part, asked, factor) for part in parts]
            return None if None in found else min(sum(map(int, found)), MOST_UNITS)  # type: ignore[arg-type]
        case Or(parts=parts):
            there = [s for part in parts if (s := strength(part, asked, factor)) is not None]
            return max(there, default=None)
    plain = _leaf(node, asked)
    hundredths = min(max(round(100 * factor), 1), 100_000)
    return None if plain is None else int(in_units(np.array([plain * hundredths / 100]))[0])


def _leaf(leaf: Leaf, asked: Asked) -> float | None:
    match leaf:
        case Trending():
            trend = np.array([asked.paper.trend or 0.0])
            return float(STRENGTHS.trend(trend)[0]) if asked.is_trending else None
        case Meta(where="org", value=value):
            words = tuple(Word(word.written) for word in tokens(value))
            return STRENGTHS.value("org") if places(words, asked.text("org")) else None
        case Meta(where=where, value=value):
            values = {"author": asked.paper.authors, "cat": asked.paper.categories}
            there = any(FITS[where](value, v) for v in values.get(where, asked.paper.sources))
            return STRENGTHS.value(where) if there else None
        case Phrase(words=words, where=where):
            counts = {field: len(places(words, asked.text(field))) for field in _fields(where)}
        case Near(left=left, right=right, distance=distance):
            words, where = left.words + right.words, left.where
            counts = {
                field: len(_near(left.words, right.words, distance, asked.text(field)))
                for field in _fields(where)
            }
    if not any(counts.values()):
        return None
    title, abstract = (np.array([counts.get(field, 0)]) for field in ("title", "abstract"))
    rarities = [asked.statistics.rarity(stem) for stem in stems_of(words)]
    rarities += [PREFIX_RARITY] if any(word.prefix for word in words) else []
    return float(STRENGTHS.words(title, abstract, np.array([max(rarities)]))[0])


def _fields(where: str) -> tuple[str, ...]:
    return ("title", "abstract") if where == "text" else (where,)


def places(words: tuple[Word, ...], text: str) -> list[tuple[int, int]]:
    """Return where a phrase stands, as (first word, word after the last); the shorter of two."""
    found = list(tokens(text))
    edges = _edges(found)
    ways = steps(words)
    out = []
    for begin in range(len(found)):
        ends = _walk(ways, 0, begin, edges)
        if ends:
            out.append((begin, min(ends)))
    return out


def _edges(found: list[Token]) -> dict[int, list[tuple[int, tuple[str, ...]]]]:
    """From each word on: (word after the last, keys) of the word and of compounds."""
    edges: dict[int, list[tuple[int, tuple[str, ...]]]] = {}
    for number, word in enumerate(found):
        edges.setdefault(number, []).append((number + 1, keys_of(word.written)))
    for first, end, joined in [*compounds(found), *open_compounds(found)]:
        edges[first].append((end, keys_of_compound(joined)))
    return edges


def _walk(ways, step, place, edges):  # type: ignore[no-untyped-def]
    """Return the ends of all walks over `edges` that read the phrase from `step` on."""
    if step == len(ways):
        return {place}
    ends = set()
    for keys, used in ways[step]:
        at = {place}
        for key in keys:
            at = {end for p in at for end, own in edges.get(p, ()) if _has(own, key)}
        for p in at:
            ends |= _walk(ways, step + used, p, edges)
    return ends


def _has(keys: Sequence[str], asked: str) -> bool:
    if asked[0] == "p":
        return any(key[0] == "f" and key[1:].startswith(asked[1:]) for key in keys)
    return asked in keys


def _near(
    left: tuple[Word, ...], right: tuple[Word, ...], distance: int, text: str
) -> set[tuple[int, int]]:
    found = set()
    for one in places(left, text):
        for two in places(right, text):
            gap = max(two[0] - one[1], one[0] - two[1]) + 1
            if 0 < gap <= distance:
                found |= {one, two}
    return found


def best(
    text: str,
    papers: Sequence[Asked],
    boosts: Sequence[float],
    keep: int,
    *,
    only_trend: bool = False,
) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return (paper, total, lines) of a profile's best papers; of equals the first paper."""
    found = []
    for number, asked in enumerate(papers):
        sum_, lines = total(text, asked, only_trend=only_trend)
        if sum_:
            score = float(relevance(np.array([sum_]))[0]) * boosts[number]
            found.append((-score, number, sum_, lines))
    return [(number, sum_, lines) for _, number, sum_, lines in sorted(found)[:keep]]
