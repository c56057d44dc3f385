"""What of a text is shown, and which of its words are marked.

Pure. Marking splits a text into segments, so that templates escape everything; no character is
lost or doubled by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Not after these: their full stop ends no sentence.
_SENTENCE_END = re.compile(
    r"(?<!\bet al)(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)[.!?][\"'”’)\]]?(?=\s)"
    r"|[。！？][”’」』）]?"
)
# Control characters, line separators, the marks that turn the direction of what follows, and the
# noncharacters of gaps.
_UNSEEN = dict.fromkeys(
    (
        *range(0x20),
        *range(0x7F, 0xA0),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
        0xFDD0,
        0xFDD1,
    ),
    " ",
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text; `hit` is true for what a rule found."""

    text: str
    hit: bool = False


def plain(text: str) -> str:
    """Return `text` with a space for each control character; offsets stay what they were."""
    return text.translate(_UNSEEN)


def one_line(text: str) -> str:
    """Return `text` on one line, without control characters, single spaces between words."""
    return " ".join(plain(text).split())


def cut(text: str, characters: int) -> str:
    """Return `text` cut to at most `characters`, at a word's end, with an ellipsis."""
    if len(text) <= characters or characters < 1:
        return text[: max(characters, 0)]
    at_word = text[:characters].rpartition(" ")[0]
    head = at_word if len(at_word) > characters // 2 else text[: characters - 1]
    return head.rstrip(" ,;:-") + "…"


def cut_at_sentence(text: str, characters: int) -> str:
    """Return `text` cut at the last sentence end within `characters`, or at a word with `…`."""
    if len(text) <= characters:
        return text
    found = _SENTENCE_END.finditer(text, 0, characters + 1)  # with the space behind the last
    ends = [end for one in found if (end := one.end()) <= characters]
    if ends and ends[-1] >= characters // 2:
        return text[: ends[-1]]
    return cut(text, characters)


def mark(
    text: str, ranges: Iterable[tuple[int, int]], *, of: str | None = None
) -> Iterator[Segment]:
    """Yield `text` in segments, those in `ranges` marked; ranges that meet become one.

    `of` is the whole text the ranges count in, when `text` is its beginning: what lies beyond
    the part they share is not marked.
    """
    place = 0
    for start, end in _joined(ranges, len(text) if of is None else _shared(text, of)):
        if start > place:
            yield Segment(text[place:start])
        yield Segment(text[start:end], hit=True)
        place = end
    if place < len(text):
        yield Segment(text[place:])


def _joined(ranges: Iterable[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """The ranges in order within [0, limit), those that meet or overlap as one."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        start, end = max(start, 0), min(end, limit)
        if start >= end:
            continue
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(end, out[-1][1])
        else:
            out.append((start, end))
    return out


def _shared(shown: str, whole: str) -> int:
    """How many characters the cut text has in common with the whole one."""
    return len(shown) if whole.startswith(shown) else len(shown) - 1
