"""The rule language as values: what a parsed profile is, and its canonical form.

Pure. `parse(format(p)) == p` for every profile that `parser.parse` returned: places in the
text take no part in comparisons, and lines that are comments, blank or in error are kept as
they were typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

TextField = Literal["text", "title", "abstract"]
MetaField = Literal["author", "cat", "source", "org"]
FIELDS: tuple[str, ...] = ("title", "abstract", "author", "cat", "source", "org")
TREND_WORD = "trending"
_PLAIN = re.compile(r"(?!(?:AND|OR|NOT)$)[^\W_][\w.,'’&/-]*\*?")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as typed. `exact`: from quotes, no stemming. `prefix`: typed with a final `*`."""

    text: str
    exact: bool = False
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand side by side in one field; `text` means title or abstract."""

    words: tuple[Word, ...]
    where: TextField = "text"


@dataclass(frozen=True, slots=True)
class Near:
    """Two phrases at most `distance` words apart in one field, in either order."""

    left: Phrase
    right: Phrase
    distance: int


@dataclass(frozen=True, slots=True)
class Meta:
    """A value of a field that is no running text: author, category, source, organisation."""

    where: MetaField
    value: str


@dataclass(frozen=True, slots=True)
class Trending:
    """Whatever is trending, whatever its words."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """`part` counts `factor` times in relevance."""

    part: Node
    factor: float


@dataclass(frozen=True, slots=True)
class Not:
    """The paper must not match `part`."""

    part: Node


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more parts."""

    parts: tuple[Node, ...]


Leaf: TypeAlias = Phrase | Near | Meta | Trending
Node: TypeAlias = Leaf | Weighted | Not | And | Or


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """What is wrong at one place of one line, and the cure.

    `line` and `column` count from 1. A warning (`is_error` false) leaves the rule working.
    `cures`: rules of which each would do in its place; see `amending.instead`.
    """

    line: int
    column: int
    message: str
    is_error: bool = True
    cures: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a profile: `typed` as it stood; `node` is None for comments, blanks, errors."""

    typed: str = field(compare=False)
    node: Node | None = None
    comment: str = ""
    problem: RuleProblem | None = field(default=None, compare=False)

    @property
    def is_never(self) -> bool:
        """True for a rule that excludes a paper whatever else matches."""
        return isinstance(self.node, Not)


@dataclass(frozen=True, slots=True)
class Rules:
    """A parsed profile, line by line. Line n of the text is `lines[n - 1]`."""

    lines: tuple[Line, ...] = ()
    warnings: tuple[RuleProblem, ...] = field(default=(), compare=False)

    @property
    def problems(self) -> tuple[RuleProblem, ...]:
        """Errors of single lines; each disables its own line only."""
        return tuple(line.problem for line in self.lines if line.problem)

    @property
    def is_empty(self) -> bool:
        """True when no rule can bring a paper."""
        return not any(True for _ in self.wanted())

    def wanted(self) -> Iterator[tuple[int, Node]]:
        """Yield (line number, rule) of every rule that can bring a paper."""
        for number, line in enumerate(self.lines, 1):
            if line.node is not None and not line.is_never:
                yield number, line.node

    def never(self) -> Iterator[tuple[int, Node]]:
        """Yield (line number, what must not match) of every never-rule."""
        for number, line in enumerate(self.lines, 1):
            if isinstance(line.node, Not):
                yield number, line.node.part


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield the leaves of `node` that can bring a match (those under a Not cannot)."""
    match node:
        case Weighted(part=part):
            yield from leaves(part)
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from leaves(part)
        case Not():
            return
        case _:
            yield node


def wants_trend(node: Node) -> bool:
    """Return whether the rule asks for trending papers, new today or not."""
    return any(isinstance(leaf, Trending) for leaf in leaves(node))


def respelled(node: Node, word: str, meant: str) -> Node:
    """Return `node` with another word wherever a word stands in its text."""
    match node:
        case Phrase():
            return _respelled(node, word, meant)
        case Near(left=left, right=right):
            left, right = (_respelled(part, word, meant) for part in (left, right))
            return replace(node, left=left, right=right)
        case Weighted(part=part) | Not(part=part):
            return replace(node, part=respelled(part, word, meant))
        case And(parts=parts) | Or(parts=parts):
            return replace(node, parts=tuple(respelled(one, word, meant) for one in parts))
    return node


def _respelled(phrase: Phrase, word: str, meant: str) -> Phrase:
    words = (replace(one, text=meant) if one.text == word else one for one in phrase.words)
    return replace(phrase, words=tuple(words))


def _format_words(words: tuple[Word, ...]) -> str:
    """Words as typed; exact neighbours share one pair of quotes."""
    out: list[str] = []
    place = 0
    while place < len(words):
        if not words[place].exact:
            out.append(words[place].text + ("*" if words[place].prefix else ""))
            place += 1
            continue
        end = place
        while end < len(words) and words[end].exact:
            end += 1
        out.append('"' + " ".join(word.text for word in words[place:end]) + '"')
        place = end
    return " ".join(out)


def _format_phrase(phrase: Phrase) -> str:
    prefix = "" if phrase.where == "text" else f"{phrase.where}: "
    return prefix + _format_words(phrase.words)


def _format_value(value: str) -> str:
    """A value as typed, in quotes where a sign in it would be read as an operator."""
    return value if all(map(_PLAIN.fullmatch, value.split(" "))) else f'"{value}"'


def _format_number(value: float) -> str:
    return str(value).removesuffix(".0")


def format_node(node: Node) -> str:
    """Return `node` in canonical form: one space round operators, no needless parentheses."""
    match node:
        case Phrase():
            return _format_phrase(node)
        case Near(left=left, right=right, distance=distance):
            return f"{_format_phrase(left)} ~{distance} {_format_words(right.words)}"
        case Meta(where=where, value=value):
            return f"{where}: {_format_value(value)}"
        case Trending():
            return TREND_WORD
        case Weighted(part=part, factor=factor):
            return f"{_inside(part)} ^{_format_number(factor)}"
        case Not(part=part):
            return f"-{_inside(part)}"
        case And(parts=parts):
            return " + ".join(
                _inside(part) if isinstance(part, Or | And) else format_node(part) for part in parts
            )
        case Or(parts=parts):
            return " | ".join(
                f"({format_node(part)})" if isinstance(part, Or) else format_node(part)
                for part in parts
            )


def _inside(part: Node) -> str:
    """`part` in parentheses where it would otherwise be read otherwise."""
    text = format_node(part)
    return f"({text})" if isinstance(part, And | Or | Weighted | Not) else text


def format_line(line: Line) -> str:
    """Return one line in canonical form; a comment, a blank or an error as it was typed."""
    if line.node is None:
        return line.typed
    return format_node(line.node) + (f" # {line.comment}" if line.comment else "")


def format_rules(rules: Rules) -> str:
    """Return the profile's text in canonical form, line for line, each ended by a line break."""
    return "".join(f"{format_line(line)}\n" for line in rules.lines)
