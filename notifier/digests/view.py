"""What a digest says, as values that both templates (HTML and text) are filled from.

Pure. Nothing a source wrote leaves the view with a control character, or as a link that is no
http(s) address. Every text has a most length, and `digests.fitting` keeps all together small.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from notifier.digests.excerpt import Segment, cut, cut_at_sentence, mark, one_line, plain
from notifier.digests.words import (
    LINK_NAMES,
    facts,
    link,
    rose,
    scheduled,
    short_authors,
    why,
)
from notifier.languages import Language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Hit, Match
from notifier.profiles.profile import Schedule
from notifier.profiles.rules import RuleProblem
from notifier.ranking.order import Ranked
from notifier.ranking.rising import Rise

SUBJECT_CHARACTERS = 90
PROFILE_CHARACTERS = 30
PREHEADER_CHARACTERS = 100
TITLE_CHARACTERS = 300
LINE_CHARACTERS = 300
NOTICES_SHOWN = 5
SOURCES_SHOWN = 20
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f-\x9f<>\"]{1,1000}", re.IGNORECASE)

Kind: TypeAlias = Literal["daily", "weekly", "sample", "nothing"]
Link: TypeAlias = tuple[str, str]
"""What is written, and the address it leads to."""


@dataclass(frozen=True, slots=True)
class Card:
    """One paper as it is shown. `percent` is the score from 0 to 100 (votes may lift it beyond).

    `rising`: what rose of late, "" for a paper that is not marked so. `links` lead to the paper,
    the page first, `actions` to what a reader may say of it; `say_url` is all of those on one page.
    `profile` wants it, `also` want it too.
    """

    row: int
    number: int
    profile: str
    title: tuple[Segment, ...]
    abstract: tuple[Segment, ...]
    authors: str
    facts: tuple[str, ...]
    why: str
    also: tuple[str, ...]
    percent: int
    links: tuple[Link, ...]
    plain_title: str
    rising: str = ""
    actions: tuple[Link, ...] = ()
    say_url: str = ""

    @property
    def page(self) -> str:
        """The address the title leads to, or ""."""
        return self.links[0][1] if self.links else ""

    @property
    def line(self) -> Line:
        """The same as a title only."""
        return Line(self.plain_title, self.page, self.profile)


@dataclass(frozen=True, slots=True)
class Line:
    """A paper of which the title is all that is shown."""

    title: str
    page: str
    profile: str


@dataclass(frozen=True, slots=True)
class CardSection:
    """The cards of one profile, or of one day; `is_profile` tells which."""

    name: str
    cards: tuple[Card, ...]
    is_profile: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """How many papers matched on a day, also in percent of the day with the most."""

    day: str
    number: int
    percent: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of one profile's rules that does not work, and why."""

    profile: str
    problem: str

    @classmethod
    def of(cls, profile: str, problem: RuleProblem, words: Language) -> Notice:
        """Return the notice of a problem."""
        told = words.gettext(
            "line %(line)s, column %(column)s: %(problem)s",
            line=problem.line, column=problem.column, problem=words.said(problem.message),
        )  # fmt: skip
        return cls(profile, cut(one_line(told), LINE_CHARACTERS))


@dataclass(frozen=True, slots=True)
class Service:
    """Who runs this, for the footer."""

    name: str
    public_url: str
    contact: str = ""
    postal_address: str = ""


@dataclass(frozen=True, slots=True)
class MailLinks:
    """Where the mail's own links lead; "" for what there is no page for."""

    unsubscribe: str
    change: str = ""
    pause: str = ""
    digest: str = ""
    all_of_it: str = ""


@dataclass(frozen=True, slots=True)
class DigestView:
    """All that a digest's mail says.

    `lines` are matched papers for which only the title is shown, `more` counts those beyond.
    `more_notices` counts lines that do not work beyond `notices`.
    `missing` names sources whose papers were not here yet, `sources` those that were looked at.
    """

    language: Language
    kind: Kind
    sections: tuple[CardSection, ...]
    lines: tuple[Line, ...]
    more: int
    scanned: int
    day: date
    address: str
    profiles: tuple[str, ...]
    schedule: Schedule
    since: date | None
    next_day: date
    links: MailLinks
    service: Service
    week: tuple[Bar, ...] = ()
    notices: tuple[Notice, ...] = ()
    more_notices: int = 0
    missing: tuple[str, ...] = ()
    sources: tuple[str, ...] = field(default=())

    @property
    def cards(self) -> list[Card]:
        """All cards in order."""
        return [card for section in self.sections for card in section.cards]

    @property
    def headline(self) -> str:
        """What the mail is, in a line."""
        words, cards = self.language, len(self.cards)
        match self.kind:
            case "nothing":
                return words.gettext("Nothing matched this time")
            case "sample":
                return words.gettext("A first look: the last days")
            case "weekly":
                return words.ngettext("Your week: %(n)s paper", "Your week: %(n)s papers", cards)
        if any(card.rising for card in self.cards):  # then not all need be new
            return words.ngettext("%(n)s paper for you", "%(n)s papers for you", cards)
        return words.ngettext("%(n)s new paper for you", "%(n)s new papers for you", cards)

    @property
    def subject(self) -> str:
        """Profile, best title, count: at most 90 characters on one line."""
        words, head = self.language, ""
        if self.profiles:
            head = f"{cut(one_line(self._first_profile), PROFILE_CHARACTERS)}: "
        if not self.cards:
            scanned = words.ngettext(
                "nothing in %(n)s paper, %(day)s", "nothing in %(n)s papers, %(day)s", self.scanned,
                day=words.day(self.day),
            )  # fmt: skip
            return cut(one_line(head + scanned), SUBJECT_CHARACTERS)
        others = len(self.cards) + len(self.lines) + self.more - 1
        tail = words.ngettext(" + %(n)s more", " + %(n)s more", others) if others else ""
        room = SUBJECT_CHARACTERS - len(head) - len(tail)
        return one_line(head + cut(self._best.plain_title, room) + tail)

    @property
    def _best(self) -> Card:
        return min(self.cards, key=lambda card: card.number)

    @property
    def _first_profile(self) -> str:
        return self._best.profile if self.cards else self.profiles[0]

    @property
    def preheader(self) -> str:
        """The titles after the first, for the line that inboxes show beside the subject."""
        if not self.cards:
            return ""
        rest = " · ".join(card.plain_title for card in self.cards[1:3])
        return cut(rest or self.cards[0].authors, PREHEADER_CHARACTERS)

    @property
    def when(self) -> str:
        """When digests come."""
        return scheduled(self.schedule, self.language)


@dataclass(frozen=True, slots=True)
class OwnLinks:
    """What the service itself offers for a paper: see `Card`."""

    links: tuple[Link, ...] = ()
    actions: tuple[Link, ...] = ()
    say_url: str = ""


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes cards of papers.

    Attributes:
        words: The reader's language.
        rules: The lines of each profile as typed, for the why-line.
        rising: What rose, by row of the papers to be marked so.
        own_links: What the service itself offers for a paper.
        abstract_characters: Length to which abstracts are cut, at a sentence's end.
    """

    words: Language
    rules: Mapping[str, Sequence[str]]
    rising: Mapping[int, Sequence[Rise]]
    abstract_characters: int
    own_links: Callable[[Paper], OwnLinks]

    def card(
        self, number: int, profile: str, also: Sequence[str], ranked: Ranked, match: Match
    ) -> Card:
        """Return the card of a paper that a profile wants."""
        paper, hits = match.paper, match.hits
        title, abstract = plain(paper.title), plain(paper.abstract)
        shown_title = cut(title, TITLE_CHARACTERS)
        shown_abstract = cut_at_sentence(abstract, self.abstract_characters)
        followed = {word for hit in hits if hit.field == "author" for word in hit.words}
        authors = short_authors(paper.authors, followed, self.words)
        own = self.own_links(paper)
        return Card(
            row=paper.row,
            number=number,
            profile=profile,
            title=tuple(mark(shown_title, _ranges(hits, "title"), of=title)),
            abstract=tuple(mark(shown_abstract, _ranges(hits, "abstract"), of=abstract)),
            authors=cut(plain(authors), LINE_CHARACTERS),
            facts=tuple(cut(plain(fact), LINE_CHARACTERS) for fact in facts(paper, self.words)),
            why=plain(why(hits, self.rules[profile], self.words)),
            also=tuple(also),
            percent=min(round(100 * ranked.score), 100),
            links=(*self._links(paper), *own.links),
            plain_title=one_line(shown_title),
            rising=rose(self.rising.get(paper.row, ()), self.words),
            actions=own.actions,
            say_url=own.say_url,
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


def _ranges(hits: Sequence[Hit], where: str) -> list[tuple[int, int]]:
    return sorted({pair for hit in hits if hit.field == where for pair in hit.ranges})
