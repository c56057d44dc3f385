"""What a digest says, as values that both templates (HTML and text) are filled from.

Pure. Hits are marked by splitting texts into segments, so that templates escape everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from notifier.digests.choose import Choice, Item
from notifier.papers.paper import Paper
from notifier.profiles.matching import Hit

AUTHORS_SHOWN = 4
RULES_SHOWN = 3
WORDS_SHOWN = 3
SUBJECT_CHARACTERS = 90
PREHEADER_CHARACTERS = 100
_SENTENCE_END = re.compile(r"[.!?。！？][\"'”’)\]]?(?=\s|$)")
_FIELD_WORDS = {"title": "in the title", "abstract": "in the abstract"}
_ANNOUNCED = {"cross": "cross-listed", "replace": "new version", "replace-cross": "new version"}


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text; `hit` is true for what a rule found."""

    text: str
    hit: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One paper as it is shown. `percent` is the score from 0 to 100."""

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
    """All that a digest's mail says."""

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

    @property
    def cards(self) -> list[Card]:
        """All cards in order."""
        return [card for section in self.sections for card in section.cards]

    @property
    def subject(self) -> str:
        """Profile, best title, count: at most 90 characters on one line."""
        best = self.sections[0].cards[0]
        others = len(self.cards) + self.more - 1
        tail = f" + {others} more" if others else ""
        head = f"{_cut(self.sections[0].profile, 30)}: "
        return head + _cut(best.plain_title, SUBJECT_CHARACTERS - len(head) - len(tail)) + tail

    @property
    def preheader(self) -> str:
        """The titles after the first, for the line that inboxes show beside the subject."""
        rest = " · ".join(card.plain_title for card in self.cards[1:3])
        return _cut(rest or self.cards[0].authors, PREHEADER_CHARACTERS)


def _cut(text: str, characters: int) -> str:
    """Cut at a word's end and say so with an ellipsis."""
    if len(text) <= characters:
        return text
    head = text[: characters - 1]
    at_word = head.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > characters // 2 else head).rstrip(" ,;:-") + "…"


def sections(
    choice: Choice,
    rules: Mapping[str, Sequence[str]],
    links: Mapping[int, Sequence[tuple[str, str]]],
    *,
    abstract_characters: int,
) -> tuple[CardSection, ...]:
    """Return the cards of a choice, numbered through.

    Args:
        choice: The papers by profile.
        rules: The lines of each profile as typed, for the why-line.
        links: (text, address) pairs of each paper's row, the page first.
        abstract_characters: Length to which abstracts are cut, at a sentence's end.
    """
    out, number = [], 0
    for section in choice.sections:
        cards = []
        for item in section.items:
            number += 1
            cards.append(_card(number, item, rules[section.profile], links, abstract_characters))
        out.append(CardSection(section.profile, tuple(cards)))
    return tuple(out)


def _card(
    number: int,
    item: Item,
    rules: Sequence[str],
    links: Mapping[int, Sequence[tuple[str, str]]],
    abstract_characters: int,
) -> Card:
    paper, hits = item.ranked.paper, item.ranked.hits
    abstract = cut_at_sentence(paper.abstract, abstract_characters)
    return Card(
        number=number,
        title=tuple(mark(paper.title, _ranges(hits, "title"))),
        abstract=tuple(mark(abstract, _ranges(hits, "abstract"), of=paper.abstract)),
        authors=short_authors(paper.authors, _followed(hits)),
        facts=tuple(_facts(paper)),
        why=why(hits, rules),
        also=item.also,
        percent=round(100 * item.ranked.score),
        links=tuple(links.get(paper.row, ())),
        plain_title=paper.title,
    )


def _ranges(hits: Iterable[Hit], field: str) -> list[tuple[int, int]]:
    return sorted({pair for hit in hits if hit.field == field for pair in hit.ranges})


def mark(
    text: str, ranges: Iterable[tuple[int, int]], *, of: str | None = None
) -> Iterable[Segment]:
    """Yield `text` in segments, those in `ranges` marked; overlapping ranges become one.

    `of` is the whole text the ranges count in, when `text` is its beginning: what lies beyond
    the part they share is not marked.
    """
    end_of_shared = len(text) if of is None else _shared(text, of)
    place = 0
    for start, end in ranges:
        start, end = max(start, place), min(end, end_of_shared)
        if start >= end:
            continue
        if start > place:
            yield Segment(text[place:start])
        yield Segment(text[start:end], hit=True)
        place = end
    if place < len(text):
        yield Segment(text[place:])


def _shared(cut: str, whole: str) -> int:
    """How many characters the cut text has in common with the whole one."""
    return len(cut) - 1 if cut.endswith("…") and not whole.startswith(cut) else len(cut)


def cut_at_sentence(text: str, characters: int) -> str:
    """Return `text` cut at the last sentence end within `characters`, or at a word with `…`."""
    if len(text) <= characters:
        return text
    ends = [found.end() for found in _SENTENCE_END.finditer(text[: characters + 1])]
    if ends and characters // 2 <= ends[-1] <= characters:
        return text[: ends[-1]]
    head = text[: max(characters - 1, 0)]
    return (head.rsplit(" ", 1)[0] if " " in head else head).rstrip(" ,;:") + "…"


def _followed(hits: Iterable[Hit]) -> set[str]:
    return {word for hit in hits if hit.field == "author" for word in hit.words}


def short_authors(authors: Sequence[str], followed: set[str]) -> str:
    """Return the first authors and any that a rule follows; `and 12 others` for the rest."""
    if len(authors) <= AUTHORS_SHOWN + 1:
        return ", ".join(authors)
    shown = [a for n, a in enumerate(authors) if n < AUTHORS_SHOWN - 1 or a in followed]
    rest = len(authors) - len(shown)
    return f"{', '.join(shown)} and {rest} others" if rest > 1 else ", ".join(authors)


def _facts(paper: Paper) -> Iterable[str]:
    if paper.organization:
        yield paper.organization
    if paper.categories:
        yield ", ".join(paper.categories[:3])
    if paper.journal:
        yield paper.journal
    if paper.announce in _ANNOUNCED:
        yield _ANNOUNCED[paper.announce]
    counts = [
        f"{value:.0f} {name if value != 1 else name.removesuffix('s')}"
        for name, value in paper.signals.items()
        if value
    ]
    if counts:
        yield " · ".join(counts)


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
        parts.append(f"{rules[rule - 1].strip()}: {found}")
    more = f"; and {len(parts) - RULES_SHOWN} more" if len(parts) > RULES_SHOWN else ""
    return "; ".join(parts[:RULES_SHOWN]) + more


def _found(field: str, words: list[str]) -> str:
    if field == "trend":
        return "much talked about among papers of its field and age"
    quoted = ", ".join(f"“{word}”" for word in words[:WORDS_SHOWN])
    return f"{quoted} {_FIELD_WORDS[field]}" if field in _FIELD_WORDS else quoted


def long_date(day: date) -> str:
    """Return `Fri 20 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"
