"""In which order a digest's papers stand: by profile, or a week's best first and then by day.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import count, groupby
from typing import TypeAlias

from notifier.digests.cards import Card, CardMaker, CardSection, Summary
from notifier.digests.choose import Choice, Item
from notifier.digests.excerpt import plain
from notifier.papers.paper import Paper

BEST_OF_A_WEEK = 5
# Of each chosen paper, by profile and row.
Summaries: TypeAlias = Mapping[tuple[str, int], Summary]
# A paper and the profile under which it stands.
Wanted: TypeAlias = tuple[str, Item]


def by_profile(choice: Choice, summaries: Summaries, maker: CardMaker) -> tuple[CardSection, ...]:
    """Return the cards of a choice by profile, numbered through."""
    groups = [
        (section.profile, [(section.profile, item) for item in section.items])
        for section in choice.sections
    ]
    return _sections(groups, summaries, maker, under_profile=True)


def by_day(
    choice: Choice, summaries: Summaries, maker: CardMaker, day_of: Callable[[Paper], date]
) -> tuple[CardSection, ...]:
    """Return the cards of a week, numbered through: the best of all first, the others by day.

    Args:
        choice: The papers.
        summaries: What is said of each.
        maker: Makes the cards.
        day_of: The day of a paper, by the reader's clock.
    """
    wanted = [(section.profile, item) for section in choice.sections for item in section.items]
    ordered = sorted(wanted, key=lambda pair: -pair[1].ranked.score)
    best, rest = ordered[:BEST_OF_A_WEEK], ordered[BEST_OF_A_WEEK:]

    def day(pair: Wanted) -> date:
        return day_of(summaries[pair[0], pair[1].ranked.row].paper)

    groups = [(maker.words.gettext("The best of the week"), best)] if best else []
    groups += [(maker.words.day(d), list(some)) for d, some in groupby(sorted(rest, key=day), day)]
    return _sections(groups, summaries, maker, under_profile=False)


def _sections(
    groups: Iterable[tuple[str, Sequence[Wanted]]],
    summaries: Summaries,
    maker: CardMaker,
    *,
    under_profile: bool,
) -> tuple[CardSection, ...]:
    numbers = count(1)

    def card(profile: str, item: Item) -> Card:
        summary = summaries[profile, item.ranked.row]
        return maker.card(
            next(numbers), profile, item.also, item.ranked, summary, under_profile=under_profile
        )

    return tuple(
        CardSection(plain(name), tuple(card(*pair) for pair in pairs)) for name, pairs in groups
    )
