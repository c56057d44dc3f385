"""What a channel gets of a digest: its papers in a few lines each, as many as a message holds.

Pure. Each line has a most length; what finds no room is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notifier.digests.cards import Card
from notifier.digests.excerpt import cut, one_line
from notifier.languages import Language

TITLE_CHARACTERS = 200
AUTHORS_CHARACTERS = 100
WHY_CHARACTERS = 160
NAMES_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class PostPaper:
    """A paper of a post; `url` is its page, or ""."""

    number: int
    title: str
    authors: str
    why: str
    url: str


@dataclass(frozen=True, slots=True)
class Markup:
    """How a service wants texts and links, so that they are shown as they are."""

    text: Callable[[str], str]
    link: Callable[[str], str]


def papers(cards: Sequence[Card], markup: Markup) -> list[PostPaper]:
    """Return what is said of papers, numbered from 1."""

    def said(text: str, characters: int) -> str:
        return markup.text(cut(one_line(text), characters))

    return [
        PostPaper(
            number,
            said(card.plain_title, TITLE_CHARACTERS),
            said(card.summary.authors, AUTHORS_CHARACTERS),
            said(card.summary.why, WHY_CHARACTERS),
            markup.link(card.summary.page) if card.summary.page else "",
        )
        for number, card in enumerate(cards, 1)
    ]


def title(profiles: Sequence[str], count: int, words: Language) -> str:
    """Return a post's title: `agents, privacy: 3 papers`."""
    names = cut(one_line(", ".join(profiles)), NAMES_CHARACTERS)
    return f"{names}: " + words.ngettext("%(n)s paper", "%(n)s papers", count)


def fitted(write: Callable[[int], str], most: int, size_bytes: int) -> tuple[int, str]:
    """Return how many papers a message holds, of `most`, and its text.

    Args:
        write: Returns the text with the first so many; a paper more makes it longer.
    """
    for count in range(most, 0, -1):
        text = write(count)
        if len(text.encode()) <= size_bytes:
            return count, text
    return 0, write(0)
