"""Rules from papers that somebody keeps: the phrases that tell these papers from the rest.

Pure. First `candidates`: every phrase of one to three words that stands in the papers, and authors
of several. How many stored papers each finds is asked of the matching itself. Then `suggest`: by
the log-odds of a phrase in the library against all papers, with an informative Dirichlet prior,
in units of its standard deviation (Monroe, Colaresi and Quinn, Fightin' Words, 2008, section 3.3.1,
equations 16 to 23), one after the other, so that what is chosen speaks for papers that are not
spoken for yet. docs/importing.md has the experiment. The order of papers does not matter.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from notifier.papers.text import Token, fold, tokens
from notifier.profiles.parser import parse
from notifier.profiles.stop_words import STOP_WORDS

Key: TypeAlias = tuple[str, ...]

MOST_RULES = 20
MOST_CANDIDATES = 600
LONGEST = 3
# A phrase in the title counts as three, as in relevance (BM25F's field weight).
TITLE_TIMES = 3.0
# The weight of what all papers say, in papers.
PRIOR = 1.0
# What a chosen phrase leaves of a paper's say for the next.
LEFT = 0.7
# Of a library of so many papers a phrase must stand in two.
SEVERAL, FEWEST = 10, 2
FEWEST_BY_AUTHOR = 3
# What stands in more of all papers than this brings too many.
COMMON = 0.1
# Of two phrases, one inside the other, that stand in so many of the same papers, one is enough.
SAME = 0.8
HEAVIEST = 2.0
_APART = re.compile(r"[.,;:!?()\[\]{}\"“”|/\\]+|\s[-–—]\s")
_ACRONYM = re.compile(r"[A-Z]{2,5}")


@dataclass(frozen=True, slots=True)
class Document:
    """A paper of a library: what is known of it."""

    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


@dataclass(slots=True)
class Candidate:
    """What may become a rule: in which papers of the library it stands, in whose titles.

    `forms`: how it is written there.
    """

    key: Key
    papers: set[int] = field(default_factory=set)
    titles: set[int] = field(default_factory=set)
    forms: Counter[str] = field(default_factory=Counter)

    @property
    def rule(self) -> str:
        """The line of a profile; of forms that are as frequent the first by letter."""
        return min(self.forms, key=lambda form: (-self.forms[form], form))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposed rule: what it finds of the library's papers (by number), and how much it tells.

    `log_odds`: how much more often it stands there than in all papers (natural logarithm), `score`
    the same in standard deviations. `weight` in (0, 2].
    """

    rule: str
    weight: float
    papers: frozenset[int]
    log_odds: float
    score: float

    @property
    def line(self) -> str:
        """The rule with its weight, as it stands in a profile."""
        if self.weight == 1:
            return self.rule
        return f"{self.rule} ^{f'{self.weight:.1f}'.removesuffix('.0')}"


def candidates(library: Sequence[Document], *, most: int = MOST_CANDIDATES) -> list[Candidate]:
    """Return what may become rules: at most so many, those of most papers and titles."""
    found: dict[Key, Candidate] = {}
    for number, one in enumerate(library):
        for text, is_title in _texts(one):
            for key, form in _phrases(text):
                known = found.setdefault(key, Candidate(key))
                known.papers.add(number)
                known.forms[form] += 1
                if is_title:
                    known.titles.add(number)
        for name in one.authors:
            known = found.setdefault(("author", fold(name)), Candidate(("author", fold(name))))
            known.papers.add(number)
            known.forms[f"author: {name}"] += 1
    fewest = FEWEST if len(library) >= SEVERAL else 1
    wanted = [
        one
        for one in found.values()
        if len(one.papers) >= (FEWEST_BY_AUTHOR if one.key[0] == "author" else fewest)
    ]
    wanted.sort(key=lambda one: (-len(one.papers) - 2 * len(one.titles), -len(one.key), one.key))
    return list(islice((one for one in wanted if _is_rule(one.rule)), most))


def _texts(one: Document) -> Iterator[tuple[str, bool]]:
    yield one.title, True
    yield one.abstract, False
    yield from ((word, True) for word in one.keywords)


def _phrases(text: str) -> Iterator[tuple[Key, str]]:
    """Each phrase that neither begins nor ends with a word that says nothing, and its form."""
    for part in _APART.split(text):
        words = list(tokens(part))
        for first in range(len(words)):
            for end in range(first + 1, min(first + LONGEST, len(words)) + 1):
                phrase = words[first:end]
                if _says(phrase[0]) and _says(phrase[-1]):
                    yield tuple(word.stem for word in phrase), " ".join(map(_form, phrase))


def _says(word: Token) -> bool:
    return len(word.folded) > 1 and not word.folded.isdigit() and word.folded not in STOP_WORDS


def _form(word: Token) -> str:
    """As it is asked for: an acronym keeps its case, since the rule does."""
    return word.surface if _ACRONYM.fullmatch(word.surface) else word.surface.lower()


def _is_rule(line: str) -> bool:
    parsed = parse(line)
    return len(list(parsed.wanted())) == 1 and not parsed.problems


def suggest(
    library: int,
    found: Mapping[str, int],
    asked: Sequence[Candidate],
    papers: int,
    *,
    most: int = MOST_RULES,
) -> list[Suggestion]:
    """Return the rules that tell a library from all papers, the most telling first.

    Args:
        library: How many papers it has.
        found: How many of all papers the rule of each candidate finds.
        asked: See `candidates`.
        papers: How many papers there are in all; 0: nothing is known of them.
    """
    scored = sorted(
        (
            one
            for candidate in asked
            if candidate.rule in found  # else another is the same to the matching
            and (one := _scored(candidate, found[candidate.rule], library, papers))
        ),
        key=lambda one: (-one.score, -len(one.candidate.key), one.candidate.key),
    )
    chosen, spoken = list[_Scored](), Counter[int]()
    while scored and len(chosen) < most:
        best = max(scored, key=lambda one: one.worth(spoken))
        scored.remove(best)
        if any(_is_same(best.candidate, other.candidate) for other in chosen):
            continue
        chosen.append(best)
        spoken.update(best.candidate.papers)
    top = max((one.score for one in chosen), default=1.0)
    return [one.suggestion(top) for one in chosen]


@dataclass(frozen=True, slots=True)
class _Scored:
    candidate: Candidate
    log_odds: float
    score: float

    def worth(self, spoken: Mapping[int, int]) -> float:
        """How much it tells of papers that are not spoken for yet."""
        papers = self.candidate.papers
        return self.score * sum(LEFT ** spoken.get(one, 0) for one in papers) / len(papers)

    def suggestion(self, top: float) -> Suggestion:
        weight = max(round(self.score / top * HEAVIEST, 1), 0.1)
        return Suggestion(
            self.candidate.rule, weight, frozenset(self.candidate.papers), self.log_odds, self.score
        )


def _scored(one: Candidate, with_it: int, library: int, papers: int) -> _Scored | None:
    """The log-odds of a candidate; None where it is no rarer among all papers, or common there."""
    if papers and with_it > max(COMMON * papers, FEWEST):
        return None
    prior = PRIOR * (with_it + 0.5) / (papers + 1)
    here = len(one.papers) + (TITLE_TIMES - 1) * len(one.titles)
    here_odds = (here + prior) / (max(library - len(one.papers), 0) + PRIOR - prior)
    odds = (with_it + prior) / (max(papers - with_it, 0) + PRIOR - prior)
    log_odds = math.log(here_odds) - math.log(odds)
    if log_odds <= 0:
        return None
    return _Scored(one, log_odds, log_odds / math.sqrt(1 / (here + prior) + 1 / (with_it + prior)))


def _is_same(one: Candidate, other: Candidate) -> bool:
    """Whether one is a part of the other, and stands in nearly the same papers."""
    is_part = set(one.key) <= set(other.key) or set(other.key) <= set(one.key)
    return is_part and len(one.papers & other.papers) >= SAME * len(one.papers)
