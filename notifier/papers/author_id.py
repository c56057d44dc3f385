"""Ids of authors: ORCID iDs and arXiv's author ids, so that one person is nobody else.

Pure. Sources: https://support.orcid.org/hc/en-us/articles/360006897674 (structure, ISO 7064 mod
11-2); https://info.arxiv.org/help/author_identifiers.html (`warner_s_1`).
"""

from __future__ import annotations

import re
from functools import lru_cache

_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?(?:orcid\.org/|arxiv\.org/a/)(?P<id>[^\s/?#]+?)(?:\.atom2?)?/?", re.I
)
_ORCID = re.compile(r"\d{4}-\d{4}-\d{4}-\d{3}[\dXx]")
_ARXIV = re.compile(r"[a-z][a-z'-]*(?:_[a-z][a-z'-]*)*_[1-9]\d{0,3}")


def bare(written: str) -> str:
    """Return what stands behind the address of an author's page; anything else as it is."""
    found = _ADDRESS.fullmatch(written.strip())
    return found["id"] if found else written.strip()


@lru_cache(maxsize=100_000)
def author_id(written: str) -> str | None:
    """Return the id that a text is, in its usual form; None for a name, or a wrong ORCID iD."""
    text = bare(written)
    if _ORCID.fullmatch(text):
        return text.upper() if is_orcid(text) else None
    return text.lower() if _ARXIV.fullmatch(text.lower()) else None


def looks_like_orcid(written: str) -> bool:
    """Whether a text has the shape of an ORCID iD, right or wrong."""
    # Asked of each word of all rules, of which few have a dash.
    return "-" in written and _ORCID.fullmatch(bare(written)) is not None


def names_author(written: str) -> bool:
    """Whether a text can be nothing but an author's id: an address, or an ORCID iD's shape."""
    return looks_like_orcid(written) or _ADDRESS.fullmatch(written) is not None


def is_orcid(text: str) -> bool:
    """Whether the last sign of an ORCID iD is that of the others (ISO 7064, mod 11-2)."""
    digits = text.replace("-", "")
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2 % 11
    return "0123456789X"[(12 - total) % 11] == digits[-1].upper()
