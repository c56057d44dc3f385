"""Which adapter reads an answer: found out by what it holds, and only then by its address.

Pure. Any bytes give a kind or one clear line that says what they are, in time linear in their
number.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from notifier import errors
from notifier.papers import identity
from notifier.papers.text import one_line
from notifier.sources import arxiv_json, cleaning, json_items, listing, listing_text
from notifier.sources.source import Kind

_HEAD = 200_000  # characters of a page or text that are looked at
_NOISE = 1_000  # characters that may stand before a feed, as a warning of PHP
_ITEMS = 20
_FEEDS_NAMED = 5
_SAID = 80
_BINARY = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"RIFF", "an image or a recording"),
    (b"\x1f\x8b", "a packed file (gzip)"),
    (b"PK\x03\x04", "a packed file (zip)"),
)
_ROOT = re.compile(
    r"(?>\s|<\?.*?\?>|<!--.*?-->|<!doctype[^>\[]*(?:\[[^\]]*\])?[^>]*>)*+"
    r"<(?:[\w.-]+:)?(?P<root>[\w.-]+)",
    re.I | re.S,
)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.I)
_FEED_INSIDE = re.compile(r"<(?:rss|feed|rdf:rdf)[\s>]", re.I)
_FIRST_ENTRY = re.compile(r"<(?:\w{1,20}:)?(?:item|entry)[\s>]", re.I)
_OAI = ("oai-pmh", "listrecords", "getrecord", "record")
_PUBMED = ("pubmedarticleset", "pubmedarticle", "pubmedbookarticleset", "esearchresult")
_FEED = ("rss", "feed", "rdf", "channel")
# A feed's own addresses stand between tags or in attributes, not in the midst of a description.
_ARXIV = re.compile(
    r"//arxiv\.org/schemas/atom|[>\"']\s*https?://(?:[a-z]+\.)?arxiv\.org[/<\"']", re.I
)
_PREPRINTS = re.compile(r"[>\"']\s*https?://(?:[a-z]+\.)?(bio|med)rxiv\.org[/<\"'?]", re.I)
# In JSON a quote inside a text is escaped: none of these can stand in an abstract.
_JSON_FEED = re.compile(r'"version"\s*:\s*"https?:\\?/\\?/(?:www\.)?jsonfeed\.org')
_ESEARCH = re.compile(r'"esearchresult"\s*:')
_COLLECTION = re.compile(r'"collection"\s*:\s*\[')
_SERVER = re.compile(r'"server"\s*:\s*"(bio|med)rxiv"', re.I)
_LISTED = {"title", "abstract", "authors_count", "organization", "date", "comments"}
_NAMES = {"id", "arxiv_id", "url", "link"}  # may stand beside, where somebody added them
_LINK = re.compile(r"<link\b([^<>]{1,2000})>", re.I)
_ATTRIBUTE = re.compile(r"([a-z-]{1,20})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+))", re.I)
_FEED_TYPE = re.compile(r"application/(?:rss\+xml|atom\+xml|feed\+json)\s*(?:;.*)?", re.I | re.S)
_PASSWORD = re.compile(r"<input\b[^<>]{0,500}type\s{0,9}=\s{0,9}[\"']?password", re.I)
_CURE = "give --kind, or check the address or the file"


def kind_of(url: str, body: bytes) -> Kind:
    """Return which kind of source gives such an answer.

    Args:
        url: Where it came from; of a file, its name.

    Raises:
        SourceError: no kind does; the text says what came, and names the feeds of a web page.
    """
    for start, what in _BINARY:
        if body.startswith(start):
            raise errors.SourceError(f"{what} came, and no list of papers - {_CURE}")
    text = listing.decoded(body)
    if not text:
        raise errors.SourceError("the answer is empty - try again later, or check the address")
    if json_items.is_json(text):
        return _json_kind(url, body, text)
    if markup := _markup_kind(url, text):
        return markup
    if listing_text.is_listing(text[:_HEAD]):
        return "listing"
    shown = one_line(text[:_HEAD])[:_SAID]
    raise errors.SourceError(f'no kind of source gives such a text: "{shown}" - {_CURE}')


def _markup_kind(url: str, text: str) -> Kind | None:
    """Return the kind of an XML document; None: this is no markup."""
    found, head = _ROOT.match(text), text[:_HEAD]
    root = found["root"].lower() if found else ""
    if root in _FEED:
        return _feed_kind(head)
    if root in _PUBMED:
        return "pubmed"
    if root in _OAI and "arxiv.org" in head.lower():
        return "arxiv"
    if _HTML.search(text[:_NOISE]):
        raise errors.SourceError(_web_page(url, head))
    if _FEED_INSIDE.search(text[:_NOISE]):
        return _feed_kind(head)
    if found:
        raise errors.SourceError(f"XML of no known kind, <{found['root'][:_SAID]}> - {_CURE}")
    return None


def _feed_kind(text: str) -> Kind:
    first = _FIRST_ENTRY.search(text)
    head = text[: first.start()] if first else text
    if found := _PREPRINTS.search(head):
        return "medrxiv" if found[1].lower() == "med" else "biorxiv"
    return "arxiv" if _ARXIV.search(head) else "feed"


def _json_kind(url: str, body: bytes, text: str) -> Kind:
    if text.startswith("{") and (kind := _wrapped_kind(url, text)):
        return kind
    items, _ = json_items.read(body)
    if kind := _items_kind(items):
        return kind
    if "huggingface.co/" in url and not items:
        return "huggingface"
    what = "JSON without papers" if items else "an empty JSON list"
    raise errors.SourceError(f"{what} came, of no known kind - {_CURE}")


def _wrapped_kind(url: str, text: str) -> Kind | None:
    if _JSON_FEED.search(text):
        return "feed"
    if _ESEARCH.search(text):
        return "pubmed"
    if _COLLECTION.search(text) and '"messages"' in text:
        server = _SERVER.search(text)
        return "medrxiv" if "med" in (server[1] if server else url).lower() else "biorxiv"
    return None


def _items_kind(items: list[Any]) -> Kind | None:
    objects = [item for item in items if isinstance(item, Mapping)][:_ITEMS]
    if any(arxiv_json.is_paper(item) for item in objects):
        return "arxiv"
    if any(_is_daily(item) for item in objects):
        return "huggingface"
    return "listing" if any(_is_listed(item) for item in objects) else None


def _is_daily(item: Mapping[str, Any]) -> bool:
    inside = item.get("paper")
    paper = inside if isinstance(inside, Mapping) else item
    name = paper.get("id")
    known = isinstance(name, str) and identity.parse(name) is not None
    return known and (paper is inside or not _is_listed(item))


def _is_listed(item: Mapping[str, Any]) -> bool:
    return {"title", "abstract"} <= item.keys() <= _LISTED | _NAMES


def _web_page(url: str, page: str) -> str:
    feeds = list(dict.fromkeys(_feeds(url, page)))[:_FEEDS_NAMED]
    if feeds:
        return f"this is a web page; its feeds: {', '.join(feeds)}"
    if _PASSWORD.search(page):
        return "a login page came - the address needs an account, or has changed"
    return "a web page came, and it names no feed - look for its RSS or Atom address"


def _feeds(url: str, page: str) -> Iterator[str]:
    """Yield the addresses of the feeds that a page names in its <link> tags."""
    for tag in _LINK.finditer(page):
        found = {
            a[1].lower(): html.unescape(a[2] or a[3] or a[4] or "")
            for a in _ATTRIBUTE.finditer(tag[1])
        }
        href = found.get("href", "").strip()
        if href and _is_feed_link(found):
            try:
                address = cleaning.link(urljoin(url, href))
            except ValueError:  # half an IPv6 address
                continue
            if address:
                yield address


def _is_feed_link(attributes: Mapping[str, str]) -> bool:
    relations = attributes.get("rel", "").lower().split()
    feed_type = _FEED_TYPE.fullmatch(attributes.get("type", "").strip())
    return "alternate" in relations and feed_type is not None
