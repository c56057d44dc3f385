"""How many different people a name seems to catch: by whom they write with, and in which fields.

Pure. Papers that one name finds are taken for one person's where they share another author, or,
weaker, where two that share no author are of the same category, which many people are; so fields
join only what has no co-author to speak for it. An estimate: it tells of doubt, not of people.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.languages import Said
from notifier.papers.author_id import author_id
from notifier.papers.paper import Paper
from notifier.profiles.names import Name, parse_name, same_person
from notifier.profiles.rules import (
    And,
    Meta,
    RuleProblem,
    Rules,
    Weighted,
    format_node,
    leaves,
)

# Of so few papers nothing is said.
FEWEST_PAPERS = 3
MOST_GUARDS = 5
GUARDS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Guard:
    """A category that tells one of the people from the others: the rule, and what it finds."""

    rule: str
    papers: int


@dataclass(frozen=True, slots=True)
class Namesakes:
    """What a name finds: papers, and as how many different people they seem to be.

    `guards`: rules that each find the papers of one field, most papers first.
    """

    name: str
    papers: int
    people: int
    guards: tuple[Guard, ...]


def namesakes(name: str, papers: Sequence[Paper]) -> Namesakes | None:
    """Return as how many people the authors of papers seem to be whom a name finds.

    None where there are too few papers, or all seem to be of one person.
    """
    asked = parse_name(name)
    if len(papers) < FEWEST_PAPERS:
        return None
    groups = _joined(papers, [_others(asked, paper.authors) for paper in papers])
    if len(groups) < 2:
        return None
    fields = Counter(paper.categories[0] for paper in papers if paper.categories)
    best = sorted(fields.items(), key=lambda one: (-one[1], one[0]))[:MOST_GUARDS]
    guards = (Guard(_guarded(name, field), count) for field, count in best)
    return Namesakes(name, len(papers), len(groups), tuple(guards) if len(best) > 1 else ())


def _guarded(name: str, field: str) -> str:
    return format_node(And((Meta("author", name), Meta("cat", field))))


def names_asked(rules: Rules) -> list[tuple[int, str]]:
    """Return (line, name) of the rules that ask for an author by name and nothing beside it."""
    found = []
    for line, node in rules.wanted():
        part = node.part if isinstance(node, Weighted) else node
        if isinstance(part, Meta) and part.where == "author" and not author_id(part.value):
            found.append((line, part.value))
    return found


def ids_asked(rules: Rules) -> list[tuple[int, str]]:
    """Return (line, id) of every author whom rules ask for by an id."""
    return [
        (line, leaf.value)
        for line, node in rules.wanted()
        for leaf in leaves(node)
        if isinstance(leaf, Meta) and leaf.where == "author" and author_id(leaf.value)
    ]


def nobody(line: int, author: str, asked_at: datetime) -> RuleProblem:
    """Return the warning that the service knows no such author; `asked_at` is aware (UTC)."""
    said = Said(
        'arXiv knows nobody as "%(author)s" (asked on %(day)s) - compare it with the author\'s '
        "page there; who has none is found by name",
        author=author, day=asked_at.date(),
    )  # fmt: skip
    return RuleProblem(line, 1, said, False)


def doubt(line: int, found: Namesakes | None) -> Iterator[RuleProblem]:
    """Yield a warning that a name seems to be several people, with what tells them apart."""
    if found is None:
        return
    told = found.guards[:GUARDS_TOLD]
    if told:
        guards = "; ".join(f"{one.rule} ({one.papers})" for one in told)
        said = Said(
            'the %(papers)s papers by "%(name)s" seem to be by %(people)s different people - '
            "ask for one of them: %(guards)s; or by ORCID iD",
            papers=found.papers, name=found.name, people=found.people, guards=guards,
        )  # fmt: skip
    else:
        said = Said(
            'the %(papers)s papers by "%(name)s" seem to be by %(people)s different people - '
            "ask by ORCID iD or arXiv author id",
            papers=found.papers, name=found.name, people=found.people,
        )  # fmt: skip
    yield RuleProblem(line, 1, said, False, tuple(one.rule for one in told))


def _others(asked: Name, authors: Iterable[str]) -> set[Name]:
    """The co-authors; of names that are written alike the same."""
    names = (parse_name(author) for author in authors)
    return {name for name in names if name.family and not same_person(asked, name)}


def _joined(papers: Sequence[Paper], others: Sequence[set[Name]]) -> list[set[int]]:
    """The papers of each person, by number: first by shared authors, then by the field."""
    groups = _Groups(len(papers))
    first: dict[Name, int] = {}
    for number, names in enumerate(others):
        for name in names:
            groups.join(number, first.setdefault(name, number))
    by_field: dict[str, list[set[int]]] = defaultdict(list)
    for group in groups.all():
        fields = Counter(paper.categories[0] for paper in _of(group, papers) if paper.categories)
        if fields:
            by_field[min(fields, key=lambda one: (-fields[one], one))].append(group)
    for same in by_field.values():
        lonely = [group for group in same if len(group) == 1]
        for group in lonely:
            groups.join(min(group), min(same[0]))
    return groups.all()


def _of(group: set[int], papers: Sequence[Paper]) -> list[Paper]:
    return [papers[number] for number in sorted(group)]


class _Groups:
    """Disjoint sets of numbers (union-find)."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def _top(self, number: int) -> int:
        while self._above[number] != number:
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number

    def join(self, one: int, other: int) -> None:
        self._above[max(self._top(one), self._top(other))] = min(self._top(one), self._top(other))

    def all(self) -> list[set[int]]:
        found: Mapping[int, set[int]] = defaultdict(set)
        for number in range(len(self._above)):
            found[self._top(number)].add(number)
        return [found[top] for top in sorted(found)]
