"""arXiv: its Atom and RSS feeds of announcements, and answers of its query API.

Sources: https://info.arxiv.org/help/rss_specifications.html and atom_specifications.html,
https://info.arxiv.org/help/api/user-manual.html. Ids are kept without version, the version
beside them; the description's head (`arXiv:... Announce Type: ... Abstract:`) is taken off;
authors come as one comma-joined string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import cast, get_args

from notifier import errors
from notifier.papers import identity
from notifier.papers.paper import Announce, Batch, Entry
from notifier.papers.text import one_line
from notifier.sources import cleaning, document, feed
from notifier.sources.reading import Rejected
from notifier.sources.source import Kind

FEEDS = "https://rss.arxiv.org/atom/"
# A feed ends at 2,000 entries and drops the newest beyond: few categories to a request.
CATEGORIES_PER_REQUEST = 4
_HEAD = re.compile(
    r"(?:\s|<p>)*arXiv:\S+\s+Announce Type:\s*(?P<type>[a-z-]+)\s*(?:Abstract:\s*)?", re.I
)
# The feeds of old: "A title. (arXiv:1805.08875v1 [hep-ex] UPDATED)"
_OLD_TITLE = re.compile(
    r"\.? ?\((?P<id>arXiv:\S+) \[(?P<category>[\w.-]+)\](?: (?P<shown>UPDATED|CROSS LISTED))?\)$"
)
_OLD_ANNOUNCE: dict[str, Announce] = {"UPDATED": "replace", "CROSS LISTED": "cross"}


@dataclass(frozen=True, slots=True)
class ArxivSource:
    """The announcements of some categories, or feeds at addresses given."""

    name: str
    categories: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    kind: Kind = "arxiv"

    def addresses(self, *, now: datetime) -> list[str]:
        """Return one Atom feed for every few categories."""
        if self.urls:
            return list(self.urls)
        size = CATEGORIES_PER_REQUEST
        groups = [self.categories[i : i + size] for i in range(0, len(self.categories), size)]
        return [FEEDS + "+".join(group) for group in groups]

    def read(self, body: bytes, *, now: datetime) -> Batch:
        """Return the papers of an Atom or RSS feed, or of an answer of the query API."""
        parsed = document.parse(body)
        feed.failed_query(parsed)
        _failed_request(parsed)
        return feed.read_entries(parsed, lambda raw: _read(raw, now))


def _failed_request(parsed: document.Document) -> None:
    """Refuse an answer of the API that holds nothing but error entries.

    Raises:
        SourceError: with arXiv's own words.
    """
    said = [_error(raw) for raw in parsed.entries]
    if said and all(said):
        raise errors.SourceError(f"{said[0]} - check the address")


def _error(raw: feed.Raw) -> str | None:
    """Return what arXiv's API has to say, if this entry is no paper but an error."""
    if "/api/errors" not in str(raw.get("id") or ""):
        return None
    return f"arXiv's API answered: {cleaning.plain(str(raw.get('summary') or 'an error'))}"


def _read(raw: feed.Raw, now: datetime) -> Entry:
    if error := _error(raw):
        raise Rejected(error)
    alias, version = _named(raw)
    whole_title = one_line(str(raw.get("title") or ""))
    old = _OLD_TITLE.search(whole_title)
    if old and version is None and (inside := identity.parse(old.group("id"))):
        version = inside[1]
    title, source_title = feed.required_title(whole_title[: old.start()] if old else whole_title)
    announce, markup = _announced(raw, old)
    abstract, source_abstract = cleaning.shown_and_source(markup)
    return Entry(
        aliases=(alias, *_doi(raw)),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=cleaning.people(feed.author_names(raw), always_split=True),
        categories=_categories(raw, old),
        # The API and the feeds name it differently.
        journal=feed.field(raw, "arxiv_journal_ref", "arxiv_journal_reference"),
        comment=feed.field(raw, "arxiv_comment"),
        version=version,
        published_at=cleaning.believable(feed.entry_date(raw), now=now),
        announce=announce,
        urls=identity.urls(alias, version),
    )


def _named(raw: feed.Raw) -> tuple[identity.Alias, int | None]:
    for name in ("id", "link"):
        found = identity.parse(str(raw.get(name) or ""))
        if found and found[0].scheme == "arxiv":
            return found
    raise Rejected("no arXiv id")


def _announced(raw: feed.Raw, old_title: re.Match[str] | None) -> tuple[Announce, str]:
    """Return (announce type, abstract without the head that arXiv puts before it)."""
    summary = str(raw.get("summary") or "")
    head = _HEAD.match(summary)
    written = str(raw.get("arxiv_announce_type") or (head.group("type") if head else "")).lower()
    shown = (old_title.group("shown") or "").upper() if old_title else ""
    announce = _OLD_ANNOUNCE.get(shown, "new")
    if written in get_args(Announce):
        announce = cast(Announce, written)
    return announce, summary[head.end() :] if head else summary


def _categories(raw: feed.Raw, old_title: re.Match[str] | None) -> tuple[str, ...]:
    """The categories, the primary one first where the answer names it."""
    primary = str((raw.get("arxiv_primary_category") or {}).get("term") or "")
    in_title = old_title.group("category") if old_title else ""
    named = (primary, *feed.categories(raw), in_title)
    return tuple(dict.fromkeys(c for c in named if c))


def _doi(raw: feed.Raw) -> tuple[identity.Alias, ...]:
    written = str(raw.get("arxiv_doi") or "").split()
    found = (identity.parse(doi) for doi in written)
    return tuple(alias[0] for alias in found if alias and alias[0].scheme == "doi")
