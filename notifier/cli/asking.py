"""What the commands share that ask stored papers for rules: progress, and which words hit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from notifier.cli.output import say

if TYPE_CHECKING:
    from notifier.papers.paper import Paper
    from notifier.profiles.hits import Hit
    from notifier.profiles.rules import Rules


def progress(papers: int) -> None:
    """Say how many papers were read whose words were not kept yet."""
    say(f"reading papers for the first time: {papers:,}")


def hits_in(paper: Paper, rules: Rules) -> tuple[Hit, ...]:
    """Return by which words a paper answers rules; `trend` is filled in."""
    from notifier.profiles.hits import match
    from notifier.profiles.indexed import IndexedPaper

    matched = match(rules, IndexedPaper(paper))
    return matched.hits if matched else ()


def as_records(hits: Sequence[Hit], rules: Rules) -> list[dict[str, Any]]:
    """Return hits as they are printed for programs."""
    return [
        {
            "rule": rules.lines[hit.rule - 1].typed.strip(),
            "words": list(hit.words),
            "field": hit.field,
            "line": hit.rule,
            "ranges": [list(pair) for pair in hit.ranges],
        }
        for hit in hits
    ]


def distinct_words(hits: Sequence[Hit]) -> list[str]:
    """Return the words that hit, each once whatever its case, in the order of rules."""
    words: dict[str, str] = {}
    for hit in hits:
        for word in hit.words:
            words.setdefault(word.casefold(), word)
    return list(words.values())
