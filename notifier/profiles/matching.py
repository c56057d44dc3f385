"""Which papers a profile wants, and by which words.

Pure, one profile against one paper, exact: the plain reference of what a match is.
A paper matches when any rule does and no never-rule does.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

from notifier.papers.paper import Paper
from notifier.papers.text import cased, fold, spelled_out, stem, tokens
from notifier.profiles.indexed import IndexedPaper, IndexedText, Key, Place
from notifier.profiles.names import parse_name, same_person
from notifier.profiles.rules import (
    And,
    Leaf,
    Meta,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Rules,
    Trending,
    Weighted,
    Word,
)

# At or above this trend (a percentile among papers of the same field and age) a paper trends.
TRENDING_FROM = 0.7
_ACRONYM = re.compile(r"[A-Z]{2,5}")
# Two words of at least this many letters are also looked for as one (fine tuning, finetuning).
_JOIN_LETTERS = 3

# For each word of a phrase the ways to read it: (keys side by side, words used up).
Steps: TypeAlias = tuple[tuple[tuple[tuple[Key, ...], int], ...], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One leaf of one rule found in one field of a paper.

    `rule` is the line's number in the profile, `ranges` are character offsets into the field
    (empty for author, cat, source, org, trending), `words` what stands there.
    """

    rule: int
    leaf: Leaf
    weight: float
    field: str
    words: tuple[str, ...]
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A paper that a profile wants, with every hit, in the order of the rules."""

    paper: Paper
    hits: tuple[Hit, ...]


def match(rules: Rules, paper: IndexedPaper, *, is_news: bool = True) -> Match | None:
    """Return the match of a profile with a paper, or None.

    Args:
        rules: As parsed; lines in error take no part.
        paper: With its `trend` filled in, where there is one.
        is_news: False for a paper of earlier days: only rules that ask for trending papers
            bring it then.
    """
    hits: list[Hit] = []
    for number, node in rules.wanted():
        found = _evaluate(node, paper, number, 1.0)
        if found is not None and (is_news or any(isinstance(h.leaf, Trending) for h in found)):
            hits += found
    if not hits or any(_evaluate(node, paper, 0, 1.0) is not None for _, node in rules.never()):
        return None
    return Match(paper.paper, tuple(hits))


def _evaluate(node: Node, paper: IndexedPaper, rule: int, weight: float) -> list[Hit] | None:
    """Return the hits of `node`, or None when the paper does not match it."""
    match node:
        case Weighted(part=part, factor=factor):
            return _evaluate(part, paper, rule, weight * factor)
        case Not(part=part):
            return [] if _evaluate(part, paper, rule, weight) is None else None
        case And(parts=parts):
            return _all(parts, paper, rule, weight)
        case Or(parts=parts):
            found = [_evaluate(part, paper, rule, weight) for part in parts]
            matched = [hits for hits in found if hits is not None]
            return [hit for hits in matched for hit in hits] if matched else None
        case _:
            return list(_leaf(node, paper, rule, weight)) or None


def _all(parts: Iterable[Node], paper: IndexedPaper, rule: int, weight: float) -> list[Hit] | None:
    hits: list[Hit] = []
    for part in parts:
        found = _evaluate(part, paper, rule, weight)
        if found is None:
            return None
        hits += found
    return hits


def _leaf(leaf: Leaf, paper: IndexedPaper, rule: int, weight: float) -> Iterator[Hit]:
    match leaf:
        case Trending():
            trend = paper.paper.trend
            if trend is not None and trend >= TRENDING_FROM:
                yield Hit(rule, leaf, weight, "trend", ("trending",))
        case Meta(where=where, value=value):
            if words := tuple(_meta(where, value, paper)):
                yield Hit(rule, leaf, weight, where, words)
        case Phrase(where=where) | Near(left=Phrase(where=where)):
            for field in ("title", "abstract") if where == "text" else (where,):
                text: IndexedText = getattr(paper, field)
                if places := _places(leaf, text):
                    ranges = tuple(dict.fromkeys(text.characters(place) for place in places))
                    words = tuple(dict.fromkeys(text.text[a:b] for a, b in ranges))
                    yield Hit(rule, leaf, weight, field, words, ranges)


def _places(leaf: Phrase | Near, text: IndexedText) -> list[Place]:
    if isinstance(leaf, Phrase):
        return find_phrase(leaf.words, text)
    lefts, rights = find_phrase(leaf.left.words, text), find_phrase(leaf.right.words, text)
    return sorted(set(_neighbours(lefts, rights, leaf.distance)))


def _neighbours(lefts: list[Place], rights: list[Place], distance: int) -> Iterator[Place]:
    """Yield the places of each pair at most `distance` apart; side by side is a distance of 1."""
    widest = max((end - first for first, end in rights), default=0)
    for left in lefts:
        low = bisect_left(rights, (left[0] - distance - widest, 0))
        high = bisect_left(rights, (left[1] + distance, 0))
        for right in rights[low:high]:
            if 0 < max(right[0] - left[1], left[0] - right[1]) + 1 <= distance:
                yield left
                yield right


def find_phrase(words: tuple[Word, ...], text: IndexedText) -> list[Place]:
    """Return every place in `text` where the words stand side by side, in order.

    Where a phrase may end at several words (`diffus*` in "diffusion-based"), the first counts.
    """
    steps = _steps(words)
    reached: list[set[Place]] = [set() for _ in range(len(steps) + 1)]
    for step, ways in enumerate(steps):
        for keys, used in ways:
            runs = set(text.places(keys[0])) if step == 0 else _extend(reached[step], keys[0], text)
            for key in keys[1:]:
                runs = _extend(runs, key, text)
            reached[step + used] |= runs
    return sorted(dict(sorted(reached[-1], reverse=True)).items())


def _extend(runs: set[Place], key: Key, text: IndexedText) -> set[Place]:
    """Return each of `runs` made longer by `key`, where that stands right behind it."""
    if not runs:
        return runs
    places = text.places(key)
    return {(first, end) for first, at in runs for end in _ends(places, at)}


def _ends(places: list[Place], first: int) -> Iterator[int]:
    for number in range(bisect_left(places, (first, 0)), len(places)):
        if places[number][0] != first:
            break
        yield places[number][1]


@lru_cache(maxsize=100_000)
def _steps(words: tuple[Word, ...]) -> Steps:
    typed = [(word, keys) for word in words if (keys := _keys(word))]
    out = []
    for place, (word, keys) in enumerate(typed):
        ways = [(keys, 1)]
        if spelled := spelled_out(word.text):  # Müller, written Mueller
            ways.append((_keys(replace(word, text=spelled)), 1))
        if len(keys) > 1 and not word.exact and (joined := _joined(word, keys)):
            ways.append(((joined,), 1))
        if place + 1 < len(typed) and (pair := _pair(typed[place], typed[place + 1])):
            ways.append(((pair,), 2))
        out.append(tuple(ways))
    return tuple(out)


def _keys(word: Word) -> tuple[Key, ...]:
    """What to look for, for each part of one typed word (a compound has several)."""
    parts = list(tokens(word.text))
    if len(parts) == 1 and not word.prefix and _ACRONYM.fullmatch(cased(parts[0].surface)):
        return (("w", cased(parts[0].written)) if word.exact else ("c", cased(parts[0].surface)),)
    keys: list[Key] = [("f", fold(p.written)) if word.exact else ("s", p.stem) for p in parts]
    if word.prefix and parts:
        keys[-1] = ("p", parts[-1].folded)
    return tuple(keys)


def _joined(word: Word, keys: tuple[Key, ...]) -> Key | None:
    """The joined form of a compound, or None where joining could only mislead.

    `U.S.` is US but no "us"; `Model-S` is no plural and `DALL-E` has no ending to be stemmed.
    """
    folded = [part.folded for part in tokens(word.text)]
    joined = "".join(folded)
    if keys[-1][0] == "p":
        return "p", joined
    if all(len(part) == 1 for part in folded) and _ACRONYM.fullmatch(joined.upper()):
        return "c", joined.upper()
    if len(folded[-1]) == 1:
        return None if folded[-1] == "s" else ("f", joined)
    return "s", stem(joined)


def _pair(one: tuple[Word, tuple[Key, ...]], two: tuple[Word, tuple[Key, ...]]) -> Key | None:
    """The joined form of two words, or None where joining could only mislead."""
    if any(len(keys) != 1 for _, keys in (one, two)):
        return None
    first, second = [next(tokens(word.text)).folded for word, _ in (one, two)]
    forms = one[1][0][0] + two[1][0][0]
    if forms in ("ss", "cs") and first.isalpha() and len(first) > 1 and second[0].isdecimal():
        return "f", first + second  # Llama 3, COVID 19
    if (
        forms != "ss"
        or not (first + second).isalpha()
        or min(map(len, (first, second))) < _JOIN_LETTERS
    ):
        return None
    return "s", stem(first + second)


def _meta(where: str, value: str, paper: IndexedPaper) -> Iterator[str]:
    """Yield what in the paper's `where` answers `value`."""
    match where:
        case "author":
            asked = parse_name(value)
            yield from (name for name, parsed in paper.authors if same_person(asked, parsed))
        case "cat":
            yield from (c for c in paper.paper.categories if _category(fold(value), fold(c)))
        case "source":
            asked_words = [word.folded for word in tokens(value)]
            for source in paper.paper.sources:
                known = [word.folded for word in tokens(source)]
                if known[: len(asked_words)] == asked_words:
                    yield source
        case _:
            words = tuple(Word(word.written) for word in tokens(value))
            text = paper.organization
            yield from (text.text[slice(*text.characters(p))] for p in find_phrase(words, text))


def _category(asked: str, category: str) -> bool:
    """`cs.CL` is itself, `cs.*` and `cs` are all of the archive, `q-bio.N*` its beginning."""
    if asked.endswith("*"):
        asked = asked[:-1]
        return category.startswith(asked) or category == asked.rstrip(".")
    return category == asked or category.startswith(asked + ".")
