"""One change to a profile's text: a term kept out, a rule narrowed to titles, or another rule.

Pure. Everything else that was typed stays to the letter: comments, weights, order, line ends, lines
in error. The result is parsed before it is returned, and doing it twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from notifier.profiles.hits import find_phrase
from notifier.profiles.indexed import IndexedText
from notifier.profiles.parser import parse
from notifier.profiles.rules import (
    And,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Rules,
    Weighted,
    format_line,
    format_node,
)


class NotAmendable(ValueError):
    """The text cannot be changed so: it would be too long, empty, or mean something else."""


def term_of(leaf: Phrase | Near) -> str:
    """Return a leaf of a rule as a term that can be blocked."""
    return format_node(leaf)


def is_term(typed: str) -> bool:
    """Whether something is a term that can be blocked."""
    try:
        _never(typed)
    except NotAmendable:
        return False
    return True


def blocked(text: str, term: str) -> str:
    """Return a profile's text with a last line that keeps out papers with a term.

    Args:
        text: As typed.
        term: A word, a phrase, words near each other, each perhaps of one field.
    Raises:
        NotAmendable: it is no such term, the profile has no room, or nothing would match any more.
    """
    node = _never(term)
    rules = parse(text)
    if any(line.node == node for line in rules.lines):
        return text
    made = _with_line(text, format_node(node))
    after = parse(made)
    is_added = len(after.lines) == len(rules.lines) + 1 and after.lines[-1].node == node
    if not is_added or not _keeps(rules, after):
        raise NotAmendable("there is no room for one more rule")
    if not any(_can_match(wanted, node.part) for _, wanted in after.wanted()):
        raise NotAmendable("nothing could match any more")
    return made


def only_in_title(text: str, line: int) -> str:
    """Return a profile's text in which the rule of a line asks for its words in titles only.

    Args:
        text: As typed.
        line: From 1; a rule of plain words, with a weight or without.
    Raises:
        NotAmendable: it is no such rule, or there is no room.
    """
    rules = parse(text)
    if not 1 <= line <= len(rules.lines):
        raise NotAmendable("there is no such line")
    node = rules.lines[line - 1].node
    if _phrase(node, "title"):
        return text
    if node is None or not _phrase(node, "text"):
        raise NotAmendable("only a rule of plain words is narrowed so")
    lines = text.splitlines(keepends=True)
    typed = lines[line - 1]
    indent = len(typed) - len(typed.lstrip())
    lines[line - 1] = f"{typed[:indent]}title: {typed[indent:]}"
    made = "".join(lines)
    after = parse(made)
    if after.lines[line - 1].node != _in_title(node) or not _keeps(rules, after, but=line):
        raise NotAmendable("there is no room for the longer rule")
    return made


def instead(text: str, line: int, rule: str) -> str:
    """Return a profile's text with another rule in a line.

    Args:
        text: As typed; what is behind a `#` in the line stays.
        line: From 1; one with a rule.
        rule: With a weight of its own, or without, and then of the old one's.
    Raises:
        NotAmendable: it is no rule, there is none in the line, or there is no room.
    """
    rules, others = parse(text), parse(rule).lines
    old = rules.lines[line - 1].node if 1 <= line <= len(rules.lines) else None
    new = others[0].node if len(others) == 1 and not others[0].comment else None
    if old is None or new is None:
        raise NotAmendable("there is no such line, or no such rule")
    if isinstance(old, Weighted) and not isinstance(new, Weighted):
        new = replace(old, part=new)
    lines = text.splitlines(keepends=True)
    typed = lines[line - 1]
    end = typed[len(typed.rstrip("\r\n")) :]
    lines[line - 1] = format_line(replace(rules.lines[line - 1], node=new)) + end
    made = "".join(lines)
    after = parse(made)
    if after.lines[line - 1].node != new or not _keeps(rules, after, but=line):
        raise NotAmendable("there is no room for the longer rule")
    return made


def is_plain(node: Node | None) -> bool:
    """Whether a rule is of plain words, so that `only_in_title` narrows it."""
    return _phrase(node, "text")


def changed_lines(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield (line before, line after) of each line that differs; "" for one that is not there."""
    old, new = before.splitlines(), after.splitlines()
    length = max(len(old), len(new))
    padded = ([*lines, *[""] * (length - len(lines))] for lines in (old, new))
    yield from (pair for pair in zip(*padded, strict=True) if pair[0] != pair[1])


def _never(term: str) -> Not:
    lines = parse(f"-({term})").lines
    node = lines[0].node if len(lines) == 1 and not lines[0].comment else None
    if isinstance(node, Not) and isinstance(node.part, Phrase | Near):
        return node
    raise NotAmendable("this is no word or phrase")


def _with_line(text: str, line: str) -> str:
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    if lines and lines[-1] == lines[-1].splitlines()[0]:  # the last one is not ended
        return f"{text}{end}{line}"
    return f"{text}{line}{end}"


def _keeps(before: Rules, after: Rules, *, but: int = 0) -> bool:
    """Whether every line means what it meant, beside line `but`."""
    pairs = zip(before.lines, after.lines, strict=False)
    return all(old == new for number, (old, new) in enumerate(pairs, 1) if number != but)


def _phrase(node: Node | None, where: str) -> bool:
    part = node.part if isinstance(node, Weighted) else node
    return isinstance(part, Phrase) and part.where == where


def _in_title(node: Node) -> Node:
    match node:
        case Weighted(part=Phrase() as part):
            return replace(node, part=replace(part, where="title"))
        case Phrase():
            return replace(node, where="title")
    return node


def _can_match(node: Node, never: Node) -> bool:
    """Whether a rule can bring a paper that does not match `never`, as far as words tell."""
    match node:
        case Weighted(part=part):
            return _can_match(part, never)
        case And(parts=parts):
            return all(_can_match(part, never) for part in parts)
        case Or(parts=parts):
            return any(_can_match(part, never) for part in parts)
        case Phrase():
            return not (isinstance(never, Phrase) and _holds(node, never))
        case Near(left=left, right=right):
            return node != never and _can_match(left, never) and _can_match(right, never)
    return True


def _holds(phrase: Phrase, never: Phrase) -> bool:
    """Whether wherever `phrase` stands, `never` stands too."""
    if never.where not in ("text", phrase.where):
        return False
    text = IndexedText(" ".join(word.text for word in phrase.words))
    return phrase == never or bool(find_phrase(never.words, text))
