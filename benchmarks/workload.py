"""A day's papers, and as many keyword profiles in the rule language as a run asks for.

Deterministic: the same for the same seed (and version of NumPy); the first N profiles are the
same whatever the count. Profiles are drawn in blocks, so a million of them never stand in memory.
The shares of the rules' kinds are those of prototypes measured before (`KINDS`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from corpus import Raw, generated_papers, real_papers
from keywords import Pools, private_words

from notifier.papers.latex import to_unicode
from notifier.papers.paper import Paper
from notifier.papers.text import one_line

DAY = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
WITH_TREND = 0.05  # of the papers
RULES = (5, 10)  # of a profile
KINDS = {
    "words": 0.73,
    "boolean": 0.06,
    "acronym": 0.05,
    "prefix": 0.05,
    "title": 0.04,
    "author": 0.03,
    "quoted": 0.02,
    "category": 0.01,
    "near": 0.01,
}
BOOLEANS = {"{} + {}": 0.45, "{} + ({} | {})": 0.35, "{} + -{}": 0.2}
WEIGHTS = {"": 0.7, " ^2": 0.15, " ^3": 0.1, " ^5": 0.05}
PRIVATE = 0.05  # of the keywords: asked for by one profile only
NEVER = 0.2  # of the profiles: hold one never-rule
BLOCK = 5_000  # profiles drawn at once
_PRIVATE_WORDS = 2**20  # kept for one block; more than it holds rules
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_LONG = re.compile(r"[^\W\d_]{5,}")
Ask: TypeAlias = Callable[[int], list[str]]


# The papers.


def papers(count: int, seed: int, corpus_dir: Path | None) -> list[Paper]:
    """Return `count` distinct papers as ingest keeps them, all announced on one day.

    Args:
        seed: For generated and mixed papers, and for the trends, which one paper in twenty has.
        corpus_dir: The folder of real announcements; None or absent: all papers are generated.
            Where it holds fewer than asked for, each of the rest mixes sentences of two or three.
    """
    chance = random.Random(seed)  # noqa: S311  no secret is made of it
    is_real = corpus_dir is not None and corpus_dir.is_dir()
    found = real_papers(corpus_dir) if corpus_dir and is_real else generated_papers(seed)
    raw = list(islice(found, count))
    raw += [_mixed(raw, number, chance) for number in range(count - len(raw))]
    return [_paper(row, entry, chance) for row, entry in enumerate(raw, 1)]


def _mixed(raw: Sequence[Raw], number: int, chance: random.Random) -> Raw:
    parents = chance.sample(raw, chance.randint(2, 3))
    sentences = [s for parent in parents for s in _SENTENCE.split(parent["summary"])]
    one, two = (parent["title"].split() for parent in parents[:2])
    return {
        "id": f"2612.{number:06d}",
        "title": " ".join(one[: -(-len(one) // 2)] + two[len(two) // 2 :]),
        "summary": " ".join(chance.sample(sentences, -(-len(sentences) // len(parents)))),
        "authors": parents[0]["authors"],
        "categories": parents[1]["categories"],
    }


def _paper(row: int, raw: Raw, chance: random.Random) -> Paper:
    seen_at = DAY + timedelta(seconds=row)
    return Paper(
        row=row,
        id=f"arxiv:{raw['id']}",
        title=one_line(to_unicode(raw["title"])),
        abstract=one_line(to_unicode(raw["summary"])),
        authors=tuple(map(one_line, raw["authors"])),
        categories=tuple(raw["categories"]),
        first_seen_at=seen_at,
        version=1,
        published_at=seen_at - timedelta(hours=chance.randint(6, 48)),
        arrival=row,
        sources=("arxiv",),
        trend=round(chance.random(), 3) if chance.random() < WITH_TREND else None,
    )


# The profiles.


def profiles(count: int, papers: Sequence[Paper], seed: int) -> Iterator[str]:
    """Yield the texts of `count` profiles of five to ten distinct rules, one rule on a line.

    Every rule parses. The n-th profile depends on the papers, the seed and n alone.
    """
    pools = Pools.of(papers, seed)
    blocks = (_block(pools, number, seed) for number in range(-(-count // BLOCK)))
    return islice(chain.from_iterable(blocks), count)


def _block(pools: Pools, number: int, seed: int) -> Iterator[str]:
    chance = np.random.default_rng([seed, 1, number])
    private = private_words(number * _PRIVATE_WORDS)
    sizes = chance.integers(*RULES, BLOCK, endpoint=True).tolist()
    ask = _asker(pools, chance, private)
    rules = _rules(pools, chance, ask, sum(sizes))
    never = zip((chance.random(BLOCK) < NEVER).tolist(), ask(BLOCK), strict=True)
    for size, (has_never, excluded) in zip(sizes, never, strict=True):
        lines = dict.fromkeys(islice(rules, size - has_never))
        if has_never:
            lines[f"-{excluded}"] = None
        while len(lines) < size:  # a rule was drawn twice
            lines[next(private)] = None
        yield "\n".join(lines) + "\n"


def _asker(pools: Pools, chance: np.random.Generator, private: Iterator[str]) -> Ask:
    """Return what draws so many keywords, private ones among them."""

    def ask(many: int) -> list[str]:
        drawn = pools.keywords.draw(chance, many)
        for place in np.flatnonzero(chance.random(many) < PRIVATE).tolist():
            drawn[place] = next(private)
        return drawn

    return ask


def _rules(pools: Pools, chance: np.random.Generator, ask: Ask, many: int) -> Iterator[str]:
    """Yield rules of all kinds in their shares, mixed."""
    kinds = chance.choice(len(KINDS), many, p=list(KINDS.values()))
    sizes = dict(zip(KINDS, np.bincount(kinds, minlength=len(KINDS)).tolist(), strict=True))
    written = {
        "words": iter(ask(sizes["words"])),
        "boolean": _booleans(chance, ask, sizes["boolean"]),
        "acronym": iter(pools.acronyms.draw(chance, sizes["acronym"])),
        "prefix": map(_prefix, ask(sizes["prefix"])),
        "title": map("title: {}".format, ask(sizes["title"])),
        "author": map("author: {}".format, pools.authors.draw(chance, sizes["author"])),
        "quoted": map('"{}"'.format, ask(sizes["quoted"])),
        "category": map("cat: {}".format, pools.categories.draw(chance, sizes["category"])),
        "near": map(_near, ask(sizes["near"]), ask(sizes["near"])),
    }
    makers = [written[kind] for kind in KINDS]
    weights = chance.choice(list(WEIGHTS), many, p=list(WEIGHTS.values())).tolist()
    boolean = list(KINDS).index("boolean")  # a weight at its end would be that of its last part
    for kind, weight in zip(kinds.tolist(), weights, strict=True):
        yield next(makers[kind]) + (weight if kind != boolean else "")


def _booleans(chance: np.random.Generator, ask: Ask, many: int) -> Iterator[str]:
    shapes = chance.choice(list(BOOLEANS), many, p=list(BOOLEANS.values())).tolist()
    return map(str.format, shapes, ask(many), ask(many), ask(many))


def _prefix(keyword: str) -> str:
    """Return the beginning of the keyword's longest word, four letters at least, with a star."""
    word = max(_LONG.findall(keyword), key=len, default="")
    return f"{word[: max(4, len(word) - 3)]}*" if word else keyword


def _near(keyword: str, other: str) -> str:
    """Return the words of a phrase with others between them, or two keywords near each other."""
    first, _, rest = keyword.partition(" ")
    return f"{first} ~5 {rest or other}"
