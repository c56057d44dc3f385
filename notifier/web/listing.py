"""Papers one below the other, as pages list them: with what rules found in them marked."""

from __future__ import annotations

from collections.abc import Iterable

from notifier.digests.cards import Summary, SummaryMaker
from notifier.languages import Language
from notifier.papers.paper import Paper
from notifier.profiles.hits import Match, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.rules import Rules

ABSTRACT_CHARACTERS = 320
SHOWN = 30
_MOST_PAGES = 10_000


def summaries(
    papers: Iterable[Paper], words: Language, rules: Rules | None = None
) -> list[Summary]:
    """Return what a list says of papers, the words marked that rules hit."""
    maker = SummaryMaker(words, ABSTRACT_CHARACTERS)
    typed = [line.typed for line in rules.lines] if rules else []
    found = (
        (match(rules, IndexedPaper(one)) if rules else None) or Match(one, ()) for one in papers
    )
    return [maker.summary(one, typed) for one in found]


def page_number(typed: str) -> int:
    """Return which page of a list is asked for, counted from 1; the first where none is."""
    is_number = typed.isascii() and typed.isdecimal() and len(typed) <= len(str(_MOST_PAGES))
    return max(int(typed), 1) if is_number else 1
