"""The tokens of one foreign query, and a place among them.

Pure. A query is a part of a draft's text; tokens keep their places in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from notifier.profiles.parser import DEPTH
from notifier.profiles.translating.translation import Draft

QUOTED = r'(?P<quoted>["“”„][^"“”„]*(?:["“”„]|\Z))'
_QUOTES = '"“”„'
PARENTHESES = r"(?P<open>\()|(?P<close>\))"


@dataclass(frozen=True, slots=True)
class Token:
    """One token of kind `kind`, or `end`; `text` as it stands there."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def inside(self) -> str:
        """What stands between the quotes of a quoted token."""
        return self.text.strip(_QUOTES)


class Tokens:
    """The tokens that `pattern`'s named groups find between `start` and `end`, one by one."""

    def __init__(self, draft: Draft, pattern: re.Pattern[str], start: int, end: int) -> None:
        self._draft = draft
        self._tokens = [
            Token(found.lastgroup, found.group(), *found.span())
            for found in pattern.finditer(draft.text, start, end)
            if found.lastgroup
        ]
        self._end = Token("end", "", end, end)
        self._place = 0
        self._depth = 0

    @property
    def now(self) -> Token:
        """The token at the present place."""
        return self._tokens[self._place] if self._place < len(self._tokens) else self._end

    @property
    def at_end(self) -> bool:
        """Whether the query, or the group that was entered, is at its end."""
        return self.now.kind in ("end", "close")

    @property
    def read_to(self) -> int:
        """Where the last token taken ends."""
        return self._tokens[self._place - 1].end if self._place else 0

    def take(self) -> Token:
        """Return the present token and go on behind it."""
        token = self.now
        self._place += token.kind != "end"
        if token.kind == "quoted" and (len(token.text) == 1 or token.text[-1] not in _QUOTES):
            why = "the quote is not closed; read as closed at the end"
            self._draft.lose(token.start, token.end, why)
        return token

    def take_stray(self, why: str) -> None:
        """Leave out a token that has nothing to do where it stands."""
        token = self.take()
        self._draft.lose(token.start, token.end, why)

    @contextmanager
    def group(self) -> Iterator[bool]:
        """Enter the group whose `(` is at hand and leave it behind its `)`.

        Yields False, the group left out, where it lies deeper than a rule can.
        """
        opening = self.take()
        self._depth += 1
        if self._depth > DEPTH:
            self._skip_group()
            self._draft.lose(
                opening.start, self.read_to, f"more than {DEPTH} parentheses deep - simplify"
            )
            yield False
        else:
            yield True
            if self.now.kind == "close":
                self.take()
            else:
                self._draft.lose(
                    opening.start, opening.end, "it is not closed; read as closed at the end"
                )
        self._depth -= 1

    def _skip_group(self) -> None:
        self.skip_to_close()
        self.take()

    def skip_to_close(self) -> None:
        """Pass over the rest of the group that was entered."""
        depth = 0
        while self.now.kind != "end" and (depth or self.now.kind != "close"):
            kind = self.take().kind
            depth += (kind == "open") - (kind == "close")

    def skip_part(self) -> None:
        """Pass over a token that can be looked for, or over a whole group."""
        if self.take().kind == "open":
            self._skip_group()
