"""PubMed queries to rules.

Pure, never raises (see `translation`). As PubMed reads them: AND, OR and NOT in capitals, from
left to right; words without a sign between them all have to occur, words before one field tag are
a phrase. A query ends with its line, unless a parenthesis is open or an operator stands at the
break; a line that begins with `#` is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import zip_longest

from notifier.profiles.lexer import DISTANCE_LIMITS
from notifier.profiles.parser import Where
from notifier.profiles.rules import Node
from notifier.profiles.translating import pubmed_fields
from notifier.profiles.translating.pubmed_fields import Field
from notifier.profiles.translating.pubmed_terms import (
    CLOSE_WORDS,
    close_together,
    close_words,
    heading,
    name,
)
from notifier.profiles.translating.query_tokens import PARENTHESES, QUOTED, Token, Tokens
from notifier.profiles.translating.terms import all_of, leaf, none_of
from notifier.profiles.translating.translation import Draft, Part, Translation

_TOKEN = re.compile(
    rf"\s+|{QUOTED}|{PARENTHESES}|(?P<tag>\[[^\[\]()\"“”„\n]*\]?)|(?P<stray>\])"
    r'|(?P<word>[^\s"“”„()\[\]]+)'
)
_OPERATORS = ("AND", "OR", "NOT")
_OPEN_END = re.compile(r"(?:^|[\s)\]\"])(?:AND|OR|NOT)\s*$")
_OPEN_START = re.compile(r"\s*(?:AND|OR|NOT)(?=[\s(\"]|$)")
_COMMENT = re.compile(r"\s*#(?!\d)")
_CLOSE = re.compile(r"~\s?([0-9]{1,9})")
_NOT_WORDS = re.compile(r"#\d+|hasabstract")  # an earlier search, a filter


def translate(text: str) -> Translation:
    """Return the rules of PubMed queries."""
    draft = Draft(text)
    for start, end in _queries(draft):
        line = draft.text[start:end].strip()
        if not line or _COMMENT.match(line):
            draft.keep(start, line)
        else:
            draft.write_query(_Query(draft, start, end).read(), start, end)
    return draft.finish()


def _queries(draft: Draft) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each query, comment and blank line."""
    begun, depth = -1, 0
    lines = list(draft.lines())
    for (start, end), following in zip_longest(lines, lines[1:], fillvalue=(0, 0)):
        line = draft.text[start:end]
        if not line.strip() or _COMMENT.match(line):
            if begun >= 0:
                yield begun, start - 1
            yield start, end
            begun, depth = -1, 0
            continue
        begun = start if begun < 0 else begun
        depth += line.count("(") - line.count(")")
        goes_on = _OPEN_END.search(line) or _OPEN_START.match(draft.text[slice(*following)])
        if depth <= 0 and not goes_on:
            yield begun, end
            begun, depth = -1, 0
    if begun >= 0:
        yield begun, len(draft.text)


class _Query:
    """One query's tokens, read from left to right."""

    def __init__(self, draft: Draft, start: int, end: int) -> None:
        self._draft = draft
        self._start = start
        self._tokens = Tokens(draft, _TOKEN, start, end)

    def read(self) -> Node | None:
        found = self._expression([])
        while self._tokens.now.kind != "end":
            self._tokens.take_stray("it closes nothing")
            before = [Part(found, self._start, self._tokens.read_to)] if found else []
            found = self._expression(before)
        return found

    def _expression(self, parts: list[Part]) -> Node | None:
        """Read to the end of the group; `parts` are what was read of it before."""
        present, is_first = "AND", not parts
        while not self._tokens.at_end:
            operator, excluded = self._operator(is_first=is_first)
            is_first = False
            start = self._tokens.now.start
            node = self._operand()
            if node and excluded:
                node = self._draft.made(start, self._tokens.read_to, partial(none_of, node))
            if node is None:
                continue
            if operator != present and len(parts) > 1:
                joined = self._joined(present, parts)
                if joined is None:
                    self._leave_out(start)
                    return None
                parts = [Part(joined, parts[0].start, parts[-1].end)]
            present = operator
            parts.append(Part(node, start, self._tokens.read_to))
        return self._joined(present, parts) if parts else None

    def _joined(self, operator: str, parts: list[Part]) -> Node | None:
        return self._draft.any_of(parts) if operator == "OR" else self._draft.all_of(parts)

    def _leave_out(self, start: int) -> None:
        """Leave the rest of the group out, after what it joins to was lost."""
        self._tokens.skip_to_close()
        self._draft.lose(start, self._tokens.read_to, "left out with what stands before it")

    def _operator(self, *, is_first: bool) -> tuple[str, bool]:
        """Take what joins the next operand to those before; also: whether it is excluded."""
        signs = []
        while self._tokens.now.text in _OPERATORS:
            signs.append(self._tokens.take())
        joining = [sign for sign in signs if sign.text != "NOT"]
        stray = joining if is_first else joining[:-1]
        for sign in signs if self._tokens.at_end else stray:
            self._draft.lose(sign.start, sign.end, "it has nothing to join")
        return joining[-1].text if joining else "AND", len(joining) < len(signs)

    def _operand(self) -> Node | None:
        match self._tokens.now.kind:
            case "open":
                return self._group()
            case "quoted":
                term = self._tokens.take()
                return self._term([term], term.inside)
            case "word":
                words = self._words()
                return self._term(words, " ".join(word.text for word in words))
            case "tag" | "stray":
                self._tokens.take_stray("no word stands before it")
        return None

    def _group(self) -> Node | None:
        node = None
        with self._tokens.group() as entered:
            if entered:
                node = self._expression([])
        if self._tokens.now.kind == "tag":
            self._tokens.take_stray("a field goes with one term, not with parentheses")
        return node

    def _words(self) -> list[Token]:
        words = []
        while self._tokens.now.kind == "word" and self._tokens.now.text not in _OPERATORS:
            words.append(self._tokens.take())
        return words

    def _term(self, words: list[Token], typed: str) -> Node | None:
        """Return what words before one tag, or before none, ask for."""
        start, exact = words[0].start, words[0].kind == "quoted"
        if self._tokens.now.kind != "tag":
            return self._untagged(words)
        tag, _, modifier = self._tokens.take().text.strip("[] ").partition(":")
        field, end = pubmed_fields.find(tag), self._tokens.read_to
        if field.where is None:
            self._pass_range()
            self._draft.lose(start, self._tokens.read_to, field.why)
            return None
        if close := _CLOSE.fullmatch(modifier.strip()):
            return self._close(typed, field.where, int(close.group(1)), start, end)
        if modifier and not field.is_heading:
            self._draft.lose(start, end, f'":{modifier}" is not known here; left out')
        node = self._draft.made(start, end, partial(_tagged, typed, field, exact))
        if node and "/" in typed and field.is_heading:
            self._draft.lose(start, end, "subheadings are not known here; the heading is kept")
        elif node and field.how:
            self._draft.note(start, end, field.how)
        return node

    def _untagged(self, words: list[Token]) -> Node | None:
        parts = []
        for word in words:
            if _NOT_WORDS.fullmatch(word.text):
                self._draft.lose(word.start, word.end, "only PubMed knows that")
                continue
            self._draft.note_small_operator(word.start, word.end)
            exact = word.kind == "quoted"
            make = partial(leaf, word.inside if exact else word.text, "text", exact=exact)
            if node := self._draft.made(word.start, word.end, make):
                parts.append(Part(node, word.start, word.end))
        return self._draft.all_of(parts) if parts else None

    def _pass_range(self) -> None:
        """Pass over the second half of `2020[dp] : 2024[dp]`."""
        if self._tokens.now.text == ":":
            self._tokens.take()
            self._tokens.take()
            if self._tokens.now.kind == "tag":
                self._tokens.take()

    def _close(self, typed: str, where: Where, between: int, start: int, end: int) -> Node | None:
        """PubMed counts the words between, all others included; a rule counts the steps."""
        words = close_words(typed)
        distance = between + len(words) - 1
        if not 1 < len(words) <= CLOSE_WORDS or where == "org":
            if len(words) > 1:
                why = f"nearness joins 2 to {CLOSE_WORDS} words of title or abstract; left out"
                self._draft.lose(start, end, why)
            return self._draft.made(start, end, lambda: all_of(leaf(w, where) for w in words))
        most = DISTANCE_LIMITS[1]
        if distance > most:
            self._draft.lose(start, end, f"nearness reaches {most} words; read as that")
        else:
            self._draft.note(start, end, f"{between} words between are a distance of {distance}")
        make = partial(close_together, words, where, min(distance, most))
        return self._draft.made(start, end, make)


def _tagged(typed: str, field: Field, exact: bool) -> Node:
    if field.is_heading:
        return heading(typed)
    if field.where == "author":
        return name(typed)
    return leaf(typed, field.where or "text", exact=exact)
