"""How the rules of a reader did, and one proposal to make one of them better.

Pure. Numbers come from kept matches and votes; words from the titles that were voted on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from notifier.papers.text import stem, tokens
from notifier.profiles.parser import parse
from notifier.profiles.rules import And, Node, Not, Phrase, Weighted, Word, format_node

Kind: TypeAlias = Literal["narrow", "weaken", "drop", "broad"]
Rarity: TypeAlias = Callable[[Sequence[str]], Iterable[float]]

# So many times more "not for me" than other votes, and at least so many, tell of a rule.
FEWEST_DOWN = 3
DOWN_SHARE = 2
# A rule that brings more than this share of a profile's matches drowns the others (see `lint`).
BROAD_SHARE = 0.5
FEWEST_MATCHES = 20
HALF = 0.5
_LETTERS = 4
_FEWEST_TITLES = 2
# A word in more than one of eight papers says nothing of any: log(8).
_RARE = 2.08


@dataclass(frozen=True, slots=True)
class RuleWeek:
    """One rule of a profile (its row): how many papers it brought in the week, and in 30 days.

    `place`: its line, from 1. `rule`: as typed. `up`: the 30 days' votes for papers that it
    brought, saved ones too. `disliked` and `liked` are the titles of those voted on. `is_new`: it
    was written after the week began, and nothing is said of it.
    """

    profile: int
    name: str
    place: int
    rule: str
    week: int
    month: int
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    is_new: bool = False

    @property
    def up(self) -> int:
        return len(self.liked)

    @property
    def down(self) -> int:
        return len(self.disliked)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A line of a profile that might better be another; `after` "" is none at all.

    `word`: what the papers have in common that were not wanted, for kind "narrow".
    """

    kind: Kind
    rule: RuleWeek
    after: str
    word: str = ""

    @property
    def name(self) -> str:
        """By which it is known again: of another rule or another change it is another."""
        rule = self.rule
        return f"{rule.profile}:{rule.place}:{rule.rule} -> {self.after}"


def propose(rules: Sequence[RuleWeek], rarity: Rarity) -> Proposal | None:
    """Return the most useful change of one rule, or None where all is well.

    Args:
        rules: Of all profiles of a reader.
        rarity: The inverse document frequencies of stems.
    """
    return next(_proposals(rules, rarity), None)


def _proposals(rules: Sequence[RuleWeek], rarity: Rarity) -> Iterator[Proposal]:
    for rule in sorted(rules, key=lambda one: one.up - one.down):
        if rule.down >= FEWEST_DOWN and rule.down >= DOWN_SHARE * rule.up + 1:
            yield from _against(rule, rarity)
    for rule in rules:
        is_only = sum(one.profile == rule.profile for one in rules) == 1
        if not (rule.month or rule.is_new or is_only):
            yield Proposal("drop", rule, "")
    for rule in sorted(rules, key=lambda one: -one.month):
        others = [one for one in rules if one.profile == rule.profile and one != rule]
        total = rule.month + sum(one.month for one in others)
        is_broad = total >= FEWEST_MATCHES and rule.month > BROAD_SHARE * total
        if others and is_broad and rule.up <= rule.down and (half := _halved(rule)):
            yield Proposal("broad", rule, half)


def _against(rule: RuleWeek, rarity: Rarity) -> Iterator[Proposal]:
    node = _node(rule)
    word = _in_common(rule, rarity)
    if node is not None and word:
        yield Proposal("narrow", rule, format_node(_without(node, word)), word)
    if half := _halved(rule):
        yield Proposal("weaken", rule, half)


def _node(rule: RuleWeek) -> Node | None:
    lines = parse(rule.rule).lines
    return lines[0].node if len(lines) == 1 else None


def _without(node: Node, word: str) -> Node:
    never = Not(Phrase((Word(word),)))
    match node:
        case Weighted(part=part, factor=factor):
            return Weighted(_without(part, word), factor)
        case And(parts=parts):
            return And((*parts, never))
        case _:
            return And((node, never))


def _halved(rule: RuleWeek) -> str:
    """The rule with half its weight; "" where it has less than its whole weight already."""
    node = _node(rule)
    match node:
        case None:
            return ""
        case Weighted(part=part, factor=factor):
            half = factor * HALF
            return format_node(Weighted(part, half) if half != 1 else part) if half >= HALF else ""
        case _:
            return format_node(Weighted(node, HALF))


def _in_common(rule: RuleWeek, rarity: Rarity) -> str:
    """The rarest word of most titles that were not wanted and of none that was; "" if none."""
    spared = {stem for title in (rule.rule, *rule.liked) for stem in _words(title)}
    found, written = Counter[str](), dict[str, str]()
    for title in rule.disliked:
        words = _words(title)
        found.update(words.keys())
        written |= {**words, **written}
    most = max(_FEWEST_TITLES, (rule.down + 1) // 2)
    known = sorted(key for key, times in found.items() if times >= most and key not in spared)
    rare = dict(zip(known, rarity(known), strict=True)) if known else {}
    telling = [key for key in known if rare[key] >= _RARE]
    best = max(telling, key=lambda key: (found[key] * rare[key], key), default="")
    return written.get(best, "")


def _words(title: str) -> dict[str, str]:
    """The longer words of a title by their stems."""
    words = [token.folded for token in tokens(title)]
    return {stem(word): word for word in words if len(word) >= _LETTERS and word.isalpha()}
