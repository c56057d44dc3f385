"""Any RSS, Atom or RDF feed: journals, preprint servers, searches.

An entry needs a title and any id or link; everything else is taken where the feed has it
(Dublin Core, PRISM, content).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from notifier import errors
from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.paper import Batch, Entry, Problem
from notifier.papers.text import one_line
from notifier.sources import cleaning, document
from notifier.sources.source import Kind

_DOI_IN_URL = re.compile(r"/(10\.\d{4,9}/[^?#\s]+?)(?:/(?:full|abstract|pdf|epdf))?/?(?:[?#]|$)")
_BEST_FIRST = ("arxiv", "doi", "pmid", "pmcid")


class Rejected(ValueError):
    """One entry cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class FeedSource:
    """A feed at one or more addresses."""

    name: str
    urls: tuple[str, ...] = ()
    kind: Kind = "feed"

    def addresses(self, *, now: datetime) -> list[str]:
        """Return the feed's addresses; it holds what it holds, whatever the day."""
        return list(self.urls)

    def read(self, body: bytes, *, now: datetime) -> Batch:
        """Return the feed's papers."""
        parsed = document.parse(body)
        return read_entries(parsed, lambda raw: read_entry(raw, feed=self.name, now=now), now=now)


def read_entries(
    parsed: document.Document, read: Callable[[Any], Entry], *, now: datetime
) -> Batch:
    """Read a document's entries one by one; what fails becomes a problem and stops nobody."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    if parsed.defect:
        problems.append(Problem("-", f"the document is broken: {parsed.defect}"))
    for place, raw in enumerate(parsed.entries, 1):
        try:
            entries.append(read(raw))
        except Rejected as error:
            problems.append(Problem(_label(raw, place), str(error)))
            continue
        if _written_date(raw) and entries[-1].published_at is None:
            problems.append(
                Problem(_label(raw, place), f'date "{_written_date(raw)}" left out: not believable')
            )
    return Batch(tuple(entries), tuple(problems))


def _label(raw: Any, place: int) -> str:
    label = one_line(str(raw.get("id") or raw.get("link") or raw.get("title") or ""))
    return label[:120] or f"#{place}"


def read_entry(raw: Any, *, feed: str, now: datetime) -> Entry:
    """Return one entry of a feed.

    Raises:
        Rejected: no title, or neither id nor link.
    """
    title, source_title = required_title(raw)
    aliases = tuple(_aliases(raw, feed))
    if not aliases:
        raise Rejected("no id and no link")
    abstract, source_abstract = cleaning.shown_and_source(_abstract(raw))
    return Entry(
        aliases=aliases,
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=cleaning.people(author_names(raw)),
        categories=categories(raw),
        journal=_field(raw, "prism_publicationname", "dc_source"),
        version=_version(raw),
        published_at=cleaning.believable(entry_date(raw), now=now),
        urls=_urls(raw, aliases),
    )


def required_title(raw: Any) -> tuple[str, str | None]:
    """Return (title, title as it came where TeX was read) or reject the entry."""
    title, source = cleaning.shown_and_source(str(raw.get("title") or ""))
    if not any(char.isalnum() for char in title):
        raise Rejected("no title")
    return title, source


def author_names(raw: Any) -> list[str]:
    """Return the author strings as the feed has them."""
    names = [str(a.get("name") or "") for a in raw.get("authors") or [] if isinstance(a, dict)]
    names = names or [str(raw.get("author") or "")]
    return [name for name in names if name.strip()]


def categories(raw: Any) -> tuple[str, ...]:
    """Return the entry's categories in order, each once."""
    terms = (cleaning.plain(str(tag.get("term") or "")) for tag in raw.get("tags") or [])
    return tuple(dict.fromkeys(term for term in terms if term))


def _field(raw: Any, *names: str) -> str | None:
    for name in names:
        if value := cleaning.plain(str(raw.get(name) or "")):
            return value
    return None


def _abstract(raw: Any) -> str:
    contents = [str(part.get("value") or "") for part in raw.get("content") or []]
    return str(raw.get("summary") or "") or max(contents, key=len, default="")


def _written_date(raw: Any) -> str:
    return str(raw.get("published") or raw.get("updated") or "")


def entry_date(raw: Any) -> datetime | None:
    """Return the entry's date in UTC, the published one before the updated one."""
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        parsed = raw.get(name)
        try:
            if parsed:
                return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _written_ids(raw: Any) -> Iterator[str]:
    for name in ("prism_doi", "dc_identifier", "id", "link", "arxiv_doi"):
        if value := str(raw.get(name) or "").strip():
            yield value


def _found(written: Iterable[str]) -> Iterator[tuple[Alias, int | None]]:
    for text in written:
        in_url = _DOI_IN_URL.search(text)
        parsed = identity.parse(text) or (in_url and identity.parse(unquote(in_url.group(1))))
        if parsed:
            yield parsed


def _aliases(raw: Any, feed: str) -> list[Alias]:
    """All names of the entry, the best known scheme first."""
    found = list(dict.fromkeys(alias for alias, _ in _found(_written_ids(raw))))
    found.sort(key=lambda a: _BEST_FIRST.index(a.scheme) if a.scheme in _BEST_FIRST else 9)
    link = identity.link(str(raw.get("link") or ""))
    if (own := str(raw.get("id") or "").strip()) and not (
        found or (link and own == raw.get("link"))
    ):
        found.append(identity.guid(feed, own))
    if link and not found:
        found.append(link)
    return found


def _version(raw: Any) -> int | None:
    versions = [version for _, version in _found(_written_ids(raw)) if version is not None]
    return max(versions, default=None)


def _urls(raw: Any, aliases: Iterable[Alias]) -> dict[str, str]:
    link = str(raw.get("link") or "").strip()
    urls = {"page": link} if link.startswith(("http://", "https://")) else {}
    for alias in aliases:
        urls = identity.urls(alias) | urls
    return urls


def failed_query(parsed: document.Document) -> None:
    """Refuse a feed that is an error in the form of a feed.

    Raises:
        SourceError: with the service's own words.
    """
    if parsed.title.lower().startswith("feed error"):
        raise errors.SourceError(f"the service answered: {cleaning.plain(parsed.title)}")
