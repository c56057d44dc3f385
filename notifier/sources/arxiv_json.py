"""arXiv's papers as JSON: its metadata snapshot (JSON lines), or announcements saved by others.

Pure. Source: https://info.arxiv.org/help/bulk_data.html (the snapshot's fields: id, title,
abstract, authors, categories, comments, journal-ref, doi, versions). Lists may stand as lists or
as one string, and names of fields differ a little between those who saved them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast, get_args

from notifier.papers import identity
from notifier.papers.paper import Announce, Batch, Entry
from notifier.papers.text import one_line
from notifier.sources import arxiv_paper, cleaning, json_items
from notifier.sources.feed import required_title
from notifier.sources.freshness import part_of
from notifier.sources.reading import Rejected, read_each
from notifier.sources.source import Request


def read(body: bytes, *, now: datetime, asked: Request) -> Batch:
    """Return the papers of a JSON document.

    Raises:
        SourceError: it is no JSON, or holds no list.
    """
    items, defect = json_items.read(body)
    batch = read_each(
        items, lambda item: _read(item, now, asked), label=_label, date=_written_date, defect=defect
    )
    kept = tuple(e for e in batch.entries if part_of(e.categories, asked.parts))
    return Batch(kept, batch.problems)


def is_paper(item: Any) -> bool:
    """Return whether a JSON object is an arXiv paper: an arXiv id, and categories."""
    if not isinstance(item, Mapping) or not _texts(item, "categories"):
        return False
    found = identity.parse(_text(item, "arxiv_id", "id"))
    return found is not None and found[0].scheme == "arxiv"


def _read(item: Any, now: datetime, asked: Request) -> Entry:
    if not isinstance(item, Mapping):
        raise Rejected("no object")
    found = identity.parse(_text(item, "arxiv_id", "id"))
    if not found or found[0].scheme != "arxiv":
        raise Rejected("no arXiv id")
    alias, version = found
    title, source_title = required_title(_text(item, "title"))
    abstract, source_abstract = cleaning.shown_and_source(_text(item, "abstract", "summary"))
    comment = cleaning.plain(_text(item, "comments", "comment")) or None
    dates = [cleaning.believable(arxiv_paper.date(d), now=now) for d in _dates(item)]
    first, newest = (dates[0], dates[-1]) if dates else (None, None)
    version = _newest(item) or version
    return Entry(
        aliases=(alias, *arxiv_paper.dois(_text(item, "doi"))),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=cleaning.people(_texts(item, "authors"), always_split=True),
        categories=_categories(item),
        journal=cleaning.plain(_text(item, "journal-ref", "journal_ref")) or None,
        comment=comment,
        version=version,
        published_at=first,
        announce=_announced(item)
        or arxiv_paper.announced(alias, version, first=first, newest=newest, asked=asked),
        urls=identity.urls(alias, version),
        withdrawn=arxiv_paper.is_withdrawn(comment, abstract),
    )


def _announced(item: Mapping[str, Any]) -> Announce | None:
    written = _text(item, "announce_type").lower()
    return cast(Announce, written) if written in get_args(Announce) else None


def _categories(item: Mapping[str, Any]) -> tuple[str, ...]:
    named = (word for text in _texts(item, "categories") for word in text.split())
    primary = one_line(_text(item, "primary_category"))
    return tuple(dict.fromkeys(name for name in (primary, *named) if name))


def _versions(item: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    listed = item.get("versions")
    return [v for v in listed if isinstance(v, Mapping)] if isinstance(listed, list) else []


def _newest(item: Mapping[str, Any]) -> int | None:
    numbers = (_text(version, "version").removeprefix("v") for version in _versions(item))
    return max((int(n) for n in numbers if n.isdecimal() and len(n) < 4), default=0) or None


def _dates(item: Mapping[str, Any]) -> list[str]:
    found = [_text(version, "created") for version in _versions(item)]
    found = found or [_text(item, "published", "created", "submitted")]
    return [date for date in found if date]


def _written_date(item: Any) -> str:
    return next(iter(_dates(item)), "") if isinstance(item, Mapping) else ""


def _label(item: Any) -> str:
    return _text(item, "arxiv_id", "id", "title") if isinstance(item, Mapping) else ""


def _text(item: Mapping[str, Any], *names: str) -> str:
    found = (item.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value.strip()), "")


def _texts(item: Mapping[str, Any], name: str) -> list[str]:
    value = item.get(name)
    listed = value if isinstance(value, list) else [value]
    return [text for text in listed if isinstance(text, str) and text.strip()]
