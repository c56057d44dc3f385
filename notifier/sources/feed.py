"""Any RSS, Atom, RDF or JSON feed: journals, preprint servers, searches.

An entry needs a title and any id or link; everything else is taken where the feed has it
(Dublin Core, PRISM, content), or where the description says it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import mktime_tz, parsedate_tz
from typing import Any
from urllib.parse import unquote

from notifier import errors
from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.paper import Batch, Entry
from notifier.papers.text import one_line
from notifier.sources import cleaning, description, document, json_feed
from notifier.sources.reading import Rejected, read_each
from notifier.sources.rhythm import Rhythm, Silence
from notifier.sources.source import NOTHING_ASKED, Kind, Request

_DOI_IN_URL = re.compile(r"[/=](10\.\d{4,9}/[^?#&\s]+)")
_DOI_PLACE = "https://doi.example/doi/"  # `identity` knows what publishers put behind a DOI there
_JOURNALS = ("prism_publicationname", "dc_source", "prism_publicationtitle", document.JOURNAL)
_NO_JOURNALS = ("biorxiv", "medrxiv")
_WITHDRAWN = re.compile(r"(?:withdrawn|retracted)(?: article)?:", re.I)
SELDOM = Silence(timedelta(days=30))
Raw = dict[str, Any]  # one entry as feedparser read it
_LONGEST_ID = 2_000
BEST_FIRST = ("arxiv", "doi", "pmid", "pmcid")


@dataclass(frozen=True, slots=True)
class FeedSource:
    """A feed at one or more addresses."""

    name: str
    urls: tuple[str, ...] = ()
    rhythm: Rhythm = SELDOM
    kind: Kind = "feed"
    window: timedelta | None = None
    replay: timedelta | None = None

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return the feed's addresses; it holds what it holds, whatever the day."""
        return [Request(url) for url in self.urls]

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the feed's papers."""
        parsed = json_feed.parse(body) if document.is_json(body) else document.parse(body)
        return read_entries(parsed, lambda raw: read_entry(raw, feed=self.name, now=now))


def read_entries(parsed: document.Document, read: Callable[[Raw], Entry]) -> Batch:
    """Read a document's entries one by one; what fails becomes a problem and stops nobody."""
    defect = f"the document is broken: {parsed.defect}" if parsed.defect else None
    return read_each(parsed.entries, read, label=_label, date=_written_date, defect=defect)


def _label(raw: Raw) -> str:
    return str(raw.get("id") or raw.get("link") or raw.get("title") or "")


def read_entry(raw: Raw, *, feed: str, now: datetime) -> Entry:
    """Return one entry of a feed.

    Raises:
        Rejected: no title, or neither id nor link.
    """
    title, source_title = required_title(str(raw.get("title") or ""))
    described = description.best(_descriptions(raw))
    aliases = tuple(_aliases(raw, feed, described.doi))
    if not aliases:
        raise Rejected("no id and no link")
    abstract, source_abstract = cleaning.shown_and_source(described.abstract)
    if abstract == title:  # Nature, where there is none
        abstract, source_abstract = "", None
    when = entry_date(raw) or _exact_day(described.date)
    return Entry(
        aliases=aliases,
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=_authors(raw, described.authors),
        categories=categories(raw),
        journal=_journal(raw, title) or described.journal or None,
        version=_version(raw),
        published_at=cleaning.believable(when, now=now),
        urls=_urls(raw, aliases),
        withdrawn=says_withdrawn(title),
    )


def required_title(written: str) -> tuple[str, str | None]:
    """Return (title, title as it came where TeX was read) or reject the entry."""
    title, source = cleaning.shown_and_source(written)
    if not title:
        raise Rejected("no title")
    return title, source


def author_names(raw: Raw) -> list[str]:
    """Return the author strings as the feed has them."""
    names = [str(a.get("name") or "") for a in raw.get("authors") or [] if isinstance(a, dict)]
    names = names or [str(raw.get("author") or "")]
    return [name for name in names if name.strip()]


def categories(raw: Raw) -> tuple[str, ...]:
    """Return the entry's categories in order, each once."""
    terms = (cleaning.plain(str(tag.get("term") or "")) for tag in raw.get("tags") or [])
    return tuple(dict.fromkeys(term for term in terms if term))


def field(raw: Raw, *names: str) -> str | None:
    """Return the first of the named fields that holds text."""
    for name in names:
        if value := cleaning.plain(str(raw.get(name) or "")):
            return value
    return None


def says_withdrawn(title: str) -> bool:
    """Tell whether a title says that its paper was taken back, as publishers write it."""
    return bool(_WITHDRAWN.match(title))


def _authors(raw: Raw, described: str) -> tuple[str, ...]:
    if found := cleaning.people(author_names(raw)):
        return found
    with_initials = re.search(r", [A-Z]\.", described)
    return cleaning.people([described], always_split=not with_initials)


def _journal(raw: Raw, title: str) -> str | None:
    for name in _JOURNALS:
        named = (field(raw, name) or "").partition(", Published online")[0]
        # Taylor & Francis put the title there; a preprint server is no journal.
        if named and named != title and named.lower() not in _NO_JOURNALS:
            return named
    return None


def _descriptions(raw: Raw) -> list[str]:
    contents = [str(part.get("value") or "") for part in raw.get("content") or []]
    return [str(raw.get("summary") or ""), *sorted(contents, key=len, reverse=True)]


def _written_date(raw: Raw) -> str:
    return str(raw.get("published") or raw.get("updated") or raw.get("created") or "")


def entry_date(raw: Raw) -> datetime | None:
    """Return the entry's date in UTC, the published one before the updated one."""
    for name in ("published", "updated", "created"):
        try:
            if parsed := raw.get(f"{name}_parsed"):
                return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
            # "Mi, 30 Jun 2021 00:00:00 +0000": journals write the day of the week in their language
            if mail_date := parsedate_tz(str(raw.get(name) or "")):
                return datetime.fromtimestamp(mktime_tz(mail_date), UTC)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _exact_day(written: str) -> datetime | None:
    """Read `3 November 2021`; `November 2021` is a cover's month, often to come, and no date."""
    try:
        parsed = parsedate_tz(f"{written} 00:00:00 +0000") if written[:1].isdigit() else None
        return datetime.fromtimestamp(mktime_tz(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError):
        return None


def _written_ids(raw: Raw) -> Iterator[str]:
    for name in ("prism_doi", "dc_identifier", "id", "link", "arxiv_doi"):
        value = str(raw.get(name) or "").strip()
        if 0 < len(value) <= _LONGEST_ID:
            yield value


def _found(written: Iterable[str]) -> Iterator[tuple[Alias, int | None]]:
    for text in written:
        in_url = _DOI_IN_URL.search(unquote(text))
        if parsed := (in_url and identity.parse(_DOI_PLACE + in_url[1])) or identity.parse(text):
            yield parsed


def _aliases(raw: Raw, feed: str, doi: str) -> list[Alias]:
    """All names of the entry, the best known scheme first; else its own id and its link."""
    found = list(dict.fromkeys(alias for alias, _ in _found([*_written_ids(raw), doi])))
    if found:
        return sorted(found, key=lambda a: (*BEST_FIRST, a.scheme).index(a.scheme))
    own, page = (one_line(str(raw.get(name) or "")) for name in ("id", "link"))
    names = [identity.guid(feed, own)] if own and own != page else []
    if page:
        names.append(identity.link(page) or identity.guid(feed, page))
    return names


def _version(raw: Raw) -> int | None:
    versions = [version for _, version in _found(_written_ids(raw)) if version is not None]
    return max(versions, default=None)


def _urls(raw: Raw, aliases: Iterable[Alias]) -> dict[str, str]:
    page = cleaning.link(raw.get("link"))
    urls = {"page": page} if page else {}
    for alias in aliases:
        urls = identity.urls(alias) | urls
    return urls


def failed_query(parsed: document.Document) -> None:
    """Refuse a feed that is an error in the form of a feed.

    Raises:
        SourceError: with the service's own words.
    """
    if parsed.title.lower().startswith("feed error"):
        said = cleaning.plain(parsed.title)
        raise errors.SourceError(f"the service answered: {said} - check the address")
