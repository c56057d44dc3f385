"""The bytes of an answer, parsed: a feed to feedparser's entries, or JSON to its object.

feedparser's own HTML sanitiser is off: it takes the text after a bare `<` ("p<0.05") for a tag
and drops it. Every text goes through `cleaning` instead. No file and no address is ever opened.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from notifier import errors
from notifier.papers.text import one_line
from notifier.sources import json_items

_HTML = re.compile(
    rb"(?>\xef\xbb\xbf|\s|<\?[^>]*>|<!--.*?-->)*+<(?:!doctype\s+)?html\b", re.I | re.S
)
_WIDE = (  # the first four first: one mark begins with the other
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_DECLARATION = re.compile(r"<\?xml[^>]*\?>")
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([\w.-]+)")
_MARKER = "\ufffd"  # what `replace` puts for bytes that are no UTF-8
_NO_HARM = ("CharacterEncodingOverride", "NonXMLContentType")
_BEFORE_TEXT = b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"
JOURNAL = "channel_journal"  # the field of an entry that holds what the feed says of itself


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed feed: its entries as plain dicts, and what was wrong with the whole."""

    title: str
    entries: list[dict[str, Any]]
    defect: str | None


def parse(body: bytes) -> Document:
    """Parse RSS, Atom or RDF.

    Raises:
        SourceError: empty, no feed at all, or so broken that no entry could be read.
    """
    not_empty(body)
    body = _as_utf8(body)
    if _HTML.match(body):
        raise errors.SourceError(
            "an HTML page came instead of a feed - check the address (a login or error page?)"
        )
    feed = _parsed(body)
    defect = _defect(feed) if feed.bozo else None
    if not feed.entries and not feed.version:
        raise errors.SourceError(
            f"no feed: {defect or 'neither RSS nor Atom'} - check the address or the file"
        )
    if not feed.entries and defect:
        raise errors.SourceError(
            f"the feed is broken before its first entry: {defect} - try again later"
        )
    # Plain dicts: feedparser's own ones answer `updated` with `published`, and warn.
    journal = str(feed.feed.get("prism_publicationname", ""))
    entries = [{JOURNAL: journal, **entry} for entry in map(dict, feed.entries)]
    return Document(str(feed.feed.get("title", "")), entries, defect)


def is_json(body: bytes) -> bool:
    """Tell whether the answer begins as a JSON object does."""
    return body.lstrip(_BEFORE_TEXT).startswith(b"{")


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        SourceError: empty, no JSON, or another value than an object.
    """
    not_empty(body)
    try:
        answer = json.loads(json_items.decoded(body))
    except (ValueError, RecursionError) as error:
        raise errors.SourceError(
            f"the answer is no JSON, or cut off: {error} - try again later"
        ) from error
    if not isinstance(answer, dict):
        raise errors.SourceError("the answer is no JSON object - check the address")
    return answer


def not_empty(body: bytes) -> None:
    """Refuse an answer that holds nothing but space and byte-order marks.

    Raises:
        SourceError: it does.
    """
    if not body.strip(_BEFORE_TEXT):
        raise errors.SourceError("the answer is empty - try again later, or check the address")


def _parsed(body: bytes) -> Any:
    import feedparser  # slow to import, and needed by no other command

    try:
        # A stream, since bytes that happen to be a path would be opened.
        return feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # it was written for feeds, and dies of some other documents
        raise errors.SourceError(
            f"the feed cannot be parsed ({type(error).__name__}) - check the address or the file"
        ) from error


def _as_utf8(body: bytes) -> bytes:
    """Return the document in UTF-8 where its bytes show what they are; else as it came.

    Wide characters are seen by their first bytes, whatever the declaration says. A UTF-8
    document with a few broken bytes, as when it was cut off, stays UTF-8: feedparser would read
    all of it as windows-1252, and each accented name would be garbage.
    """
    for start, encoding in _WIDE:
        if body.startswith(start):
            return _DECLARATION.sub("", body.decode(encoding, "replace"), count=1).encode()
    declared = _ENCODING.search(body[:200])
    if declared and declared.group(1).lower() not in (b"utf-8", b"utf8"):
        return body
    text = body.decode("utf-8", "replace")
    broken = text.count(_MARKER)
    whole = len(text) - len(text.encode("ascii", "ignore")) - broken
    return text.encode() if 0 < broken < whole else body


def _defect(feed: Any) -> str | None:
    """Say in words what feedparser found; a wrongly declared encoding does no harm."""
    cause = feed.get("bozo_exception")
    if type(cause).__name__ in _NO_HARM:
        return None
    message = re.sub(r"^<unknown>:", "line ", one_line(str(cause)))
    return re.sub(r"line (\d+):(\d+): ", r"line \1, column \2: ", message) or "not well-formed"
