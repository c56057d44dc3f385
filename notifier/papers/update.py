"""What one more reading of a paper changes in what is kept of it.

Pure. A newer version replaces the text; an older one or one without a version only fills gaps,
unless the same source corrects what it said itself. Nothing good is lost to an empty field.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifier.papers.paper import Entry


@dataclass(frozen=True, slots=True)
class Kept:
    """The columns of a paper that a reading may change."""

    version: int | None
    title: str
    abstract: str
    source_title: str | None
    source_abstract: str | None
    authors: list[str]
    categories: list[str]
    organization: str | None
    journal: str | None
    comment: str | None
    submitted_by: str | None
    urls: dict[str, str]
    published_at: Any
    withdrawn_at: datetime | None
    author_ids: list[str] | None


def changes(kept: Kept, entry: Entry, *, same_source: bool, now: datetime) -> dict[str, Any]:
    """Return the columns to write, empty when the reading says nothing new.

    `announce` is among them only when a newer version has come than the one that was known.

    Args:
        kept: The paper as it is.
        entry: The reading.
        same_source: Whether this source has shown the paper before.
        now: Aware UTC; what a withdrawal that was not known is dated.
    """
    corrects = _supersedes(kept.version, entry.version, same_source)
    wanted: dict[str, Any] = {
        "title": entry.title,
        "abstract": entry.abstract,
        "source_title": entry.source_title,
        "source_abstract": entry.source_abstract,
        "authors": list(entry.authors),
        "comment": entry.comment,
        "submitted_by": entry.submitted_by,
        "organization": entry.organization,
        "journal": entry.journal,
        "published_at": entry.published_at,
    }
    out = {
        name: value
        for name, value in wanted.items()
        if value and value != getattr(kept, name) and (corrects or not getattr(kept, name))
    }
    if kept.published_at and entry.published_at:
        out.pop("published_at", None)  # the first known date stays the date of the paper
    if "title" not in out and "abstract" not in out:
        out.pop("source_title", None)
        out.pop("source_abstract", None)
    categories = list(dict.fromkeys([*kept.categories, *entry.categories]))
    if categories != kept.categories:
        out["categories"] = categories
    known = kept.author_ids or []
    authors = list(dict.fromkeys([*known, *entry.author_ids]))
    if authors != known:
        out["author_ids"] = authors
    out |= _standing(kept, entry, now)
    urls = {**entry.urls, **kept.urls} if not corrects else {**kept.urls, **entry.urls}
    if urls != kept.urls:
        out["urls"] = urls
    return out


def _standing(kept: Kept, entry: Entry, now: datetime) -> dict[str, Any]:
    """The version that is the newest now, and whether the paper stands."""
    out: dict[str, Any] = {}
    if entry.version is not None and (kept.version is None or entry.version > kept.version):
        out["version"] = entry.version
        if kept.version is not None or entry.is_replacement:
            out["announce"] = entry.announce if entry.is_replacement else "replace"
    if entry.withdrawn and not kept.withdrawn_at:
        out["withdrawn_at"] = now
    elif kept.withdrawn_at and out and not entry.withdrawn:
        out["withdrawn_at"] = None  # its authors brought it back
    return out


def _supersedes(kept: int | None, read: int | None, same_source: bool) -> bool:
    if read is None or kept is None:
        return kept is None and (same_source or read is not None)
    return read > kept or (read == kept and same_source)
