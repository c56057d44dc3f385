"""A rule that is too long, cut into several that together say the same.

Pure. Each alternative of a rule can be a rule of its own; what has to occur together cannot.
"""

from __future__ import annotations

from collections.abc import Iterator

from notifier.profiles.parser import LINE_CHARACTERS
from notifier.profiles.rules import And, Node, Not, Or, format_node
from notifier.profiles.translating.terms import all_of, any_of, excludes


def cut(node: Node) -> Iterator[Node]:
    """Yield `node`, cut into several rules that say the same where it is too long for one.

    A node that only excludes comes as one never-rule for each part. Alternatives are what can be
    cut; a node without them comes as it is, too long.
    """
    if isinstance(node, And) and excludes(node):
        for part in node.parts:
            yield from cut(part)
    elif len(format_node(node)) > LINE_CHARACTERS and (halves := _halves(node)):
        for half in halves:
            yield from cut(half)
    else:
        yield node


def _halves(node: Node) -> tuple[Node, ...]:
    match node:
        case Or(parts=parts):
            middle = len(parts) // 2
            return any_of(parts[:middle]), any_of(parts[middle:])
        case Not(part=part):
            return tuple(Not(half) for half in _halves(part)) if isinstance(part, Or) else ()
        case And(parts=parts):
            longest = max(parts, key=lambda part: isinstance(part, Or) and len(format_node(part)))
            if isinstance(longest, Or):
                return tuple(
                    all_of(half if part is longest else part for part in parts)
                    for half in _halves(longest)
                )
    return ()
