"""What abstracts weigh in a mail, and how each gets its share of the room.

Pure. Weights are estimates, a little too high, in bytes on the wire, where each text stands twice:
in the HTML and in the text part, both quoted-printable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from notifier.digests.excerpt import Segment, cut_at_sentence, mark

HIT_BYTES = 85
# A shorter beginning says nothing: the abstract is left out.
LEAST_CHARACTERS = 40
# Both parts, with soft line breaks (1 in 75) and the indents of the text part (6 in 76).
_TIMES = 2.15
_ESCAPED = {"&": 5, "<": 4, ">": 4, "=": 3}


def weight(segments: Iterable[Segment]) -> float:
    """Return the bytes that marked text takes."""
    return sum(sum(map(_character, segment.text)) + HIT_BYTES * segment.hit for segment in segments)


def _character(character: str) -> float:
    if character.isascii():
        return _TIMES * _ESCAPED.get(character, 1)
    return _TIMES * 3 * len(character.encode("utf-8", "replace"))


def level(weights: Sequence[float], room: float) -> float:
    """Return the most that each may weigh, so that all together have `room`.

    Those below it stay whole: short abstracts leave their room to long ones.
    """
    left = max(room, 0.0)
    for place, one in enumerate(sorted(weights)):
        share = left / (len(weights) - place)
        if one > share:
            return share
        left -= one
    return max(weights, default=0.0)


def shortened(segments: Sequence[Segment], most: float) -> tuple[Segment, ...]:
    """Return the beginning that weighs at most `most`, cut at a sentence or a word, or none."""
    if weight(segments) <= most:
        return tuple(segments)
    text, ranges, fits, used = "", [], 0, _character("…")
    for segment in segments:
        if segment.hit:
            ranges.append((len(text), len(text) + len(segment.text)))
            used += HIT_BYTES
        for character in segment.text:
            used += _character(character)
            fits += used <= most
        text += segment.text
    if fits < LEAST_CHARACTERS:
        return ()
    return tuple(mark(cut_at_sentence(text, fits), ranges, of=text))
