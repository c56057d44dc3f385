"""The bytes of a feed to feedparser's entries, with what was wrong about the document.

RSS descriptions are HTML by custom: a bare `<` in them ("p<0.05") would swallow text, so each
that begins no known tag is escaped once more before parsing. Atom says what its texts are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from notifier import errors
from notifier.sources.cleaning import KNOWN_TAGS

_ROOT = re.compile(rb"<\s*(?:[a-z]+:)?(rss|rdf|feed|html|!doctype\s+html)\b", re.I)
_CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.S)
_TAGS = KNOWN_TAGS.encode()
_SIGN = re.compile(
    rb"&lt;(?!/?(?:" + _TAGS + rb")(?:\s[^<>]{0,500}?=[^<>]{0,2000}?)?\s*/?(?:&gt;|>))", re.I
)
_BARE_SIGN = re.compile(rb"<(?!/?(?:" + _TAGS + rb")(?:\s[^<>]{0,500}=[^<>]{0,2000})?\s*/?>)", re.I)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed feed: its entries as feedparser gives them, and what was wrong with the whole."""

    title: str
    entries: list[Any]
    defect: str | None


def parse(body: bytes) -> Document:
    """Parse RSS, Atom or RDF.

    Raises:
        SourceError: empty, no feed at all, or so broken that no entry could be read.
    """
    kind = _kind(body)
    if kind == b"html":
        raise errors.SourceError(
            "an HTML page came instead of a feed - check the address (a login or error page?)"
        )
    import feedparser  # slow to import, and needed by no other command

    feed = feedparser.parse(_escaped(body) if kind in (b"rss", b"rdf") else body)
    defect = _defect(feed) if feed.bozo else None
    if not feed.entries and not feed.version:
        raise errors.SourceError(
            f"no feed: {defect or 'neither RSS nor Atom'} - check the address or the file"
        )
    if not feed.entries and defect:
        raise errors.SourceError(f"the feed is broken before its first entry: {defect}")
    return Document(str(feed.feed.get("title", "")), list(feed.entries), defect)


def _kind(body: bytes) -> bytes:
    if not body.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise errors.SourceError("the answer is empty - try again later, or check the address")
    found = _ROOT.search(body[:4096])
    kind = found.group(1).lower() if found else b""
    return b"html" if kind.startswith(b"!doctype") else kind


def _escaped(body: bytes) -> bytes:
    body = _CDATA.sub(
        lambda found: b"<![CDATA[" + _BARE_SIGN.sub(b"&lt;", found.group(1)) + b"]]>", body
    )
    return _SIGN.sub(b"&amp;lt;", body)


def _defect(feed: Any) -> str | None:
    """Say in words what feedparser found; a wrongly declared encoding does no harm."""
    cause = feed.get("bozo_exception")
    if type(cause).__name__ in ("CharacterEncodingOverride", "NonXMLContentType"):
        return None
    message = re.sub(r"^<unknown>:", "line ", str(cause)).strip()
    return re.sub(r"line (\d+):(\d+): ", r"line \1, column \2: ", message) or "not well-formed"
