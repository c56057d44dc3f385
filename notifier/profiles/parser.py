"""A profile's text to its rules.

Pure. Never raises: a line that cannot be read keeps its text and carries its problem, with
line, column and a cure. Grammar of one line, loosest first:

    rule     = any                          a rule that is one Not is a never-rule
    any      = all { ("|" | OR) all }
    all      = item { [ "+" | AND ] item }      the sign may be left out before - and NOT
    item     = ("-" | NOT) part | part [ "^" number ]
    part     = "(" any ")" | field ( "(" any ")" | words ) | words [ "~" number words ]
    words    = one or more of: word, word*, "exact words"
"""

from __future__ import annotations

from collections.abc import Iterable

from notifier.papers import text
from notifier.profiles.lexer import Lexeme, RuleSyntaxError, lex, split_comment
from notifier.profiles.rules import (
    TREND_WORD,
    And,
    Line,
    Meta,
    MetaField,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    RuleProblem,
    Rules,
    TextField,
    Trending,
    Weighted,
    Word,
)

LINE_CHARACTERS = 1_000
PROFILE_RULES = 500
PROFILE_CHARACTERS = 50_000
DEPTH = 20
PHRASE_WORDS = 20
PREFIX_LETTERS = 3

_TEXT_FIELDS: dict[str, TextField] = {"title": "title", "abstract": "abstract"}
_META_FIELDS: dict[str, MetaField] = {
    "author": "author", "cat": "cat", "source": "source", "org": "org",
}  # fmt: skip


def parse(typed: str) -> Rules:
    """Return the rules of a profile as typed; every line of the text is one line of the result."""
    lines: list[Line] = []
    length = rules = 0
    for number, line in enumerate(typed.splitlines(), 1):
        length += len(line) + 1
        parsed = _parse_line(line, number, length, rules)
        rules += parsed.node is not None
        lines.append(parsed)
    return Rules(tuple(lines), tuple(_warnings(lines)))


def _parse_line(typed: str, number: int, length: int, rules_before: int) -> Line:
    rule, comment = split_comment(typed)
    if not rule.strip():
        return Line(typed, comment=typed)
    try:
        _check_limits(typed, length, rules_before)
        return Line(typed, _Parser(rule).rule(), comment)
    except RuleSyntaxError as error:
        problem = RuleProblem(number, error.column, str(error))
        return Line(typed, comment=typed, problem=problem)


def _check_limits(typed: str, length: int, rules_before: int) -> None:
    if len(typed) > LINE_CHARACTERS:
        raise RuleSyntaxError(
            LINE_CHARACTERS + 1,
            f"a rule holds at most {LINE_CHARACTERS:,} characters - cut it into several lines",
        )
    if rules_before >= PROFILE_RULES:
        raise RuleSyntaxError(
            1, f"a profile holds at most {PROFILE_RULES} rules - put this one into another profile"
        )
    if length > PROFILE_CHARACTERS:
        raise RuleSyntaxError(
            1, f"a profile holds at most {PROFILE_CHARACTERS:,} characters - make another profile"
        )


def _warnings(lines: Iterable[Line]) -> Iterable[RuleProblem]:
    first_seen: dict[Node, int] = {}
    brings = False
    for number, line in enumerate(lines, 1):
        if line.node is None:
            continue
        brings = brings or not line.is_never
        earlier = first_seen.setdefault(line.node, number)
        if earlier != number:
            yield RuleProblem(number, 1, f"the same as line {earlier} - remove one", False)
    if first_seen and not brings:
        number = min(first_seen.values())
        yield RuleProblem(
            number, 1, "only never-rules: nothing can match - add a line with what you want", False
        )


def _is_positive(node: Node) -> bool:
    """Whether every way to match `node` needs something to be found."""
    match node:
        case Weighted(part=part):
            return _is_positive(part)
        case Not():
            return False
        case And(parts=parts):
            return any(_is_positive(part) for part in parts)
        case Or(parts=parts):
            return all(_is_positive(part) for part in parts)
        case _:
            return True


def _prefix(token: Lexeme) -> Word:
    """Read `diffus*`; the star stands at the end of at least three letters."""
    base = token.text[:-1]
    if not token.text.endswith("*") or "*" in base:
        raise RuleSyntaxError(
            token.column + token.text.index("*"),
            '"*" stands only at the end of a word, as in diffus*',
        )
    last = [part.folded for part in text.tokens(base)][-1:]
    if not last or not base[-1].isalnum() or len(last[0]) < PREFIX_LETTERS:
        raise RuleSyntaxError(
            token.column,
            f'"{token.text}" is too short - give at least three letters before the *',
        )
    return Word(base, prefix=True)


class _Parser:
    """Recursive descent over one line's tokens."""

    def __init__(self, line: str) -> None:
        self._tokens = list(lex(line))
        self._place = 0
        self._depth = 0

    @property
    def _now(self) -> Lexeme:
        return self._tokens[self._place]

    def _take(self) -> Lexeme:
        self._place += 1
        return self._tokens[self._place - 1]

    def rule(self) -> Node:
        node = self._any("text")
        if self._now.kind == ")":
            raise RuleSyntaxError(self._now.column, 'this ")" closes nothing - remove it')
        if self._now.kind != "end":
            raise RuleSyntaxError(
                self._now.column, f'"{self._now.text}" does not fit here - join terms with + or |'
            )
        wanted = node.part if isinstance(node, Not) else node
        if not _is_positive(wanted):
            raise RuleSyntaxError(
                1, "this would match every paper that lacks a word - name one to look for with +"
            )
        return node

    def _any(self, where: TextField) -> Node:
        parts = [self._all(where)]
        while self._now.kind == "or":
            self._take()
            parts.append(self._all(where))
        flat = [p for part in parts for p in (part.parts if isinstance(part, Or) else (part,))]
        return flat[0] if len(flat) == 1 else Or(tuple(flat))

    def _all(self, where: TextField) -> Node:
        parts = [self._item(where)]
        while self._now.kind in ("and", "not"):
            if self._now.kind == "and":
                self._take()
            parts.append(self._item(where))
        flat = [p for part in parts for p in (part.parts if isinstance(part, And) else (part,))]
        return flat[0] if len(flat) == 1 else And(tuple(flat))

    def _item(self, where: TextField) -> Node:
        if self._now.kind == "not":
            sign = self._take()
            if self._now.kind == "not":
                raise RuleSyntaxError(sign.column, "excluded twice - remove one of the two signs")
            part = self._part(where)
            if self._now.kind == "weight":
                raise RuleSyntaxError(
                    self._now.column, "what is excluded has no weight - remove it"
                )
            if isinstance(part, Not):
                raise RuleSyntaxError(sign.column, "excluded twice - remove one of the two signs")
            return Not(part)
        part = self._part(where)
        if self._now.kind != "weight":
            return part
        weight = self._take()
        if isinstance(part, Weighted | Not):
            raise RuleSyntaxError(weight.column, "one weight is enough here - remove the other")
        return part if weight.value == 1 else Weighted(part, weight.value)

    def _part(self, where: TextField) -> Node:
        token = self._now
        if token.kind == "(":
            return self._group(where)
        if token.kind == "field":
            return self._fielded(where)
        left = self._phrase(where)
        if self._now.kind != "near":
            return left
        if isinstance(left, Trending):
            raise RuleSyntaxError(token.column, f'"{TREND_WORD}" stands in no place - use +')
        distance = int(self._take().value)
        right = self._phrase(where)
        if isinstance(right, Trending) or self._now.kind == "near":
            raise RuleSyntaxError(self._now.column, '"~" joins two phrases - use + for more')
        return Near(left, right, distance)

    def _group(self, where: TextField) -> Node:
        opening = self._take()
        self._depth += 1
        if self._depth > DEPTH:
            raise RuleSyntaxError(opening.column, f"more than {DEPTH} parentheses deep - simplify")
        node = self._any(where)
        if self._now.kind != ")":
            raise RuleSyntaxError(opening.column, 'this "(" is not closed - add a ")"')
        self._take()
        self._depth -= 1
        return node

    def _fielded(self, where: TextField) -> Node:
        field = self._take()
        if where != "text":
            raise RuleSyntaxError(
                field.column, f'"{field.text}:" inside "{where}:" - use one field'
            )
        if field.text in _META_FIELDS:
            return self._meta(_META_FIELDS[field.text], field)
        inner = _TEXT_FIELDS[field.text]
        if self._now.kind in ("end", "and", "or", ")"):
            raise RuleSyntaxError(
                field.column, f'nothing after "{field.text}:" - write the words behind it'
            )
        return self._part(inner)

    def _meta(self, where: MetaField, field: Lexeme) -> Node:
        if self._now.kind == "(":
            return self._meta_group(where, field)
        values = []
        while self._now.kind in ("word", "quoted"):
            token = self._take()
            values.append(token.text)
        value = " ".join(" ".join(values).split())
        if not any(text.tokens(value)):
            raise RuleSyntaxError(
                field.column, f'nothing after "{where}:" - write what to look for'
            )
        return Meta(where, value)

    def _meta_group(self, where: MetaField, field: Lexeme) -> Node:
        """`cat: (cs.CL | cs.LG)`: alternatives of one field."""
        opening = self._take()
        parts: list[Node] = [self._meta(where, field)]
        while self._now.kind == "or":
            self._take()
            parts.append(self._meta(where, field))
        if self._now.kind != ")":
            raise RuleSyntaxError(
                opening.column, f'inside "{where}: (" only values joined by | can stand'
            )
        self._take()
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _phrase(self, where: TextField) -> Phrase | Trending:
        first = self._now
        words: list[Word] = []
        while self._now.kind in ("word", "quoted"):
            token = self._take()
            if token.kind == "word":
                words.append(_prefix(token) if "*" in token.text else Word(token.text))
            else:
                words += [Word(word, exact=True) for word in token.text.split()]
        if words == [Word(TREND_WORD)] and where == "text":
            return Trending()
        self._check_phrase(first, words)
        return Phrase(tuple(words), where)

    def _check_phrase(self, first: Lexeme, words: list[Word]) -> None:
        if not words:
            what = f'before "{first.text}"' if first.text else "at the end"
            raise RuleSyntaxError(first.column, f"a word is missing {what}")
        if not any(True for word in words for _ in text.tokens(word.text)):
            raise RuleSyntaxError(first.column, f'no letter or digit in "{first.text}"')
        if len(words) > PHRASE_WORDS:
            raise RuleSyntaxError(
                first.column, f"a phrase of more than {PHRASE_WORDS} words - join parts with +"
            )
