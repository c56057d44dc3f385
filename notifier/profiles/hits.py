"""By which words a paper answers a profile, and where they stand.

Pure, one profile and one paper at a time: for the few papers that are shown. Which papers those are
is found for all profiles at once (see `compiled`), by the same meaning of a match: any rule does,
and no never-rule does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from notifier.papers.paper import Paper
from notifier.profiles.indexed import IndexedPaper, Place, Text
from notifier.profiles.keys import Key, steps
from notifier.profiles.matching.values import FITS, organization_words
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
    wants_trend,
)

# At or above this trend (a percentile among papers of the same field and age) a paper trends.
TRENDING_FROM = 0.7


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


def is_trending(paper: Paper) -> bool:
    """Return whether a rule `trending` takes the paper."""
    return paper.trend is not None and paper.trend >= TRENDING_FROM


def match(rules: Rules, paper: IndexedPaper, *, is_news: bool = True) -> Match | None:
    """Return the match of a profile with a paper, or None.

    Args:
        rules: As parsed; lines in error take no part.
        paper: With its `trend` filled in, where there is one.
        is_news: False for a paper of earlier days: only rules that ask for trending papers
            bring it then, and only while it trends.
    """
    hits: list[Hit] = []
    for number, node in rules.wanted():
        if is_news or (wants_trend(node) and is_trending(paper.paper)):
            hits += _evaluate(node, paper, number, 1.0) or ()
    if not hits or any(_evaluate(node, paper, 0, 1.0) is not None for _, node in rules.never()):
        return None
    return Match(paper.paper, tuple(hits))


def hits_of(rules: Rules, lines: Collection[int], paper: IndexedPaper) -> tuple[Hit, ...]:
    """Return what some rules of a profile find in a paper, in the order of the lines.

    Args:
        rules: As parsed.
        lines: Their line numbers, from 1; others take no part.
        paper: With its `trend` filled in, where there is one.
    """
    return tuple(
        hit
        for number, node in rules.wanted()
        if number in lines
        for hit in _evaluate(node, paper, number, 1.0) or ()
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rule finds in a paper.

    `hits` is None where the rule does not match; `missing` are then the parts that do not hold.
    """

    line: int
    is_never: bool
    hits: tuple[Hit, ...] | None
    missing: tuple[Node, ...] = ()


def answers(rules: Rules, paper: IndexedPaper) -> list[Answer]:
    """Return what each rule of a profile finds in a paper, by line; it is taken for news."""
    wanted = [_answer(node, paper, line, is_never=False) for line, node in rules.wanted()]
    never = [_answer(node, paper, line, is_never=True) for line, node in rules.never()]
    return sorted((*wanted, *never), key=lambda answer: answer.line)


def _answer(node: Node, paper: IndexedPaper, line: int, *, is_never: bool) -> Answer:
    hits = _evaluate(node, paper, line, 1.0)
    if hits is None:
        return Answer(line, is_never, None, tuple(_missing(node, paper)))
    return Answer(line, is_never, tuple(hits))


def _missing(node: Node, paper: IndexedPaper) -> Iterator[Node]:
    """Yield the smallest parts for whose sake `node` does not match, in order."""
    match node:
        case Weighted(part=part):
            yield from _missing(part, paper)
        case And(parts=parts):
            for part in parts:
                if _evaluate(part, paper, 0, 1.0) is None:
                    yield from _missing(part, paper)
        case _:
            yield node


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
            if is_trending(paper.paper):
                yield Hit(rule, leaf, weight, "trend", ("trending",))
        case Meta(where=where, value=value):
            if words := tuple(_values(where, value, paper)):
                yield Hit(rule, leaf, weight, where, words)
        case Phrase(where=where) | Near(left=Phrase(where=where)):
            for field in ("title", "abstract") if where == "text" else (where,):
                text: Text = getattr(paper, field)
                if places := _places(leaf, text):
                    ranges = tuple(dict.fromkeys(text.characters(place) for place in places))
                    words = tuple(dict.fromkeys(text.text[a:b] for a, b in ranges))
                    yield Hit(rule, leaf, weight, field, words, ranges)


def _places(leaf: Phrase | Near, text: Text) -> list[Place]:
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


def find_phrase(words: tuple[Word, ...], text: Text) -> list[Place]:
    """Return every place in `text` where the words stand side by side, in order.

    Where a phrase may end at several words (`diffus*` in "diffusion-based"), the first counts.
    """
    ways_of = steps(words)
    reached: list[set[Place]] = [set() for _ in range(len(ways_of) + 1)]
    for step, ways in enumerate(ways_of):
        for keys, used in ways:
            runs = set(text.places(keys[0])) if step == 0 else _extend(reached[step], keys[0], text)
            for key in keys[1:]:
                runs = _extend(runs, key, text)
            reached[step + used] |= runs
    return sorted(dict(sorted(reached[-1], reverse=True)).items())


def _extend(runs: set[Place], key: Key, text: Text) -> set[Place]:
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


def _values(where: str, value: str, paper: IndexedPaper) -> Iterator[str]:
    """Yield what in the paper's `where` answers `value`."""
    if where == "org":
        text = paper.organization
        places = find_phrase(organization_words(value), text)
        yield from (text.text[slice(*text.characters(place))] for place in places)
        return
    whose = (*paper.paper.authors, *paper.paper.author_ids)
    known = {"author": whose, "cat": paper.paper.categories}
    fits = FITS[where]
    yield from (own for own in known.get(where, paper.paper.sources) if fits(value, own))
