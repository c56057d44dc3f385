"""What arXiv's fields say, by whatever route they came: DOIs, withdrawals, announcements.

Pure.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.paper import Announce
from notifier.sources.source import Request

EASTERN = ZoneInfo("America/New_York")
# Moderation holds some papers so long: they are announced with a date of submission days ago.
MODERATION = timedelta(days=7)
LONGEST_MODERATION = timedelta(days=30)  # what is older was announced before
# A DOI may hold commas and semicolons itself; a separator is one with another DOI behind it.
_NEXT_DOI = re.compile(r"(?<![\s,;])[\s,;]++(?=(?:doi:\s?|https?://(?:dx\.)?doi\.org/)?10\.)", re.I)
_THING = "paper|submission|article|manuscript|preprint|version|work|note|draft|document|report"
_WITHDRAWN = re.compile(
    r"\W*(?:arxiv admin note:?\s+)?(?:"
    rf"(?:(?:this|the|our)\s+)?(?:\w+\s+)?(?:{_THING})\s+(?:(?:has|have|had)(?:\s+now)?\s+been|is|was)?"
    r"(?:\s*\b(?:now|temporarily)\b)?\s*\bwithdrawn\b(?!\s+from\s+(?!arxiv))"
    rf"|(?:we|the\s+authors?)\s+(?:(?:have|has)\s+)?withdr(?:a|e)wn?\s+(?:this|the|our)\s+(?:{_THING})"
    r"|(?:temporarily\s+)?withdrawn\s*(?:[^\w\s-]|-\s|$|(?:by|due|because|as|for|since|pending)\b)"
    r")",
    re.I,
)


def dois(written: str) -> tuple[Alias, ...]:
    """Return the DOIs of a field that holds one or several, in order, each once."""
    pieces = (piece.split() for piece in _NEXT_DOI.split(written))
    found = (identity.parse(words[0]) for words in pieces if words)
    return tuple(dict.fromkeys(f[0] for f in found if f and f[0].scheme == "doi"))


def is_withdrawn(*texts: str | None) -> bool:
    """Return whether a comment or an abstract begins by saying that the paper was taken back."""
    return any(_WITHDRAWN.match(text) for text in texts if text)


def date(written: str) -> datetime | None:
    """Return a date as arXiv writes it: `2016-01-13`, or `Mon, 2 Apr 2007 19:18:42 GMT`."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(written)
        except (ValueError, IndexError, OverflowError):
            continue
    return None


def announced(
    alias: Alias,
    version: int | None,
    *,
    first: datetime | None,
    newest: datetime | None,
    asked: Request,
) -> Announce:
    """Return what a record of a paper's history announces.

    An id carries the month in which arXiv announced the paper. Records are listed by their last
    change of whatever kind, so most old papers come by because of a DOI or a journal: "update".

    Args:
        version: The newest; None where the record does not say: one is taken for a later version
            when the dates differ.
        first, newest: When the first and the newest version were submitted, aware.
        asked: Its `since` is the time from which announcements are made up for; without it
            (a file) a paper is what its version says.
    """
    if not asked.announces:
        return "update"
    later = version > 1 if version else newest != first
    if asked.since is None:
        return "replace" if later else "new"
    if not later:
        return "new" if month(alias) >= _month_of(asked.since) else "update"
    window = asked.since - MODERATION
    if first and first >= window:
        return "new"  # its first version may have been missed
    return "replace" if newest and newest >= window else "update"


def found(version: int | None, *, first: datetime | None, now: datetime) -> Announce:
    """Return what a query's answer announces that tells of no time: it may hold any paper.

    Args:
        first: When the first version was submitted, aware; None counts as today.
    """
    age = now - first if first else timedelta(0)
    if version and version > 1 and age > MODERATION:
        return "replace"
    return "new" if age <= LONGEST_MODERATION else "update"


def month(alias: Alias) -> tuple[int, int]:
    """Return the year and month that an arXiv id carries: `2611.00001`, `hep-th/9901001`."""
    archive, _, number = alias.value.rpartition("/")
    year = int(number[:2])
    return (1900 if archive and year >= 91 else 2000) + year, int(number[2:4])


def _month_of(when: datetime) -> tuple[int, int]:
    local = when.astimezone(EASTERN)
    return local.year, local.month
