"""Which papers a digest holds: best first, each once, every profile with its fair share.

Pure. Profiles take turns with their best remaining paper until the digest is full, so that a
profile with many matches does not drown one with few; a paper wanted by several profiles stands
in the one where it ranks best, and names the others. A part of the room is kept for papers of
earlier days that rise, and all that the news leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from notifier.ranking.order import Ranked

# One in so many papers may be of an earlier day, and rise; at least one.
_ONE_RISING_IN = 4


@dataclass(frozen=True, slots=True)
class Item:
    """A chosen paper, with the other profiles that want it too."""

    ranked: Ranked
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The chosen papers of one profile, best first."""

    profile: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A digest's papers. `rest` are matched ones of these days that found no place, best first,
    each with the profile in which it ranks best.
    """

    sections: tuple[Section, ...]
    rest: tuple[tuple[str, Ranked], ...] = ()

    @property
    def more(self) -> int:
        """How many found no place."""
        return len(self.rest)

    @property
    def items(self) -> list[Item]:
        """All papers in the order in which they stand."""
        return [item for section in self.sections for item in section.items]


def choose(
    profiles: Sequence[tuple[str, Sequence[Ranked]]],
    *,
    max_papers: int,
    late: Set[int] = frozenset(),
) -> Choice:
    """Return the choice from each profile's matches.

    Args:
        profiles: Name and matches, best first, in the order the subscriber gave them.
        max_papers: Most papers in all, at least 1.
        late: Rows of those that were passed over before. They are not counted again.
    """
    home = _home(profiles)
    queues = {name: [r for r in ranked if home[r.row] == name] for name, ranked in profiles}
    wanted_by: dict[int, list[str]] = {}
    for name, ranked in profiles:
        for one in ranked:
            wanted_by.setdefault(one.row, []).append(name)
    rising = sorted((r for q in queues.values() for r in q if r.row in late), key=_by_score)
    news = {name: [r.row for r in queue if r.row not in late] for name, queue in queues.items()}
    matched = sum(map(len, news.values()))
    room = max(max_papers // _ONE_RISING_IN, 1, max_papers - matched)
    chosen = {one.row for one in rising[:room]}
    chosen |= _take_turns(news, max_papers - len(chosen))
    sections = [
        Section(name, tuple(Item(one, _others(wanted_by[one.row], name)) for one in shown))
        for name, queue in queues.items()
        if (shown := [one for one in queue if one.row in chosen])
    ]
    rest = [
        (name, one)
        for name, queue in queues.items()
        for one in queue
        if one.row not in chosen and one.row not in late
    ]
    return Choice(tuple(sections), tuple(sorted(rest, key=lambda pair: _by_score(pair[1]))))


def _by_score(one: Ranked) -> float:
    return -one.score


def _others(names: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(other for other in names if other != name)


def _home(profiles: Sequence[tuple[str, Sequence[Ranked]]]) -> dict[int, str]:
    """For each paper the profile in which its score is highest, the first of equals."""
    best: dict[int, tuple[float, str]] = {}
    for name, ranked in profiles:
        for one in ranked:
            if one.row not in best or one.score > best[one.row][0]:
                best[one.row] = one.score, name
    return {row: name for row, (_, name) in best.items()}


def _take_turns(queues: Mapping[str, Sequence[int]], max_papers: int) -> set[int]:
    """The first rows of each queue, one of each in turn, until there are enough or no more."""
    turns = chain.from_iterable(zip_longest(*queues.values()))
    return set(islice((row for row in turns if row is not None), max_papers))
