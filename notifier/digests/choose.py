"""Which papers a digest holds: best first, each once, every profile with its fair share.

Pure. Profiles take turns with their best remaining paper until the digest is full, so that a
profile with many matches does not drown one with few; a paper wanted by several profiles stands
in the one where it ranks best, and names the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.ranking.order import Ranked


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
    """A digest's papers. `more` counts matched papers that found no place."""

    sections: tuple[Section, ...]
    more: int

    @property
    def items(self) -> list[Item]:
        """All papers in the order in which they stand."""
        return [item for section in self.sections for item in section.items]


def choose(profiles: Sequence[tuple[str, Sequence[Ranked]]], *, max_papers: int) -> Choice:
    """Return the choice from each profile's matches.

    Args:
        profiles: Name and matches, best first, in the order the subscriber gave them.
        max_papers: Most papers in all, at least 1.
    """
    home = _home(profiles)
    queues = {name: [r for r in ranked if home[r.row] == name] for name, ranked in profiles}
    wanted_by: dict[int, list[str]] = {}
    for name, ranked in profiles:
        for one in ranked:
            wanted_by.setdefault(one.row, []).append(name)
    taken = _take_turns(queues, max_papers)
    sections = [
        Section(
            name,
            tuple(
                Item(one, tuple(other for other in wanted_by[one.row] if other != name))
                for one in queue[: taken[name]]
            ),
        )
        for name, queue in queues.items()
        if taken[name]
    ]
    return Choice(tuple(sections), len(home) - sum(taken.values()))


def _home(profiles: Sequence[tuple[str, Sequence[Ranked]]]) -> dict[int, str]:
    """For each paper the profile in which its score is highest, the first of equals."""
    best: dict[int, tuple[float, str]] = {}
    for name, ranked in profiles:
        for one in ranked:
            if one.row not in best or one.score > best[one.row][0]:
                best[one.row] = one.score, name
    return {row: name for row, (_, name) in best.items()}


def _take_turns(queues: dict[str, list[Ranked]], max_papers: int) -> dict[str, int]:
    taken = dict.fromkeys(queues, 0)
    while sum(taken.values()) < max_papers:
        before = sum(taken.values())
        for name, queue in queues.items():
            if taken[name] < len(queue) and sum(taken.values()) < max_papers:
                taken[name] += 1
        if sum(taken.values()) == before:
            break
    return taken
