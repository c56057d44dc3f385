"""A profile's text to its rules.

Pure. Never raises: a line that cannot be read keeps its text and carries its problem, with
line, column and a cure. Grammar of one line, loosest first:

    rule     = any                          a rule that is one Not is a never-rule
    any      = all { ("|" | OR) all }
    all      = item { [ "+" | AND ] item }      the sign may be left out before - and NOT
    item     = ("-" | NOT) part | part [ "^" number ]
    part     = [ field ] ( "(" any ")" | words [ "~" number words ] )
    words    = one or more of: word, word*, "exact words"; an ORCID iD or the address of an
               author's page is an author, with its field or without

A field goes for everything in its parentheses, so no other stands in there; `~` is for text.
A comment is `#` and the rest of the line. Limits count the line as typed and in canonical form
(see `format_rules`), whichever is longer, so that the canonical form is within them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from notifier.languages import Said
from notifier.papers import text
from notifier.papers.author_id import author_id, looks_like_orcid
from notifier.profiles.lexer import Lexeme, RuleSyntaxError, lex
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
    format_line,
)

LINE_CHARACTERS = 1_000
PROFILE_RULES = 500
PROFILE_CHARACTERS = 50_000
DEPTH = 20
PHRASE_WORDS = 20
PREFIX_LETTERS = 3

Where: TypeAlias = TextField | MetaField
_FIELDS: dict[str, Where] = {
    "title": "title", "abstract": "abstract",
    "author": "author", "cat": "cat", "source": "source", "org": "org",
}  # fmt: skip


def parse(typed: str) -> Rules:
    """Return the rules of a profile as typed; every line of the text is one line of the result."""
    lines: list[Line] = []
    length = rules = 0
    for number, text_line in enumerate(typed.splitlines(), 1):
        line = _parse_line(text_line, number, length, rules)
        length += len(format_line(line)) + 1
        rules += line.node is not None
        lines.append(line)
    return Rules(tuple(lines), tuple(_warnings(lines)))


def _parse_line(typed: str, number: int, length_before: int, rules_before: int) -> Line:
    if not typed.strip() or typed.lstrip().startswith("#"):
        return Line(typed, comment=typed)
    try:
        if rules_before >= PROFILE_RULES:
            raise RuleSyntaxError(
                1,
                "a profile holds at most %(rules)s rules - put this one into another profile",
                rules=PROFILE_RULES,
            )
        _check_length(typed, length_before)
        parser = _Parser(typed)
        line = Line(typed, parser.rule(), parser.comment)
        _check_length(format_line(line), length_before)
        return line
    except RuleSyntaxError as error:
        problem = RuleProblem(number, error.column, error.said)
        return Line(typed, comment=typed, problem=problem)


def _check_length(line: str, length_before: int) -> None:
    if len(line) > LINE_CHARACTERS:
        raise RuleSyntaxError(
            1,
            "a rule holds at most %(characters)s characters - cut it into several lines",
            characters=f"{LINE_CHARACTERS:,}",
        )
    if length_before + len(line) > PROFILE_CHARACTERS:
        raise RuleSyntaxError(
            1,
            "a profile holds at most %(characters)s characters - put this one into another profile",
            characters=f"{PROFILE_CHARACTERS:,}",
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
            yield RuleProblem(
                number, 1, Said("the same as line %(earlier)s - remove one", earlier=earlier), False
            )
    if first_seen and not brings:
        number = min(first_seen.values())
        yield RuleProblem(
            number,
            1,
            Said("only never-rules: nothing can match - add a line with what you want"),
            False,
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
    letters = "".join(part.folded for part in text.tokens(base))
    if not base[-1:].isalnum() or len(letters) < PREFIX_LETTERS:
        raise RuleSyntaxError(
            token.column,
            '"%(word)s" is too short - give at least three letters before the *',
            word=token.text,
        )
    return Word(base, prefix=True)


class _Parser:
    """Recursive descent over one line's tokens."""

    def __init__(self, line: str) -> None:
        self._tokens = list(lex(line))
        self._place = 0
        self._depth = 0

    @property
    def comment(self) -> str:
        return self._tokens[-1].text

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
                self._now.column,
                '"%(sign)s" does not fit here - join terms with + or |',
                sign=self._now.shown,
            )
        wanted = node.part if isinstance(node, Not) else node
        if not _is_positive(wanted):
            raise RuleSyntaxError(
                1, "this would match every paper that lacks a word - name one to look for with +"
            )
        return node

    def _any(self, where: Where) -> Node:
        parts = [self._all(where)]
        while self._now.kind == "or":
            self._take()
            parts.append(self._all(where))
        flat = [p for part in parts for p in (part.parts if isinstance(part, Or) else (part,))]
        return flat[0] if len(flat) == 1 else Or(tuple(flat))

    def _all(self, where: Where) -> Node:
        parts = [self._item(where)]
        while self._now.kind in ("and", "not"):
            if self._now.kind == "and":
                self._take()
            parts.append(self._item(where))
        flat = [p for part in parts for p in (part.parts if isinstance(part, And) else (part,))]
        return flat[0] if len(flat) == 1 else And(tuple(flat))

    def _item(self, where: Where) -> Node:
        if self._now.kind == "not":
            return self._excluded(where)
        part = self._part(where)
        while self._now.kind == "weight":
            weight = self._take()
            if isinstance(part, Not):
                raise RuleSyntaxError(weight.column, "what is excluded has no weight - remove it")
            if isinstance(part, Weighted):
                raise RuleSyntaxError(weight.column, "one weight is enough here - remove the other")
            part = part if weight.value == 1 else Weighted(part, weight.value)
        return part

    def _excluded(self, where: Where) -> Node:
        sign = self._take()
        part = None if self._now.kind == "not" else self._part(where)
        if part is None or isinstance(part, Not):
            raise RuleSyntaxError(sign.column, "excluded twice - remove one of the two signs")
        if self._now.kind == "weight":
            raise RuleSyntaxError(self._now.column, "what is excluded has no weight - remove it")
        return Not(part)

    def _part(self, where: Where) -> Node:
        if self._now.kind == "(":
            return self._group(where)
        if self._now.kind == "field":
            return self._fielded(where)
        match where:
            case "text" if self._now.kind == "person":
                token = self._take()
                return _author(token, token.text)
            case "text" | "title" | "abstract":
                return self._text(where)
            case _:
                return self._value(where)

    def _group(self, where: Where) -> Node:
        opening = self._take()
        self._depth += 1
        if self._depth > DEPTH:
            raise RuleSyntaxError(
                opening.column, "more than %(depth)s parentheses deep - simplify", depth=DEPTH
            )
        node = self._any(where)
        if self._now.kind == "end":
            raise RuleSyntaxError(opening.column, 'this "(" is not closed - add a ")"')
        if self._now.kind != ")":
            raise RuleSyntaxError(
                self._now.column,
                '"%(sign)s" does not fit here - join terms with + or |',
                sign=self._now.shown,
            )
        self._take()
        self._depth -= 1
        return node

    def _fielded(self, where: Where) -> Node:
        field = self._take()
        if where != "text":
            raise RuleSyntaxError(
                field.column,
                '"%(field)s" inside "%(where)s:" - use one field',
                field=field.shown,
                where=where,
            )
        if self._now.kind in ("end", "and", "or", ")"):
            raise RuleSyntaxError(
                field.column,
                'nothing after "%(field)s" - write what to look for',
                field=field.shown,
            )
        if self._now.kind == "not":
            raise RuleSyntaxError(
                self._now.column,
                'the "-" stands before the field - write -%(field)s',
                field=field.shown,
            )
        return self._part(_FIELDS[field.text])

    def _value(self, where: MetaField) -> Meta:
        first, values = self._now, []
        while self._now.kind in ("word", "quoted", "person"):
            values.append(self._take().text)
        value = " ".join(" ".join(values).split())
        _check_words(first, values)
        star = value.find("*")
        if star >= 0 and (where != "cat" or star < len(value) - 1):
            raise RuleSyntaxError(
                first.column, '"*" stands only at the end of a word or category, as in cat: cs.*'
            )
        return _author(first, value) if where == "author" else Meta(where, value)

    def _text(self, where: TextField) -> Phrase | Near | Trending:
        first, left = self._now, self._phrase(where)
        if self._now.kind != "near":
            return left
        distance, second = int(self._take().value), self._now
        right = self._phrase(where)
        for token, part in ((first, left), (second, right)):
            if isinstance(part, Trending):
                raise RuleSyntaxError(
                    token.column, '"%(word)s" stands in no place - use +', word=TREND_WORD
                )
        if self._now.kind == "near":
            raise RuleSyntaxError(self._now.column, '"~" joins two phrases - use + for more')
        return Near(left, right, distance)

    def _phrase(self, where: TextField) -> Phrase | Trending:
        first = self._now
        words: list[Word] = []
        while self._now.kind in ("word", "quoted"):
            token = self._take()
            if token.kind == "word":
                words.append(_prefix(token) if "*" in token.text else Word(token.text))
            else:
                words += [Word(word, exact=True) for word in token.text.split()]
        if where == "text" and _is_trend(words):
            return Trending()
        _check_words(first, [word.text for word in words])
        if len(words) > PHRASE_WORDS:
            raise RuleSyntaxError(
                first.column,
                "a phrase of more than %(words)s words - join parts with +",
                words=PHRASE_WORDS,
            )
        return Phrase(tuple(words), where)


def _author(first: Lexeme, value: str) -> Meta:
    """Return who is asked for: an id in its usual form, or a name."""
    if looks_like_orcid(value) and not author_id(value):
        raise RuleSyntaxError(
            first.column,
            '"%(value)s" is no ORCID iD: its last sign does not go with the others - '
            "copy it from orcid.org",
            value=value,
        )
    return Meta("author", author_id(value) or value)


def _is_trend(words: list[Word]) -> bool:
    """Whether the one word, in any case, is the bare `trending`: in quotes it is a keyword."""
    if len(words) != 1 or words[0].exact or words[0].prefix:
        return False
    return words[0].text.lower() == TREND_WORD


def _check_words(first: Lexeme, words: list[str]) -> None:
    """Raise unless there is something to look for in `words`, which begin with `first`."""
    if not words and first.kind != "quoted":
        if first.kind == "end":
            raise RuleSyntaxError(first.column, "a word is missing at the end - add it")
        if first.kind == "person":
            raise RuleSyntaxError(
                first.column,
                '"%(value)s" is an author, and here text is looked for - put it in quotes',
                value=first.text,
            )
        raise RuleSyntaxError(
            first.column, 'a word is missing before "%(sign)s" - add it', sign=first.shown
        )
    if not any(map(text.has_word, words)):
        raise RuleSyntaxError(
            first.column,
            'no letter or digit in "%(word)s" - write a word to look for',
            word=first.text,
        )
