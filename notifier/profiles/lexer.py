"""One line of a profile cut into tokens, each with its column.

Pure. The only error is `RuleSyntaxError`, which names the column (from 1) and a cure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from notifier.profiles.rules import FIELDS

Kind = Literal["word", "quoted", "field", "and", "or", "not", "near", "weight", "(", ")", "end"]

WEIGHT_LIMITS = (0.1, 10.0)
DISTANCE_LIMITS = (1, 50)
_SPACE = re.compile(r"\s+")
_COMMENT = re.compile(r"#(?=\s|$)\s*(.*)")
_QUOTED = re.compile(r'["“”„]([^"“”]*)["“”]')
_NUMBER = re.compile(r"[~^]\s?(\d+(?:\.\d+)?)(?![^\s()|])")
_WORD = re.compile(r'(?:[^\s()|"“”„^]|\^(?![\d.]))+')
_FIELD = re.compile(r"([^\W\d]+):")
_OPERATORS: dict[str, Kind] = {"AND": "and", "OR": "or", "NOT": "not", "+": "and"}
_NOT = re.compile(r"[-−](?=[^\s])")


class RuleSyntaxError(ValueError):
    """A rule cannot be read; `column` counts from 1, the text holds the cure."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One token: `text` without its marks, `value` for numbers, `column` from 1."""

    kind: Kind
    text: str
    column: int
    value: float = 0.0


def split_comment(line: str) -> tuple[str, str]:
    """Return (rule, comment); a comment begins with `#` at the start or between spaces."""
    quoted = False
    for place, char in enumerate(line):
        if char in '"“”„':
            quoted = not quoted
        elif char == "#" and not quoted and (place == 0 or line[place - 1].isspace()):
            found = _COMMENT.match(line, place)
            if found:
                return line[:place].rstrip(), found.group(1).strip()
    return line.rstrip(), ""


def lex(line: str) -> Iterator[Lexeme]:
    """Yield the tokens of a rule without its comment, then one of kind `end`."""
    place = 0
    while place < len(line):
        if space := _SPACE.match(line, place):
            place = space.end()
            continue
        lexeme, place = _next(line, place)
        yield lexeme
    yield Lexeme("end", "", len(line) + 1)


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
            place + 1, f'"{char}" wants a number right behind it, as in {example}'
        )
    value, (low, high) = float(found.group(1)), DISTANCE_LIMITS if near else WEIGHT_LIMITS
    if not low <= value <= high:
        what = "a distance" if near else "a weight"
        raise RuleSyntaxError(place + 1, f"{what} lies between {low:g} and {high:g}")
    return Lexeme("near" if near else "weight", found.group(), place + 1, value), found.end()


def _word(line: str, place: int) -> tuple[Lexeme, int]:
    found = _WORD.match(line, place)
    if not found:  # a lone ^ before a dot
        raise RuleSyntaxError(place + 1, f'"{line[place]}" has no meaning here - remove it')
    word, column = found.group(), place + 1
    if word in _OPERATORS:
        return Lexeme(_OPERATORS[word], word, column), found.end()
    if word in "-−–" or set(word) <= {"+"}:
        raise RuleSyntaxError(column, _stray_sign(word))
    if field := _FIELD.match(word):
        return _field(field, column), place + field.end()
    return Lexeme("word", word, column), found.end()


def _stray_sign(word: str) -> str:
    if "+" in word:
        return f'"{word}" joins nothing - write one + between two terms'
    return '"-" stands right before the word it excludes, as in LLM + -medical'


def _field(found: re.Match[str], column: int) -> Lexeme:
    name = found.group(1).lower()
    if name in FIELDS:
        return Lexeme("field", name, column)
    near = difflib.get_close_matches(name, FIELDS, 1, 0.6)
    if near:
        cure = f'did you mean "{near[0]}:"?'
    else:
        cure = f"use {', '.join(FIELDS)}, or put the words in quotes"
    raise RuleSyntaxError(column, f'unknown field "{found.group(1)}:" - {cure}')
