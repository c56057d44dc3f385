"""Author names as references write them: family name, given name, generation.

Pure. Names come in the order the source wrote them: `Jane Doe`, `Doe, Jane`, `Doe JA`, `李 明`.
Where no rule tells the family name, the last word is it, as BibTeX takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from notifier.papers.text import one_line

_AFFILIATION = re.compile(r"\s?\((?:[^()]|\([^()]*\))*\)")
_GENERATION = re.compile(r"[JS]r\.?|I{2,3}|IV")
_INITIALS = re.compile(r"(?:[A-Z]\.?-?){1,3}")  # `JA`, `J-P`, `J.`
_BARE_INITIAL = re.compile(r"(?<=[A-Z])(?=[A-Z-]|$)")
_PARTICLES = frozenset(("De", "Del", "Della", "Den", "Der", "Di", "Van", "Von"))
# Han, Kana and Hangul: names in these letters begin with the family.
_HAN = re.compile(r"[\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]+")
_GROUP = re.compile(
    r"\b(?i:Academy|Agency|Alliance|Association|Authors|Cent(?:er|re)|College|Collaborations?"
    r"|Committee|Community|Consortium|Council|Department|Federation|Foundation|Group|Hospital"
    r"|Initiative|Institut[eo]?|Investigators|Labs?|Laborator(?:y|ies)|Ministry|Network"
    r"|Organi[sz]ation|Project|Research|School|Society|Task Force|Team|University)\b"
    r"|-AI$|\b(?:for|of)\b|\b(?i:and)\b"
)


@dataclass(frozen=True, slots=True)
class Author:
    """One author. `given` is "" for a group, and for a person of one name."""

    family: str
    given: str = ""
    generation: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.family, self.given, self.generation) if part)


def authors(written: Iterable[str]) -> tuple[Author, ...]:
    """Return the authors in the same order; what holds no letter or digit is none."""
    return tuple(author(name) for name in written if any(map(str.isalnum, one_line(name))))


def author(written: str) -> Author:
    """Read one name.

    Args:
        written: `Jane van der Doe Jr.`, `van der Doe, Jane`, `Doe JA`, `The ATLAS Collaboration`;
            an affiliation in parentheses is no part of it.
    """
    name = one_line(written)
    name = _AFFILIATION.sub("", name).strip(" ,;") or name
    if _GROUP.search(name):
        return Author(name)
    parts = [part.strip() for part in name.split(",")]
    generations = [part for part in parts[1:] if _GENERATION.fullmatch(part)][:1]
    parts = [part for part in parts if part and part not in generations]
    generation = "".join(generations)
    if len(parts) == 2:
        return Author(parts[0], parts[1], generation)
    if len(parts) != 1:
        return Author(name)
    words = parts[0].split()
    if len(words) > 2 and not generation and _GENERATION.fullmatch(words[-1]):
        generation = words.pop()
    if len(words) == 2 and all(map(_HAN.fullmatch, words)):
        return Author(words[0], words[1], generation)
    place = _family(words)
    if place < 0:
        given = (
            _BARE_INITIAL.sub(".", "".join(words[place:])).replace(".", ". ").replace(". -", ".-")
        )
        return Author(" ".join(words[:place]), given.strip(), generation)
    return Author(" ".join(words[place:]), " ".join(words[:place]), generation)


def _family(words: list[str]) -> int:
    """The place of the family name's first word; negative where so many initials follow it."""
    names = next((n for n in range(len(words), 0, -1) if not _INITIALS.fullmatch(words[n - 1])), 0)
    if 0 < names < len(words) and not all(map(str.isupper, words[:names])):
        return names - len(words)
    for place, word in enumerate(words[:-1]):
        is_small = word.islower() and word[0].isalpha() and any(map(str.isupper, "".join(words)))
        if is_small or (place and word in _PARTICLES):
            return place
    return len(words) - 1
