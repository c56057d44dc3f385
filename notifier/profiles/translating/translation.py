"""What becomes of a foreign query or list: rules, and a remark on each part that is not in them.

Pure. Nothing here raises for any text: a part that the rule language cannot say is a remark with
its line and column, and the rest is kept. Each line that comes out parses without an error, also
all of them together, and in canonical form.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from notifier.papers.text import one_line
from notifier.profiles.parser import PROFILE_RULES, parse
from notifier.profiles.rules import Node, RuleProblem, format_node
from notifier.profiles.translating.cutting import cut
from notifier.profiles.translating.terms import (
    Untranslatable,
    all_of,
    any_of,
    excludes,
    is_small_word,
)

SHOWN_CHARACTERS = 60
SMALL_OPERATORS = {"and": "AND", "or": "OR", "not": "NOT"}


@dataclass(frozen=True, slots=True)
class Translation:
    """A profile's text, each line ended by a line break, and remarks on what it came from.

    A remark stands at a place of the foreign text. It is an error where the rules do not say what
    the text said there, and none where they say it in another way.
    """

    rules: str
    remarks: tuple[RuleProblem, ...]

    @property
    def is_empty(self) -> bool:
        """True when no rule could bring a paper."""
        return parse(self.rules).is_empty


@dataclass(frozen=True, slots=True)
class Part:
    """What the text from `start` to `end` became."""

    node: Node
    start: int
    end: int


class Draft:
    """A translation in the making. A place is an offset into `text`, whose lines end in `\\n`."""

    def __init__(self, typed: str) -> None:
        self.text = "\n".join(typed.splitlines())  # columns stay, whatever ends the lines
        self._starts = [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]
        self._lines: list[tuple[int, str]] = []
        self._remarks: list[tuple[int, str, bool]] = []
        self._last_loss = -1

    def lines(self) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of each line of the text."""
        ends = [*(start - 1 for start in self._starts[1:]), len(self.text)]
        yield from zip(self._starts, ends, strict=True)

    def shown(self, start: int, end: int) -> str:
        """The part from `start` to `end` as it is named in a remark."""
        part = one_line(self.text[start : min(end, start + 4 * SHOWN_CHARACTERS)])
        short = part if len(part) <= SHOWN_CHARACTERS else f"{part[: SHOWN_CHARACTERS - 1]}…"
        return f"“{short}”" if '"' in short else f'"{short}"'

    def lose(self, start: int, end: int, why: str) -> None:
        """Say that a part is not in the rules, and why."""
        self._last_loss = max(self._last_loss, start)
        self._remarks.append((start, f"{self.shown(start, end)}: {why}", True))

    def note(self, start: int, end: int, how: str) -> None:
        """Say in what other way a part is in the rules."""
        self._remarks.append((start, f"{self.shown(start, end)}: {how}", False))

    def note_small_operator(self, start: int, end: int) -> None:
        """Say so when a word would be an operator in capitals."""
        if (word := self.text[start:end]) in SMALL_OPERATORS and word != "and":
            self.note(start, end, f"a word like any other - in capitals it is {word.upper()}")

    def made(self, start: int, end: int, make: Callable[[], Node]) -> Node | None:
        """Return what `make` makes of a part; None, and the reason told, where it cannot."""
        try:
            return make()
        except Untranslatable as error:
            self.lose(start, end, str(error))
            return None

    def all_of(self, parts: Sequence[Part]) -> Node | None:
        """Return the node that wants all of `parts`, or None; words of every paper are left out."""
        telling = [part for part in parts if not is_small_word(part.node)] or parts
        if len(telling) < len(parts):
            for part in parts:
                if is_small_word(part.node):
                    self.note(part.start, part.end, "left out, since every paper has it")
        nodes = [part.node for part in telling]
        return self.made(parts[0].start, parts[-1].end, lambda: all_of(nodes)) if nodes else None

    def any_of(self, parts: Sequence[Part]) -> Node | None:
        """Return the node that wants any of `parts`, or None; those that exclude are left out."""
        if len(parts) == 1:
            return parts[0].node
        for part in parts:
            if excludes(part.node):
                why = "as an alternative it would bring every paper without it"
                self.lose(part.start, part.end, why)
        nodes = [part.node for part in parts if not excludes(part.node)]
        return self.made(parts[0].start, parts[-1].end, lambda: any_of(nodes)) if nodes else None

    def keep(self, place: int, line: str) -> None:
        """Keep a blank line, a comment or a rule that is known to be good."""
        self._lines.append((place, line))

    def write_query(self, node: Node | None, start: int, end: int) -> None:
        """Write what a whole query became; one that only excludes, as never-rules."""
        if node is None:
            return
        if excludes(node):
            if self._last_loss >= start:
                self.lose(start, end, "nothing to look for is left of it, only what to exclude")
                return
            self.note(start, end, "it only excludes, and as a never-rule it does so for the "
                      "whole profile")  # fmt: skip
        self.write(node, start, end)

    def write(self, node: Node, start: int, end: int) -> None:
        """Write the rule, or rules, that the part from `start` to `end` became."""
        rules = list(islice(cut(node), PROFILE_RULES + 1))
        why = dict.fromkeys(reason for rule in rules if (reason := self._written(rule, start)))
        for reason in why:
            self.lose(start, end, reason)

    def _written(self, node: Node, place: int) -> str:
        """Write one rule and return "", or why it cannot be one."""
        written = format_node(node)
        line = next(iter(parse(written).lines), None)
        if line and line.node == node:
            self.keep(place, written)
            return ""
        return line.problem.message if line and line.problem else "no rule can say this"

    def finish(self) -> Translation:
        """Return the translation; rules beyond what a profile holds are left out and counted."""
        problems = parse("\n".join(line for _, line in self._lines)).problems
        beyond = {problem.line for problem in problems}
        kept = [line for number, (_, line) in enumerate(self._lines, 1) if number not in beyond]
        if problems:
            place = self._lines[problems[0].line - 1][0]
            what = f"{len(problems)} more rules" if len(problems) > 1 else "one more rule"
            self._remarks.append((place, f"{what}: {problems[0].message}", True))
        remarks = (self._remark(*remark) for remark in sorted(self._remarks, key=lambda r: r[0]))
        return Translation("".join(f"{line}\n" for line in kept), tuple(dict.fromkeys(remarks)))

    def _remark(self, place: int, message: str, is_error: bool) -> RuleProblem:
        line = bisect_right(self._starts, place)
        return RuleProblem(line, place - self._starts[line - 1] + 1, message, is_error)
