"""One line of a profile cut into tokens, each with its column.

Pure. The only error is `RuleSyntaxError`, which names the column (from 1) and a cure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

from notifier.languages import Said
from notifier.papers.author_id import bare, names_author
from notifier.profiles.rules import FIELDS

Kind = Literal[
    "word", "quoted", "person", "field", "and", "or", "not", "near", "weight", "(", ")", "end"
]

WEIGHT_LIMITS = (0.1, 10.0)
DISTANCE_LIMITS = (1, 50)
_SPACE = re.compile(r"\s+")
_QUOTED = re.compile(r'["“”„]([^"“”„]*)["“”„]')
_NUMBER = re.compile(r"[~^]\s?(\d+(?:\.\d+)?)(?![^\s()|])")
_IN_WORD = r'(?:[^\s()|"“”„^~]|[\^~](?![\d.]))'
_WORD = re.compile(f"{_IN_WORD}+")
# A space before the colon is written in French; such a colon begins no word.
_FIELD = re.compile(rf"([^\W\d]+)(?::|\s+:(?!{_IN_WORD}))")
_OPERATORS: dict[str, Kind] = {"AND": "and", "OR": "or", "NOT": "not"}
_AND = re.compile(r"\+(?!\+)")
_NOT = re.compile(r"[-−–](?=\S)")


class RuleSyntaxError(ValueError):
    """A rule cannot be read; `column` counts from 1, `said` is why, with the cure."""

    def __init__(self, column: int, template: str, **values: object) -> None:
        self.said = Said(template, **values)
        super().__init__(self.said)
        self.column = column


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One token: `text` without its marks, `value` for numbers, `column` from 1."""

    kind: Kind
    text: str
    column: int
    value: float = 0.0

    @property
    def shown(self) -> str:
        """The token as it is named in an error."""
        return f"{self.text}:" if self.kind == "field" else self.text


def lex(line: str) -> Iterator[Lexeme]:
    """Yield the tokens of a line, then one of kind `end` whose text is the comment.

    A comment begins with `#` where a token could begin, so not in `C#` and not in quotes.
    """
    place = 0
    while place < len(line):
        if space := _SPACE.match(line, place):
            place = space.end()
            continue
        if line[place] == "#":
            break
        lexeme, place = _next(line, place)
        yield lexeme
    yield Lexeme("end", line[place + 1 :].strip(), place + 1)


def _next(line: str, place: int) -> tuple[Lexeme, int]:
    char, column = line[place], place + 1
    if char in "()":
        return Lexeme("(" if char == "(" else ")", char, column), place + 1
    if char == "|":
        return Lexeme("or", char, column), place + 1
    if char in '"“”„':
        return _quoted(line, place)
    if char in "~^":
        return _number(line, place)
    if _AND.match(line, place):
        return Lexeme("and", char, column), place + 1
    if _NOT.match(line, place):
        return Lexeme("not", "-", column), place + 1
    return _word(line, place)


def _quoted(line: str, place: int) -> tuple[Lexeme, int]:
    found = _QUOTED.match(line, place)
    if not found:
        raise RuleSyntaxError(place + 1, 'this quote is not closed - add a " after the last word')
    return Lexeme("quoted", found.group(1), place + 1), found.end()


def _number(line: str, place: int) -> tuple[Lexeme, int]:
    char, found = line[place], _NUMBER.match(line, place)
    near = char == "~"
    example = "graph ~5 transformer" if near else "RAG ^2"
    if not found or (near and "." in found.group(1)):
        raise RuleSyntaxError(
            place + 1,
            '"%(sign)s" wants a number right behind it, as in %(example)s',
            sign=char,
            example=example,
        )
    value, (low, high) = float(found.group(1)), DISTANCE_LIMITS if near else WEIGHT_LIMITS
    if not low <= value <= high:
        what = Said("a distance") if near else Said("a weight")
        raise RuleSyntaxError(
            place + 1,
            "%(what)s lies between %(low)s and %(high)s",
            what=what,
            low=f"{low:g}",
            high=f"{high:g}",
        )
    return Lexeme("near" if near else "weight", found.group(), place + 1, value), found.end()


def _word(line: str, place: int) -> tuple[Lexeme, int]:
    found = cast(re.Match[str], _WORD.match(line, place))  # what begins no word was read before
    word, column = found.group(), place + 1
    if word in _OPERATORS:
        return Lexeme(_OPERATORS[word], word, column), found.end()
    if word in "-−–" or set(word) <= {"+"}:
        raise RuleSyntaxError(column, _stray_sign(word))
    if names_author(word):
        return Lexeme("person", bare(word), column), found.end()
    if field := _FIELD.match(line, place):
        return _field(field, column), field.end()
    return Lexeme("word", word, column), found.end()


def _stray_sign(word: str) -> str:
    if "+" in word:
        return f'"{word}" joins nothing - write one + between two terms'
    return '"-" stands right before the word it excludes, as in LLM + -medical'


def _field(found: re.Match[str], column: int) -> Lexeme:
    name = found.group(1).lower()
    if name in FIELDS:
        return Lexeme("field", name, column)
    near = [field for field in FIELDS if field.startswith(name) or name.startswith(field)]
    near = near or difflib.get_close_matches(name, FIELDS, 1, 0.6)
    if near:
        cure = Said('did you mean "%(field)s:"?', field=near[0])
    else:
        cure = Said("use %(fields)s, or put the words in quotes", fields=", ".join(FIELDS))
    raise RuleSyntaxError(
        column, 'unknown field "%(field)s:" - %(cure)s', field=found.group(1), cure=cure
    )
