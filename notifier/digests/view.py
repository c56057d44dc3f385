"""What a digest says, as values that both templates (HTML and text) are filled from.

Pure. Nothing a source wrote leaves the view with a control character, or as a link that is no
http(s) address. Every text has a most length, and `digests.fitting` keeps all together small.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from notifier.digests.cards import LINE_CHARACTERS, Card, CardSection, Line
from notifier.digests.excerpt import cut, one_line
from notifier.digests.words import scheduled
from notifier.languages import Language
from notifier.profiles.profile import Schedule
from notifier.profiles.rules import RuleProblem

SUBJECT_CHARACTERS = 90
PROFILE_CHARACTERS = 30
PREHEADER_CHARACTERS = 100
NOTICES_SHOWN = 5
SOURCES_SHOWN = 20

Kind: TypeAlias = Literal["daily", "weekly", "sample", "news", "nothing"]


@dataclass(frozen=True, slots=True)
class Bar:
    """How many papers matched on a day, in words and in percent of the day with the most."""

    day: str
    number: str
    percent: int


@dataclass(frozen=True, slots=True)
class News:
    """What happened to a paper that the reader knows: its title, its page, and what, in words.

    `less_url`: where the reader says that they want no more of it.
    """

    title: str
    page: str
    what: str
    less_url: str


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
    `news` is of papers that the reader knows.
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
    news: tuple[News, ...] = ()

    @property
    def cards(self) -> list[Card]:
        """All cards in order."""
        return [card for section in self.sections for card in section.cards]

    @property
    def headline(self) -> str:
        """What the mail is, in a line."""
        words, cards = self.language, len(self.cards)
        match self.kind:
            case "news":
                about = len({(one.title, one.page) for one in self.news})
                return words.ngettext("News about %(n)s paper", "News about %(n)s papers", about)
            case "nothing":
                return words.gettext("Nothing matched this time")
            case "sample":
                return words.gettext("A first look: the last days")
            case "weekly":
                return words.ngettext("Your week: %(n)s paper", "Your week: %(n)s papers", cards)
        if any(card.summary.rising for card in self.cards):  # then not all need be new
            return words.ngettext("%(n)s paper for you", "%(n)s papers for you", cards)
        return words.ngettext("%(n)s new paper for you", "%(n)s new papers for you", cards)

    @property
    def subject(self) -> str:
        """Profile, best title, count: at most 90 characters on one line."""
        words, head = self.language, ""
        if self.profiles:
            head = f"{cut(one_line(self._first_profile), PROFILE_CHARACTERS)}: "
        if not self.cards and self.news:
            first = self.news[0]
            told = words.gettext("News: %(what)s: %(title)s", what=first.what, title=first.title)
            return cut(one_line(told), SUBJECT_CHARACTERS)
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
        return cut(rest or self.cards[0].summary.authors, PREHEADER_CHARACTERS)

    @property
    def when(self) -> str:
        """When digests come."""
        return scheduled(self.schedule, self.language)
