"""What lines are cut into, and what a piece is: a letter for its kind, and a number.

Pure. Letters are: w a word (its number in `PlainWords`), ^ a weight (in hundredths), ~ a distance,
t and a a field, + | ( ) - as they are typed, " an opening and , a closing quote, ? anything else.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from notifier.papers.author_id import looks_like_orcid
from notifier.papers.text import fold, surface_of
from notifier.profiles.lexer import DISTANCE_LIMITS, WEIGHT_LIMITS
from notifier.profiles.matching.clauses import HUNDRED
from notifier.profiles.matching.plain_words import PlainWords
from notifier.profiles.matching.table import Ints
from notifier.profiles.parser import PREFIX_LETTERS
from notifier.profiles.rules import TREND_WORD

_LETTERS = '?w^~ta+|()-",'
LETTER_BITS = 4
# Between lines; no line has it.
BREAK = -1
_LINE_END = "\n"
# A closing quote while a line is cut; a line that has this is not cut.
_CLOSING = "\x01"
_MARKS = {"title:": "t", "abstract:": "a", _CLOSING: ","} | {mark: mark for mark in '+|()-"'}
_OTHER = "?", 0
_WORD = re.compile(r"(?!(?:AND|OR|NOT)$)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_PREFIX = re.compile(r"([A-Za-z0-9]+)\*")
_WEIGHT = re.compile(r"\^([0-9]+(?:\.[0-9]+)?)")
_DISTANCE = re.compile(r"~([1-9][0-9]?)")


@cache
def code_of(letters: str) -> int:
    """Return letters side by side as one number."""
    codes = (_LETTERS.index(letter) + 1 << LETTER_BITS * n for n, letter in enumerate(letters))
    return sum(codes)


def cut(lines: Sequence[str]) -> list[str]:
    """Return the pieces of lines, with a line break between two lines.

    Signs that stand at a word are pieces of their own; a piece is empty where spaces were in the
    line that the canonical form does not have.
    """
    sound = [line if _CLOSING not in line else "" for line in lines]
    text = f" {f' {_LINE_END} '.join(sound)} "
    for sign, apart in (
        ('" ', f" {_CLOSING} "), (' "', ' " '), (" (", " ( "), (") ", " ) "), (" -", " - "),
    ):  # fmt: skip
        text = text.replace(sign, apart)
    return text[1:-1].split(" ")


class Pieces(dict[str, int]):
    """Distinct pieces by number; each is looked at when it first comes."""

    def __init__(self, words: PlainWords) -> None:
        super().__init__()
        self._words = words
        self._letters, self._values = array("b"), array("i")
        self[_LINE_END] = 0
        self._letters.append(BREAK)
        self._values.append(0)

    def __missing__(self, piece: str) -> int:
        number = self[piece] = len(self)
        letter, value = self._read(piece)
        self._letters.append(code_of(letter))
        self._values.append(value)
        return number

    def read(self, pieces: Sequence[str]) -> tuple[NDArray[np.int64], Ints]:
        """Return the code of the letter and the value of each piece; `BREAK` between lines."""
        numbers = np.fromiter(map(self.__getitem__, pieces), np.int32, len(pieces))
        letters = np.frombuffer(self._letters, np.int8)[numbers]
        return letters.astype(np.int64), np.frombuffer(self._values, np.int32)[numbers]

    def _read(self, piece: str) -> tuple[str, int]:
        if _WORD.fullmatch(piece):
            other = piece.lower() == TREND_WORD or looks_like_orcid(piece)
            return _OTHER if other else ("w", self._words[piece])
        if piece in _MARKS:
            return _MARKS[piece], 0
        if found := _PREFIX.fullmatch(piece):
            letters = fold(surface_of(found.group(1)))
            return ("w", self._words[piece]) if len(letters) >= PREFIX_LETTERS else _OTHER
        if found := _WEIGHT.fullmatch(piece):
            factor, (least, most) = float(found.group(1)), WEIGHT_LIMITS
            return ("^", max(round(HUNDRED * factor), 1)) if least <= factor <= most else _OTHER
        if found := _DISTANCE.fullmatch(piece):
            distance, (least, most) = int(found.group(1)), DISTANCE_LIMITS
            return ("~", distance) if least <= distance <= most else _OTHER
        return _OTHER
