"""What a digest says of one paper: what every reader with the same hits sees, and what one reader.

Pure. Nothing a source wrote leaves a card with a control character, or as a link that is no http(s)
address. Every text has a most length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from notifier.digests.excerpt import Segment, cut, cut_at_sentence, mark, one_line, plain
from notifier.digests.words import LINK_NAMES, facts, link, rose, short_authors, wanted, why
from notifier.languages import Language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Hit, Match
from notifier.ranking.order import Ranked
from notifier.ranking.rising import Rise

TITLE_CHARACTERS = 300
LINE_CHARACTERS = 300
_KEPT_EXCERPTS = 2048
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f-\x9f<>\"\ufdd0\ufdd1]{1,1000}", re.I)

Link: TypeAlias = tuple[str, str]
"""What is written, and the address it leads to."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A paper as all readers of a language see it whose rules hit the same words.

    `links` lead to the paper, its page first. `rising`: what rose of late, "" for a paper that is
    not marked so.
    """

    paper: Paper
    title: tuple[Segment, ...]
    abstract: tuple[Segment, ...]
    plain_abstract: str
    authors: str
    facts: tuple[str, ...]
    why: str
    links: tuple[Link, ...]
    plain_title: str
    rising: str = ""

    @property
    def page(self) -> str:
        """The address the title leads to, or ""."""
        return self.links[0][1] if self.links else ""


@dataclass(frozen=True, slots=True)
class Card:
    """One paper as one reader sees it.

    `percent` is the score from 0 to 100. `profile` wants it, `also` want it too, `wanted` says so.
    At `say_url` its reader says something of it; `actions` are what, each with the end of the
    address where it is chosen already.
    """

    summary: Summary
    number: int
    profile: str
    percent: int
    also: tuple[str, ...] = ()
    wanted: str = ""
    say_url: str = ""
    actions: tuple[Link, ...] = ()

    @property
    def row(self) -> int:
        """The paper's row."""
        return self.summary.paper.row

    @property
    def plain_title(self) -> str:
        """The title on one line, without marks."""
        return self.summary.plain_title

    @property
    def line(self) -> Line:
        """The same as a title only."""
        return Line(self.plain_title, self.summary.page, self.profile)


@dataclass(frozen=True, slots=True)
class Line:
    """A paper of which the title is all that is shown."""

    title: str
    page: str
    profile: str


@dataclass(frozen=True, slots=True)
class CardSection:
    """The cards of one profile, or of one day."""

    name: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class SummaryMaker:
    """Makes summaries of papers.

    Attributes:
        words: The readers' language.
        abstract_characters: Length to which abstracts are cut, at a sentence's end.
        own_links: What the service itself offers for a paper.
    """

    words: Language
    abstract_characters: int
    own_links: Callable[[Paper], tuple[Link, ...]] = lambda paper: ()

    def summary(self, match: Match, rules: Sequence[str], rises: Sequence[Rise] = ()) -> Summary:
        """Return the summary of a paper that a profile wants.

        Args:
            match: Its hits.
            rules: The profile's lines as typed: a hit's `rule` counts in them, from 1.
            rises: What rose, of a paper that is to be marked so.
        """
        paper, hits = match.paper, match.hits
        title, abstract = plain(paper.title), plain(paper.abstract)
        shown_title = cut(title, TITLE_CHARACTERS)
        shown_abstract = _excerpt(abstract, self.abstract_characters)
        followed = {word for hit in hits if hit.field == "author" for word in hit.words}
        authors = short_authors(paper.authors, followed, self.words)
        return Summary(
            paper=paper,
            title=tuple(mark(shown_title, _ranges(hits, "title"), of=title)),
            abstract=tuple(mark(shown_abstract, _ranges(hits, "abstract"), of=abstract)),
            plain_abstract=shown_abstract,
            authors=cut(plain(authors), LINE_CHARACTERS),
            facts=tuple(cut(plain(fact), LINE_CHARACTERS) for fact in facts(paper, self.words)),
            why=plain(why(hits, rules, self.words)),
            links=(*self._links(paper), *self.own_links(paper)),
            plain_title=one_line(shown_title),
            rising=rose(rises, self.words),
        )

    def line(self, profile: str, paper: Paper) -> Line:
        """Return a paper as its title only."""
        links = self._links(paper)
        title = one_line(cut(plain(paper.title), TITLE_CHARACTERS))
        return Line(title, links[0][1] if links else "", profile)

    def _links(self, paper: Paper) -> list[Link]:
        """The paper's addresses, the page first, each address once."""
        first: dict[str, str] = {}
        for name in LINK_NAMES:
            if _WEB_ADDRESS.fullmatch(url := paper.urls.get(name, "")):
                first.setdefault(url, name)
        return [(link(name, self.words), url) for url, name in first.items()]


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes one reader's cards.

    Attributes:
        words: Their language.
        profiles: How many profiles they have.
        say_url: Where they say something of a paper, and `actions` what: see `Card`.
    """

    words: Language
    profiles: int
    say_url: Callable[[Paper], str] = lambda paper: ""
    actions: tuple[Link, ...] = ()

    def card(
        self, number: int, profile: str, also: Sequence[str], ranked: Ranked, summary: Summary,
        *, under_profile: bool = True,
    ) -> Card:  # fmt: skip
        """Return a paper's card; `under_profile`: it stands under the name of its profile."""
        names = (profile, *also) if not under_profile and self.profiles > 1 else ()
        says_more = plain(wanted(names, also, self.words)) if names or also else ""
        return Card(
            summary, number, profile, min(round(100 * ranked.score), 100), tuple(also), says_more,
            self.say_url(summary.paper), self.actions,
        )  # fmt: skip


# The same for all who are shown a paper, whichever its words are marked.
_excerpt = lru_cache(_KEPT_EXCERPTS)(cut_at_sentence)


def _ranges(hits: Sequence[Hit], where: str) -> list[tuple[int, int]]:
    return sorted({pair for hit in hits if hit.field == where for pair in hit.ranges})
