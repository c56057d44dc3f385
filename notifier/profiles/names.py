"""People's names, compared across the ways they are written.

Pure. `Yann LeCun`, `Y. LeCun`, `LeCun, Yann` and `LeCun Y` are one name; accents do not
matter, nor whether an umlaut is written out (`Müller`, `Mueller`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from notifier.papers.text import fold

_PART = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WRITTEN_UMLAUT = re.compile(r"([aou])e")
_TRAILING_INITIALS = re.compile(r"(.+?)[ ,]+((?:[A-Z][-.]?\s?){1,3})$")
_AFFILIATION = re.compile(r"\s*\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Name:
    """A name's parts, folded: given names in order, and the family name's words."""

    given: tuple[str, ...]
    family: tuple[str, ...]


def _parts(text: str) -> tuple[str, ...]:
    return tuple(_WRITTEN_UMLAUT.sub(r"\1", fold(part)) for part in _PART.findall(text))


@lru_cache(maxsize=100_000)
def parse_name(written: str) -> Name:
    """Read a name as it is written; what stands in parentheses (an affiliation) is no part."""
    written = _AFFILIATION.sub("", written)
    family, comma, given = written.partition(",")
    if comma and _PART.search(given):
        return Name(_parts(given), _parts(family))
    initials = _TRAILING_INITIALS.fullmatch(written.strip())
    if initials and not initials.group(1).isupper() and len(_parts(initials.group(1))) <= 2:
        return Name(tuple(_initials(initials.group(2))), _parts(initials.group(1)))
    parts = _parts(written)
    return Name(parts[:-1], parts[-1:])


def _initials(text: str) -> list[str]:
    return [fold(letter) for letter in text if letter.isalpha()]


def same_person(asked: Name, author: Name) -> bool:
    """Return whether `author` can be the person `asked` for.

    The family names are equal (or the last words of the author's whole name are the asked
    family, for `van der Berg`), and the given names agree, full or as initials, as far as both
    state them. A lone family name agrees with every given name.
    """
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
    """Given names agree: the first ones do, and the shorter list is contained in the longer."""
    short, long = sorted((one, other), key=len)
    if not _same_given(short[0], long[0]):
        return False
    rest = iter(long[1:])
    return all(any(_same_given(part, candidate) for candidate in rest) for part in short[1:])


def _same_given(one: str, other: str) -> bool:
    if len(one) == 1 or len(other) == 1:
        return one[:1] == other[:1]
    return one == other
