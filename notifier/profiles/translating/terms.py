"""Parts of a rule from foreign text: words, phrases, values, and how they join.

Pure. Whatever comes out formats to text that reads back as itself; what the language cannot say
raises `Untranslatable`. A node made here needs something to be found, or it is a `Not`, or an
`And` of nothing but `Not` (see `excludes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from notifier.papers import text
from notifier.profiles.lexer import DISTANCE_LIMITS, RuleSyntaxError, lex
from notifier.profiles.parser import (
    DEPTH,
    PHRASE_WORDS,
    PREFIX_LETTERS,
    Where,
    parse,
)
from notifier.profiles.rules import (
    FIELDS,
    TREND_WORD,
    And,
    Meta,
    MetaField,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    TextField,
    Weighted,
    Word,
)

# Words that every abstract has; where all words of a query must occur, they say nothing.
SMALL_WORDS = frozenset(
    ("an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "into", "is", "it", "not",
     "of", "on", "or", "that", "the", "to", "was", "were", "with")
)  # fmt: skip
_QUOTES = re.compile('["“”„]')
_EDGES = ",;.:!?"
_NO_WORD = "there is no letter or digit in it"


class Untranslatable(ValueError):
    """The rule language cannot say this; the text tells why, and may end with a cure."""


def leaf(typed: str, where: Where, *, exact: bool = False) -> Node:
    """Return what looks for `typed` in the field `where`: see `phrase` and `value`."""
    match where:
        case "text" | "title" | "abstract":
            return phrase(typed, where, exact=exact)
        case _:
            return value(where, typed)


def phrase(typed: str, where: TextField = "text", *, exact: bool = False) -> Node:
    """Return the phrase of the words of `typed`; what is no plain word is put in quotes.

    Args:
        exact: The word forms as they stand, as from quotes; `word*` is a prefix all the same.
    Returns:
        A Phrase; of more words than a phrase may hold, all of several.
    Raises:
        Untranslatable: no word in it, or a `*` that the language does not have.
    """
    return of_words(words(typed, exact=exact), where)


def words(typed: str, *, exact: bool = False) -> list[Word]:
    """Return the words of `typed`, lone punctuation left out.

    Raises:
        Untranslatable: a `*` that the language does not have.
    """
    typed = text.one_line(_QUOTES.sub(" ", typed))
    return [word for piece in typed.split() if (word := _word(piece, exact))]


def of_words(found: list[Word], where: TextField = "text") -> Node:
    """Return the phrase of one or more words, or all of several where one cannot hold them.

    Raises:
        Untranslatable: there is none.
    """
    starts = range(0, len(found), PHRASE_WORDS)
    chunks = [tuple(found[first : first + PHRASE_WORDS]) for first in starts]
    return all_of(Phrase(_not_the_trend(chunk, where), where) for chunk in chunks)


def _word(piece: str, exact: bool) -> Word | None:
    if not (piece.endswith(":") and piece[:-1].lower() in FIELDS):
        piece = piece.strip(_EDGES)
    if "*" in piece:
        return _prefix(piece)
    if not text.has_word(piece):
        return None
    return Word(piece, exact=exact or not is_plain(piece))


def _prefix(piece: str) -> Word:
    word = Word(piece[:-1], prefix=True)
    if "*" in word.text or not piece.endswith("*"):
        raise Untranslatable('a "*" stands only at the end of a word, as in diffus*')
    (line,) = parse(piece).lines
    if line.node != Phrase((word,)):
        raise Untranslatable(f'a "*" wants {PREFIX_LETTERS} or more plain letters before it')
    return word


def _not_the_trend(found: tuple[Word, ...], where: TextField) -> tuple[Word, ...]:
    """`found`, but the word "trending" in quotes where it would ask for whatever is trending."""
    (first, *more) = found
    if where == "text" and not more and first.text.lower() == TREND_WORD and not first.prefix:
        return (Word(first.text, exact=True),)
    return found


def is_plain(word: str) -> bool:
    """Return whether the rule language reads `word` as one word, not as a sign or a field."""
    try:
        first, *more = lex(word)
    except RuleSyntaxError:
        return False
    return (first.kind, first.text, len(more)) == ("word", word, 1)


def value(where: MetaField, typed: str) -> Meta:
    """Return the value of a field that is no running text.

    Raises:
        Untranslatable: nothing to look for in it, or a `*`.
    """
    typed = text.one_line(_QUOTES.sub(" ", typed))
    typed = " ".join(typed.split()).strip(";:!?")
    if "*" in typed:
        raise Untranslatable(f'"{where}:" takes no "*"')
    if not text.has_word(typed):
        raise Untranslatable(_NO_WORD)
    return Meta(where, typed)


def near(left: Node, right: Node, distance: int) -> Near:
    """Return `left` near `right`; a distance out of range becomes the nearest that is in it.

    Raises:
        Untranslatable: one of the two is no phrase, or they are asked for in different fields.
    """
    if not isinstance(left, Phrase) or not isinstance(right, Phrase) or left.where != right.where:
        raise Untranslatable("nearness joins two words or phrases of one field")
    low, high = DISTANCE_LIMITS
    return Near(left, right, min(max(distance, low), high))


def all_of(parts: Iterable[Node]) -> Node:
    """Return the node that wants all of one or more parts.

    Raises:
        Untranslatable: there is none, or they are nested too deep for a rule.
    """
    flat = _distinct(p for part in parts for p in (part.parts if isinstance(part, And) else [part]))
    return _sound(flat, And)


def any_of(parts: Iterable[Node]) -> Node:
    """Return the node that wants any of the parts, none of which only excludes; see `all_of`."""
    flat = _distinct(p for part in parts for p in (part.parts if isinstance(part, Or) else [part]))
    return _sound(flat, Or)


def none_of(part: Node) -> Node:
    """Return the node that excludes `part`; what only excludes is turned round."""
    match part:
        case Not(part=inner):
            return inner
        case And(parts=parts) if excludes(part):
            return any_of(none_of(one) for one in parts)
        case _:
            return Not(part)


def is_small_word(node: Node) -> bool:
    """Return whether `node` looks for nothing but a word that every abstract has."""
    if not isinstance(node, Phrase):
        return False
    first, *more = node.words
    return not more and not first.exact and first.text in SMALL_WORDS


def excludes(node: Node) -> bool:
    """Return whether `node` only says what a paper must not be."""
    return isinstance(node, Not) or (
        isinstance(node, And) and all(isinstance(part, Not) for part in node.parts)
    )


def _distinct(parts: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(parts))


def _sound(parts: tuple[Node, ...], join: type[And] | type[Or]) -> Node:
    if not parts:
        raise Untranslatable(_NO_WORD)
    node = parts[0] if len(parts) == 1 else join(parts)
    if _levels(node) > 2 * DEPTH + 2:  # a parenthesis of the canonical form is two levels
        raise Untranslatable(f"it nests more than {DEPTH} deep - simplify")
    return node


def _levels(node: Node) -> int:
    match node:
        case And(parts=parts) | Or(parts=parts):
            return 1 + max(map(_levels, parts))
        case Not(part=part) | Weighted(part=part):
            return 1 + _levels(part)
        case _:
            return 1
