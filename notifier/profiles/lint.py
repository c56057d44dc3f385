"""What is worth saying about rules that work: they find nothing, or they find far too much.

Pure. What a rule found comes from a back-test; nothing here looks at papers.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.languages import Said
from notifier.papers.text import tokens
from notifier.profiles.rules import (
    Near,
    Node,
    Phrase,
    RuleProblem,
    Rules,
    Word,
    format_node,
    leaves,
    respelled,
)

# A rule that makes more than this share of all matches drowns the others.
BROAD_SHARE = 0.5
# A single word that stands in more than this share of all papers tells nothing about them.
COMMON_SHARE = 0.05
# So few matches or papers say nothing about shares.
FEWEST_MATCHES = 20
FEWEST_PAPERS = 200
_NEAR_SPELLING = 0.8
_FEWEST_PAPERS_WITH_WORD = 2
# Of a word this long a beginning without the last letters is worth a try.
_LETTERS_TO_CUT, _CUT = 7, 3


@dataclass(frozen=True, slots=True)
class RuleHits:
    """What the rule of one line found in a back-test.

    `papers` counts what it finds, `kept` what of that no never-rule takes away; `last` is when the
    newest was first seen (UTC), `example` its title.
    """

    line: int
    papers: int
    kept: int
    last: datetime | None = None
    example: str = ""


def lint(
    rules: Rules,
    found: Iterable[RuleHits],
    *,
    matches: int,
    scanned: int,
    days: int,
    spelled: Mapping[str, str],
) -> Iterator[RuleProblem]:
    """Yield warnings about rules, in the order of lines.

    Args:
        found: By line, of the rules that can bring a paper.
        matches: How many papers match the profile.
        scanned: How many papers there were, of the last `days` days.
        spelled: For words that no paper has: one that looks alike and is in use.
    """
    several = sum(1 for _ in rules.wanted()) > 1
    for hits in found:
        node = rules.lines[hits.line - 1].node
        if node is None or not scanned:
            continue
        if not hits.papers:
            yield _nothing(hits.line, node, days, spelled)
        elif scanned >= FEWEST_PAPERS and _is_word(node) and hits.papers > COMMON_SHARE * scanned:
            percent = f"{hits.papers / scanned:.0%}"
            yield RuleProblem(hits.line, 1, Said(
                "one very common word, in %(percent)s of all papers - add a second word with +",
                percent=percent,
            ), False)  # fmt: skip
        if several and matches >= FEWEST_MATCHES and hits.kept > BROAD_SHARE * matches:
            percent = f"{hits.kept / matches:.0%}"
            yield RuleProblem(hits.line, 1, Said(
                'too broad: %(percent)s of all matches come from "%(rule)s" - narrow it with +',
                percent=percent, rule=format_node(node),
            ), False)  # fmt: skip


def _is_word(node: Node) -> bool:
    return isinstance(node, Phrase) and len(node.words) == 1 and not node.words[0].prefix


def _nothing(line: int, node: Node, days: int, spelled: Mapping[str, str]) -> RuleProblem:
    for word in _words(node):
        if meant := spelled.get(word.text):
            said = Said(
                'no hit in %(days)s days - did you mean "%(meant)s" instead of "%(word)s"?',
                days=days, meant=meant, word=word.text,
            )  # fmt: skip
            cure = format_node(respelled(node, word.text, meant))
            return RuleProblem(line, 1, said, False, (cure,))
    return RuleProblem(line, 1, Said("no hit in %(days)s days", days=days), False)


def _words(node: Node) -> Iterator[Word]:
    for leaf in leaves(node):
        match leaf:
            case Phrase(words=words):
                yield from words
            case Near(left=left, right=right):
                yield from left.words + right.words


def silent_words(rules: Rules, found: Iterable[RuleHits]) -> list[str]:
    """Return the words of the rules that found nothing, as typed, each once."""
    nodes = (rules.lines[hits.line - 1].node for hits in found if not hits.papers)
    words = (word for node in nodes if node for word in _words(node) if not word.prefix)
    return list(dict.fromkeys(word.text for word in words))


def cures(rules: Rules, spelled: Callable[[str], str | None]) -> Iterator[str]:
    """Yield what to try where rules found nothing at all, at least one thing.

    Args:
        rules: As parsed.
        spelled: Of a word that no paper has, one that looks alike and is in use.
    """
    words = [word for _, node in rules.wanted() for word in _words(node) if not word.prefix]
    meant = {word.text: other for word in words if (other := spelled(word.text))}
    for word, other in meant.items():
        yield Said('did you mean "%(other)s" instead of "%(word)s"?', other=other, word=word)
    if meant:
        return
    longest = max((word.text for word in words if word.text.isalpha()), key=len, default="")
    if len(longest) >= _LETTERS_TO_CUT:
        yield Said(
            "try a beginning (%(beginning)s), fewer words, or | between them",
            beginning=f"{longest[:-_CUT]}*",
        )
    else:
        yield Said("ask for less: leave a part out, or put | between parts")


def alike(word: str, known: Mapping[str, int]) -> str | None:
    """Return the word in use that looks most like one that no paper has, or None.

    Args:
        known: Folded words, with the number of times each stands in papers.
    """
    parts = [part.folded for part in tokens(word)]
    if len(parts) != 1 or parts[0] in known:
        return None
    asked = parts[0]
    near = [  # of equally alike ones difflib takes the first
        form
        for form, count in known.items()
        if form[:1] == asked[:1]
        and abs(len(form) - len(asked)) <= 2
        and count >= _FEWEST_PAPERS_WITH_WORD
    ]
    near.sort(key=lambda form: (-known[form], form))  # of equally alike ones the first is taken
    best: Sequence[str] = difflib.get_close_matches(asked, near, 1, _NEAR_SPELLING)
    return best[0] if best else None
