"""People's names, compared across the ways they are written.

Pure. `Yann LeCun`, `Y. LeCun`, `LeCun, Yann` and `LeCun Y` are one name; accents, apostrophes
and hyphens do not matter, nor whether an umlaut is written out (`Müller`, `Mueller`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from notifier.papers.author_id import author_id
from notifier.papers.text import fold

_PART = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WRITTEN_UMLAUT = re.compile(r"([aou])e")
_AFFILIATION = re.compile(r"\((?:[^()]|\([^()]*\))*\)")
_GENERATION = re.compile(r"(?<![\s,])[\s,]+(?:[JS]r\.?|I{2,3}|IV)(?=\s*(?:,|$))")
_TRAILING_INITIALS = re.compile(r"(?<![ ,])[ ,]+((?:[A-Z][-.]?\s?){1,3})$")
_INITIALS_LETTERS = 3
# A name that begins with one of these, or with any word in small letters, is all family name.
_PARTICLES = frozenset(("van", "von", "der", "den", "de", "del", "della", "dos", "ten", "ter"))


@dataclass(frozen=True, slots=True)
class Name:
    """A name's parts, folded: given names in order, and the family name's words."""

    given: tuple[str, ...]
    family: tuple[str, ...]


@lru_cache(maxsize=100_000)
def parse_name(written: str) -> Name:
    """Read a name as it is written; what stands in parentheses (an affiliation) is no part."""
    written = unicodedata.normalize("NFC", _AFFILIATION.sub(" ", written)).strip(" ,")
    without_generation = _GENERATION.sub("", written, count=1)
    if len(_PART.findall(without_generation)) > 1:  # `Ivanov II` has two initials
        written = without_generation
    family, _, given = written.partition(",")
    if _PART.search(given):
        return Name(_given(given, written), _folded(_PART.findall(family)))
    initials = _TRAILING_INITIALS.search(written)
    if initials and not (family := written[: initials.start()]).isupper():
        return Name(_given(initials.group(), written), _folded(_PART.findall(family)))
    parts = _PART.findall(written)
    if len(parts) > 1 and _is_particle(parts[0], written):
        return Name((), _folded(parts))
    return Name(_given(" ".join(parts[:-1]), written), _folded(parts[-1:]))


def found_by(written: str) -> tuple[str, str]:
    """Return what a name is looked up by: (family's last word, the same with the first initial).

    Two names can be one person's only if the second parts are equal, or the asked name has no given
    name and the first parts are: see `same_person`. An id is looked up by itself.
    """
    if known := author_id(written):
        return known, known
    name = parse_name(written)
    whole = name.given + name.family
    family = "".join(whole[-1:])
    return family, f"{family} {whole[0][:1]}" if len(whole) > 1 else family


def _is_particle(part: str, name: str) -> bool:
    return part.lower() in _PARTICLES or (part.islower() and not name.islower())


def _given(given: str, name: str) -> tuple[str, ...]:
    """Given names in order; capitals in a row are initials, unless the whole name is capitals."""
    parts = _PART.findall(given)
    if name.isupper():
        return _folded(parts)
    runs = ([*p] if p.isupper() and len(p) <= _INITIALS_LETTERS else [p] for p in parts)
    return _folded(part for run in runs for part in run)


def _folded(parts: Iterable[str]) -> tuple[str, ...]:
    bare = (part.replace("'", "").replace("’", "") for part in parts)
    return tuple(_WRITTEN_UMLAUT.sub(r"\1", fold(part)) for part in bare)


def same_person(asked: Name, author: Name) -> bool:
    """Return whether `author` can be the person `asked` for.

    The family names are equal (or the last words of the author's whole name are the asked
    family, for `van der Berg`), and the given names agree, full or as initials, as far as both
    state them. A lone family name agrees with every given name.
    """
    if asked == author:
        return bool(asked.family)
    whole = author.given + author.family
    count = len(asked.family)
    if not count or whole[-count:] != asked.family:
        return False
    given = whole[:-count]
    if not asked.given:
        return True
    if not given:
        return False
    return _agree(asked.given, given)


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Given names agree: the first ones do, and the shorter list is contained in the longer.

    A hyphen is no part of a name: `Xiao-Ming`, `Xiao Ming` and `Xiaoming` are one.
    """
    if "".join(one) == "".join(other):
        return True
    short, long = sorted((one, other), key=len)
    if not _same_given(short[0], long[0]):
        return False
    rest = iter(long[1:])
    return all(any(_same_given(part, candidate) for candidate in rest) for part in short[1:])


def _same_given(one: str, other: str) -> bool:
    if len(one) == 1 or len(other) == 1:
        return one[:1] == other[:1]
    return one == other
