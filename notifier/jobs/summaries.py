"""What digests say of papers, made once for all readers whose rules hit the same words.

Kept for one run, the last used: which lines of a profile want a paper is known from matching, so
that its words are looked at again only where nobody asked for it in these lines before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from notifier.digests.cards import Summary, SummaryMaker
from notifier.jobs.picking import Picked
from notifier.languages import Language
from notifier.latest import Latest
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, hits_of, is_trending, match
from notifier.profiles.indexed import IndexedPaper, ScannedText
from notifier.profiles.rules import Rules, wants_trend
from notifier.ranking.rising import Rise

# The last used: a summary takes some 3 kB, a paper made ready to be asked some 8 kB.
KEPT: Final = 16384
KEPT_INDEXED: Final = 4096


class Summaries:
    """The summaries of papers, by paper, language and the lines that want them."""

    def __init__(self, abstract_characters: int, bibtex: Callable[[str], str]) -> None:
        """Make summaries with abstracts of so many characters; `bibtex`: an entry's address."""
        self._abstract_characters, self._bibtex = abstract_characters, bibtex
        self._known = Latest[tuple[object, ...], Summary](KEPT)
        self._indexed = Latest[int, IndexedPaper](KEPT_INDEXED)
        self._makers: dict[str, SummaryMaker] = {}

    def maker(self, words: Language) -> SummaryMaker:
        """Return what makes summaries in a language."""
        if words.code not in self._makers:
            own = self._bibtex
            self._makers[words.code] = SummaryMaker(
                words, self._abstract_characters, lambda paper: (("BibTeX", own(paper.id)),)
            )
        return self._makers[words.code]

    def of(
        self, picked: Picked, rules: Mapping[str, Rules], words: Language
    ) -> dict[tuple[str, int], Summary]:
        """Return the summaries of the chosen papers, by profile and row."""
        out = {}
        for section in picked.choice.sections:
            parsed = rules[section.profile]
            asking = [number for number, node in parsed.wanted() if wants_trend(node)]
            for item in section.items:
                row = item.ranked.row
                kept = picked.lines.get((section.profile, row), ())
                wish = _wish(picked, row, parsed, kept, asking)
                out[section.profile, row] = self._summary(wish, words)
        return out

    def _summary(self, wish: _Wish, words: Language) -> Summary:
        paper = wish.paper
        key = (paper.row, words.code, wish.typed, wish.rises, wish.is_news)
        if wish.typed and (known := self._known.get(key)) and _is_same(known.paper, paper):
            return known
        typed = [line.typed for line in wish.rules.lines]
        made = self.maker(words).summary(self._match(wish), typed, wish.rises)
        return self._known.put(key, made)

    def _match(self, wish: _Wish) -> Match:
        """Return the hits of the lines that want a paper; of all lines where none is known to."""
        indexed = self._ready(wish.paper)
        if hits := hits_of(wish.rules, wish.lines, indexed):
            return Match(wish.paper, hits)
        return match(wish.rules, indexed, is_news=wish.is_news) or Match(wish.paper, ())

    def _ready(self, paper: Paper) -> IndexedPaper:
        known = self._indexed.get(paper.row)
        if known is None or known.paper != paper:
            known = self._indexed.put(paper.row, IndexedPaper(paper, ScannedText))
        return known


def _is_same(one: Paper, other: Paper) -> bool:
    return one is other or one == other


@dataclass(frozen=True, slots=True)
class _Wish:
    """A paper and the lines of a profile that want it; `typed` are their words."""

    paper: Paper
    rules: Rules
    lines: tuple[int, ...]
    typed: tuple[str, ...]
    rises: tuple[Rise, ...]
    is_news: bool


def _wish(
    picked: Picked, row: int, rules: Rules, kept: Sequence[int], asking: Sequence[int]
) -> _Wish:
    """Return what is known of why a chosen paper is wanted.

    Args:
        kept: The lines of its kept match.
        asking: The lines that ask for what is trending: matched again as it changes.
    """
    paper = picked.papers[row]
    is_news = row in picked.news or row in picked.rising
    trend = asking if asking and is_trending(paper) else ()
    lines = tuple(sorted({*kept, *trend} if is_news else trend))
    typed = tuple(rules.lines[number - 1].typed for number in lines)
    return _Wish(paper, rules, lines, typed, tuple(picked.rising.get(row, ())), is_news)
