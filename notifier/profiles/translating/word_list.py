"""A list of words and phrases to rules: one a line, or several with commas or semicolons.

Pure, never raises (see `translation`). Each becomes a rule of its own. Quotes take words exactly;
what the rule language would read as a sign or a field is put in quotes. Blank lines and comments
(`#`) stay; a comment behind words comes on a line before them. Marks of lists are left out.
"""

from __future__ import annotations

import re
from functools import partial

from notifier.profiles.rules import Node, Phrase, Word, leaves
from notifier.profiles.translating.terms import of_words, words
from notifier.profiles.translating.translation import Draft, Translation

_BULLET = re.compile(r"\s*(?:[-*•·–]|\d{1,3}[.)])\s+")
_COMMENT = re.compile(r"(?<!\S)#")
_QUOTED = re.compile(r'["“”„]([^"“”„]*)["“”„]')
# A comma between digits belongs to them (1,2-dichloroethane); in quotes nothing separates.
_ITEM = re.compile(rf"(?:{_QUOTED.pattern}|(?<=\d),(?=\d)|[^,;])+")


def translate(text: str) -> Translation:
    """Return one rule for each word or phrase of a list."""
    draft = Draft(text)
    for start, end in draft.lines():
        end, comment = _comment(draft.text, start, end)
        if comment or start == end or not draft.text[start:end].strip():
            draft.keep(start, comment)
        if bullet := _BULLET.match(draft.text, start, end):
            start = bullet.end()
        for found in _ITEM.finditer(draft.text, start, end):
            _write_item(draft, found.group(), *found.span())
    return draft.finish()


def _comment(text: str, start: int, end: int) -> tuple[int, str]:
    """Return where the words of a line end, and its comment with its sign, or ""."""
    line = _QUOTED.sub(lambda quoted: "q" * len(quoted.group()), text[start:end])
    found = _COMMENT.search(line)
    if found is None:
        return end, ""
    return start + found.start(), text[start + found.start() : end].strip()


def _write_item(draft: Draft, item: str, start: int, end: int) -> None:
    if not item.strip():
        return
    start += len(item) - len(item.lstrip())
    node = draft.made(start, end, partial(_item, item))
    if node is None:
        return
    quoted = " ".join(found.group(1) for found in _QUOTED.finditer(item))
    typed = {word.text for word in words(quoted, exact=True)}
    found = (word for leaf in leaves(node) if isinstance(leaf, Phrase) for word in leaf.words)
    for word in found:
        if word.exact and word.text not in typed:
            how = f'"{word.text}" is in quotes: a word, not a sign of the rule language'
            draft.note(start, end, how)
    draft.write(node, start, end)


def _item(item: str) -> Node:
    found: list[Word] = []
    place = 0
    for quoted in _QUOTED.finditer(item):
        found += words(item[place : quoted.start()])
        found += words(quoted.group(1), exact=True)
        place = quoted.end()
    return of_words(found + words(item[place:]))
