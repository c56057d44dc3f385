"""Whether two papers of one title may be one paper: a suspicion, never a verdict.

Pure. Symmetric: which of the two came first does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

APART = timedelta(days=3 * 365 + 1)  # from a preprint to the journal; a new edition takes longer


@dataclass(frozen=True, slots=True)
class Known:
    """What two papers are compared by; `title_key` as `identity.title_key` gives it."""

    title_key: str | None
    authors: Sequence[str] = ()
    published_at: datetime | None = None


def suspicion(one: Known, other: Known, *, same_family: Callable[[str, str], bool]) -> str | None:
    """Return in words why the two may be one paper, or None.

    They bear one title, the first author of either stands in the other's list, and they were
    published at most three years apart; what one of them does not state speaks for nothing.

    Args:
        same_family: Whether two written names share the family name; symmetric.
    """
    if one.title_key is None or one.title_key != other.title_key:
        return None
    dates = one.published_at, other.published_at
    if dates[0] and dates[1] and abs(dates[0] - dates[1]) > APART:
        return None
    if not (one.authors and other.authors):
        return "same title, and one of them names no authors"
    if _leads(one, other, same_family) or _leads(other, one, same_family):
        return "same title and first author"
    return None


def _leads(one: Known, other: Known, same_family: Callable[[str, str], bool]) -> bool:
    return any(same_family(one.authors[0], name) for name in other.authors)
