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
from typing import Any, cast, get_args

from notifier.papers import identity
from notifier.papers.paper import Announce, Batch, Entry
from notifier.sources import cleaning, document, feed
from notifier.sources.source import Kind

FEEDS = "https://rss.arxiv.org/atom/"
# A feed ends at 2,000 entries and drops the newest beyond: few categories to a request.
CATEGORIES_PER_REQUEST = 4
_HEAD = re.compile(r"^arXiv:\S+\s+Announce Type:\s*(?P<type>[a-z-]+)\s*(?:Abstract:\s*)?", re.I)
_OLD_TITLE = re.compile(
    r"\s*\(arXiv:(\S+)\s*(?:\[[^\]]*\])?\s*(?P<updated>UPDATED)?\s*\)\s*$", re.I
)


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
        return feed.read_entries(parsed, lambda raw: _read(raw, now), now=now)


def _read(raw: Any, now: datetime) -> Entry:
    if "/api/errors" in str(raw.get("id") or ""):
        raise feed.Rejected(f"arXiv's API answered: {cleaning.plain(str(raw.get('summary')))}")
    found = identity.parse(str(raw.get("id") or "")) or identity.parse(str(raw.get("link") or ""))
    if not found or found[0].scheme != "arxiv":
        raise feed.Rejected("no arXiv id")
    alias, version = found
    old = _OLD_TITLE.search(str(raw.get("title") or ""))
    if old and version is None and (inside := identity.parse(old.group(1))):
        version = inside[1]
    title, source_title = feed.required_title(
        {"title": _OLD_TITLE.sub("", str(raw.get("title") or ""))}
    )
    announce, markup = _announced(raw, old)
    abstract, source_abstract = cleaning.shown_and_source(markup)
    return Entry(
        aliases=(alias, *_doi(raw)),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=cleaning.people(feed.author_names(raw), always_split=True),
        categories=_categories(raw),
        journal=cleaning.plain(str(raw.get("arxiv_journal_ref") or "")) or None,
        comment=cleaning.plain(str(raw.get("arxiv_comment") or "")) or None,
        version=version,
        published_at=cleaning.believable(feed.entry_date(raw), now=now),
        announce=announce,
        urls=identity.urls(alias, version),
    )


def _announced(raw: Any, old_title: re.Match[str] | None) -> tuple[Announce, str]:
    """Return (announce type, abstract without the head that arXiv puts before it)."""
    summary = str(raw.get("summary") or "")
    head = _HEAD.match(summary)
    written = str(raw.get("arxiv_announce_type") or (head.group("type") if head else "")).lower()
    if not written and old_title and old_title.group("updated"):
        written = "replace"
    announce = cast(Announce, written) if written in get_args(Announce) else "new"
    return announce, summary[head.end() :] if head else summary


def _categories(raw: Any) -> tuple[str, ...]:
    """The categories, the primary one first where the answer names it."""
    primary = str((raw.get("arxiv_primary_category") or {}).get("term") or "")
    return tuple(dict.fromkeys(c for c in (primary, *feed.categories(raw)) if c))


def _doi(raw: Any) -> tuple[identity.Alias, ...]:
    written = str(raw.get("arxiv_doi") or "").split()
    found = (identity.parse(doi) for doi in written)
    return tuple(alias[0] for alias in found if alias and alias[0].scheme == "doi")
