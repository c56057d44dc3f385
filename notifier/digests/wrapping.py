"""Plain text in lines of so many columns, whatever its script.

Pure. Wide characters (Chinese, emoji) take two columns, combining ones none. Words are kept
whole, unless one is longer than a line; an address is never broken.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator


def columns(text: str) -> int:
    """Return how many columns `text` takes in a terminal or a mail program."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, room: int) -> list[str]:
    """Return the words of `text` in lines of at most `room` columns; an empty text is one line."""
    lines, used = [""], 0
    for word in text.split():
        if word.isascii() and len(word) <= room:
            pieces: Iterable[str] = (word,)
        else:
            pieces = _pieces(word, room)
        for piece in pieces:
            width = columns(piece)
            if not lines[-1]:
                lines[-1], used = piece, width
            elif used + 1 + width <= room:
                lines[-1], used = f"{lines[-1]} {piece}", used + 1 + width
            else:
                lines.append(piece)
                used = width
    return lines


def _pieces(word: str, room: int) -> Iterator[str]:
    """The word, in pieces when it is longer than a line and no address."""
    if "://" in word or columns(word) <= room:
        yield word
        return
    piece, used = "", 0
    for character in word:
        width = _columns(character)
        if used + width > room:
            yield piece
            piece, used = "", 0
        piece, used = piece + character, used + width
    yield piece
