"""What a digest says, as values that both templates (HTML and text) are filled from.

Pure. Nothing a source wrote leaves the view with a control character, or as a link that is no
http(s) address. Every text has a most length, and all together one that keeps the mail small.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count

from notifier.digests import budget
from notifier.digests.choose import Choice, Item
from notifier.digests.excerpt import Segment, cut, cut_at_sentence, mark, one_line, plain
from notifier.papers.paper import Paper
from notifier.profiles.hits import Hit, Match
from notifier.ranking.rising import Rise

AUTHORS_SHOWN = 4
SIGNALS_FIRST = ("upvotes", "comments", "stars")
RULES_SHOWN = 3
WORDS_SHOWN = 3
SUBJECT_CHARACTERS = 90
PREHEADER_CHARACTERS = 100
TITLE_CHARACTERS = 300
LINE_CHARACTERS = 300
RULE_CHARACTERS = 80
WORD_CHARACTERS = 40
HOURS_SHOWN = 48
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f-\x9f<>\"]{1,1000}", re.IGNORECASE)
_SHOWN_AS = {"mentions": "sources"}  # so many more sources show the paper
_FIELD_WORDS = {"title": "in the title", "abstract": "in the abstract"}
_ANNOUNCED = {"cross": "cross-listed", "replace": "new version", "replace-cross": "new version"}


@dataclass(frozen=True, slots=True)
class Card:
    """One paper as it is shown. `percent` is the score from 0 to 100.

    `rising`: what rose of late, "" for a paper that is not marked so.
    """

    number: int
    title: tuple[Segment, ...]
    abstract: tuple[Segment, ...]
    authors: str
    facts: tuple[str, ...]
    why: str
    also: tuple[str, ...]
    percent: int
    links: tuple[tuple[str, str], ...]
    plain_title: str
    rising: str = ""

    @property
    def page(self) -> str:
        """The address the title leads to, or ""."""
        return self.links[0][1] if self.links else ""


@dataclass(frozen=True, slots=True)
class CardSection:
    """The cards of one profile."""

    profile: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of one profile's rules that does not work, and why."""

    profile: str
    problem: str


@dataclass(frozen=True, slots=True)
class Service:
    """Who runs this, for the footer."""

    name: str
    public_url: str
    contact: str = ""
    postal_address: str = ""


@dataclass(frozen=True, slots=True)
class DigestView:
    """All that a digest's mail says; `missing` names sources whose papers were not here yet."""

    sections: tuple[CardSection, ...]
    more: int
    scanned: int
    day: date
    address: str
    schedule: str
    since: date | None
    next_day: date
    unsubscribe_url: str
    service: Service
    notices: tuple[Notice, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def cards(self) -> list[Card]:
        """All cards in order."""
        return [card for section in self.sections for card in section.cards]

    @property
    def has_rising(self) -> bool:
        """Whether a paper is marked as rising: then not all need be new."""
        return any(card.rising for card in self.cards)

    @property
    def subject(self) -> str:
        """Profile, best title, count: at most 90 characters on one line."""
        best = self.sections[0].cards[0]
        others = len(self.cards) + self.more - 1
        tail = f" + {others} more" if others else ""
        head = f"{cut(one_line(self.sections[0].profile), 30)}: "
        room = SUBJECT_CHARACTERS - len(head) - len(tail)
        return one_line(head + cut(best.plain_title, room) + tail)

    @property
    def preheader(self) -> str:
        """The titles after the first, for the line that inboxes show beside the subject."""
        rest = " · ".join(card.plain_title for card in self.cards[1:3])
        return cut(rest or self.cards[0].authors, PREHEADER_CHARACTERS)


def sections(
    choice: Choice,
    matches: Mapping[tuple[str, int], Match],
    rules: Mapping[str, Sequence[str]],
    links: Mapping[int, Sequence[tuple[str, str]]],
    rising: Mapping[int, Sequence[Rise]],
    *,
    abstract_characters: int,
) -> tuple[CardSection, ...]:
    """Return the cards of a choice, numbered through.

    Args:
        choice: The papers by profile.
        matches: The paper and its hits, by profile and row.
        rules: The lines of each profile as typed, for the why-line.
        links: (text, address) pairs of each paper's row, the page first.
        rising: What rose, by row of the papers to be marked so.
        abstract_characters: Length to which abstracts are cut, at a sentence's end.
    """
    numbers = count(1)
    return _fitted(
        tuple(
            CardSection(
                section.profile,
                tuple(
                    _card(
                        next(numbers),
                        item,
                        matches[section.profile, item.ranked.row],
                        rules[section.profile],
                        links.get(item.ranked.row, ()),
                        rising.get(item.ranked.row, ()),
                        abstract_characters,
                    )
                    for item in section.items
                ),
            )
            for section in choice.sections
        )
    )


def _card(
    number: int,
    item: Item,
    match: Match,
    rules: Sequence[str],
    links: Sequence[tuple[str, str]],
    rises: Sequence[Rise],
    abstract_characters: int,
) -> Card:
    paper, hits = match.paper, match.hits
    title, abstract = plain(paper.title), plain(paper.abstract)
    shown_title = cut(title, TITLE_CHARACTERS)
    shown_abstract = cut_at_sentence(abstract, abstract_characters)
    return Card(
        number=number,
        title=tuple(mark(shown_title, _ranges(hits, "title"), of=title)),
        abstract=tuple(mark(shown_abstract, _ranges(hits, "abstract"), of=abstract)),
        authors=cut(plain(short_authors(paper.authors, _followed(hits))), LINE_CHARACTERS),
        facts=tuple(cut(plain(fact), LINE_CHARACTERS) for fact in _facts(paper)),
        why=plain(why(hits, rules)),
        also=item.also,
        percent=round(100 * item.ranked.score),
        links=tuple(pair for pair in links if _WEB_ADDRESS.fullmatch(pair[1])),
        plain_title=one_line(shown_title),
        rising=rose(rises),
    )


def _fitted(whole: tuple[CardSection, ...]) -> tuple[CardSection, ...]:
    """The same cards with abstracts short enough for one mail."""
    cards = [card for section in whole for card in section.cards]
    names = budget.weight(Segment(section.profile) for section in whole)
    frame = budget.FRAME_BYTES + budget.SECTION_BYTES * len(whole) + names
    room = budget.MAIL_BYTES - frame - sum(map(_frame, cards))
    most = budget.level([budget.weight(card.abstract) for card in cards], room)
    return tuple(
        replace(
            section,
            cards=tuple(
                replace(card, abstract=budget.shortened(card.abstract, most))
                for card in section.cards
            ),
        )
        for section in whole
    )


def _frame(card: Card) -> float:
    """What a card weighs without its abstract."""
    said = (card.authors, *card.facts, card.rising, card.why, *card.also)
    words = (*said, *(url for _, url in card.links))
    texts = (*card.title, *(Segment(word) for word in words))
    return budget.CARD_BYTES + budget.LINK_BYTES * len(card.links) + budget.weight(texts)


def _ranges(hits: Iterable[Hit], field: str) -> list[tuple[int, int]]:
    return sorted({pair for hit in hits if hit.field == field for pair in hit.ranges})


def _followed(hits: Iterable[Hit]) -> set[str]:
    return {word for hit in hits if hit.field == "author" for word in hit.words}


def short_authors(authors: Sequence[str], followed: set[str]) -> str:
    """Return the first authors and any that a rule follows; `and 12 others` for the rest."""
    if len(authors) <= AUTHORS_SHOWN + 1:
        return ", ".join(authors)
    shown = [a for n, a in enumerate(authors) if n < AUTHORS_SHOWN - 1 or a in followed]
    rest = len(authors) - len(shown)
    return f"{', '.join(shown)} and {rest} others" if rest > 1 else ", ".join(authors)


def _importance(signal: tuple[str, float]) -> int:
    name = signal[0]
    return SIGNALS_FIRST.index(name) if name in SIGNALS_FIRST else len(SIGNALS_FIRST)


def _facts(paper: Paper) -> Iterable[str]:
    if paper.organization:
        yield paper.organization
    if paper.categories:
        yield ", ".join(paper.categories[:3])
    if paper.journal:
        yield paper.journal
    if paper.withdrawn_at:
        yield "withdrawn"
    if paper.announce in _ANNOUNCED:
        yield _ANNOUNCED[paper.announce]
    counts = [
        _counted(value, name)
        for name, value in sorted(paper.signals.items(), key=_importance)
        if value
    ]
    if counts:
        yield " · ".join(counts)


def rose(rises: Sequence[Rise]) -> str:
    """Return what rose most, and in what time: `+38 upvotes in 24 h`; "" where nothing did."""
    if not rises:
        return ""
    most = rises[0]
    hours = max(round(most.since / timedelta(hours=1)), 1)
    time = f"{hours} h" if hours <= HOURS_SHOWN else f"{round(hours / 24)} days"
    return f"+{_counted(most.gain, most.name)} in {time}"


def _counted(value: float, name: str) -> str:
    name = _SHOWN_AS.get(name, name)
    return f"{value:.0f} {name if value != 1 else name.removesuffix('s')}"


def why(hits: Sequence[Hit], rules: Sequence[str]) -> str:
    """Return in words what brought the paper: `RAG ^2: “RAGs” in the title, “RAG” in the abstract`.

    Args:
        hits: In the order of the rules.
        rules: The profile's lines as typed.
    """
    parts = []
    for rule in dict.fromkeys(hit.rule for hit in hits):
        by_field: dict[str, dict[str, str]] = {}
        for hit in hits:
            if hit.rule == rule:
                words = by_field.setdefault(hit.field, {})
                for word in hit.words:
                    words.setdefault(word.casefold(), word)
        found = ", ".join(_found(field, list(words.values())) for field, words in by_field.items())
        parts.append(f"{cut(rules[rule - 1].strip(), RULE_CHARACTERS)}: {found}")
    if not parts:  # a rule for what is trending brought it, and it trends no more
        return "it was much talked about when it came"
    more = f"; and {len(parts) - RULES_SHOWN} more" if len(parts) > RULES_SHOWN else ""
    return "; ".join(parts[:RULES_SHOWN]) + more


def _found(field: str, words: list[str]) -> str:
    if field == "trend":
        return "much talked about among papers of its field and age"
    quoted = ", ".join(f"“{cut(word, WORD_CHARACTERS)}”" for word in words[:WORDS_SHOWN])
    return f"{quoted} {_FIELD_WORDS[field]}" if field in _FIELD_WORDS else quoted


def long_date(day: date) -> str:
    """Return `Fri 20 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"
