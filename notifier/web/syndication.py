"""Papers as a feed: Atom (RFC 4287) and JSON Feed 1.1.

Pure. Everything a source wrote is text: nothing in a feed is HTML, and no character that XML does
not have gets into it. A paper's id is the same in every feed of every instance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, tostring

from notifier.digests.excerpt import plain
from notifier.papers.paper import Paper

ATOM_TYPE, JSON_TYPE = "application/atom+xml", "application/feed+json"
JSON_VERSION = "https://jsonfeed.org/version/1.1"
_ATOM = "http://www.w3.org/2005/Atom"
# Beside control characters, which `plain` takes out: XML 1.0, 2.2.
_NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """A paper, when it last changed (UTC), and where it is; `pdf` is "" where none is known."""

    paper: Paper
    updated_at: datetime
    page: str
    pdf: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says, the newest paper first; `id` never changes, `here` is its own address.

    `by` is who runs it, `home` where.
    """

    id: str
    title: str
    by: str
    home: str
    here: str
    updated_at: datetime
    items: Sequence[FeedItem]


def paper_id(paper: Paper) -> str:
    """Return a paper's name for feeds (RFC 9562, 5.5: made of its id alone)."""
    return uuid5(NAMESPACE_URL, paper.id).urn


def atom(feed: Feed) -> bytes:
    """Return the Atom document."""
    root = Element("feed", xmlns=_ATOM)
    for name, text in (("id", feed.id), ("title", feed.title), ("updated", _time(feed.updated_at))):
        _add(root, name, text)
    _add(_add(root, "author"), "name", feed.by)
    _add(root, "link", rel="self", type=ATOM_TYPE, href=feed.here)
    _add(root, "link", rel="alternate", type="text/html", href=feed.home)
    for item in feed.items:
        _entry(root, item)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _entry(root: Element, item: FeedItem) -> None:
    paper, entry = item.paper, _add(root, "entry")
    _add(entry, "id", paper_id(paper))
    _add(entry, "title", paper.title, type="text")
    _add(entry, "updated", _time(item.updated_at))
    _add(entry, "published", _time(paper.published_at or paper.first_seen_at))
    for author in paper.authors:
        _add(_add(entry, "author"), "name", author)
    _add(entry, "link", rel="alternate", type="text/html", href=item.page)
    if item.pdf:
        _add(entry, "link", rel="related", type="application/pdf", title="PDF", href=item.pdf)
    for category in paper.categories:
        _add(entry, "category", term=category)
    _add(entry, "summary", paper.abstract, type="text")


def _add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    made = SubElement(parent, name, {key: _clean(value) for key, value in attributes.items()})
    made.text = _clean(text) or None
    return made


def json_feed(feed: Feed) -> bytes:
    """Return the JSON Feed document."""
    content = {
        "version": JSON_VERSION,
        "title": _clean(feed.title),
        "home_page_url": feed.home,
        "feed_url": feed.here,
        "authors": [{"name": _clean(feed.by), "url": feed.home}],
        "items": [_item(item) for item in feed.items],
    }
    return json.dumps(content, ensure_ascii=False).encode()


def _item(item: FeedItem) -> dict[str, Any]:
    paper = item.paper
    found: dict[str, Any] = {
        "id": paper_id(paper),
        "url": item.page,
        "title": _clean(paper.title),
        "content_text": _clean(paper.abstract or paper.title),
        "date_published": _time(paper.published_at or paper.first_seen_at),
        "date_modified": _time(item.updated_at),
    }
    if paper.authors:
        found["authors"] = [{"name": _clean(author)} for author in paper.authors]
    if paper.categories:
        found["tags"] = [_clean(category) for category in paper.categories]
    if item.pdf:
        found["attachments"] = [{"url": item.pdf, "mime_type": "application/pdf"}]
    return found


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", plain(text))


def _time(moment: datetime) -> str:
    """RFC 3339, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
