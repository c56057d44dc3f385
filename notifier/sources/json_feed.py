"""JSON Feed 1.0 and 1.1: its items, named as feedparser names an entry's fields.

Source: https://www.jsonfeed.org/version/1.1/. Only `id` is required there; items of old and sloppy
feeds lack even that, so every field is optional and may be of any type.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from notifier import errors
from notifier.papers.text import one_line
from notifier.sources import document, json_items

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/", re.I)
_ITEMS = re.compile(r'"items"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


def parse(body: bytes) -> document.Document:
    """Parse a JSON Feed; of one that was cut off, the items before the cut.

    Raises:
        SourceError: empty, no JSON, or JSON that is no JSON Feed.
    """
    document.not_empty(body)
    text = json_items.decoded(body)
    defect = None
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as error:
        items = list(_whole_items(text))
        feed, defect = {"version": text[:300], "items": items}, one_line(str(error))
        if not items:
            raise errors.SourceError(
                f"no feed: the JSON is broken: {defect} - try again later, or check the address"
            ) from error
    if not isinstance(feed, dict) or not _VERSION.search(_text(feed, "version")):
        raise errors.SourceError("no feed: JSON, but no JSON Feed - check the address or the file")
    entries = [_entry(item) for item in _list(feed, "items")]
    return document.Document(_text(feed, "title"), entries, defect)


def _whole_items(text: str) -> Iterator[Any]:
    begun = _ITEMS.search(text)
    place = begun.end() if begun else len(text)
    while place < len(text):
        between = _BETWEEN.match(text, place)
        try:
            item, place = json.JSONDecoder().raw_decode(text, between.end() if between else place)
        except (ValueError, RecursionError):
            return
        yield item


def _entry(item: Any) -> dict[str, Any]:
    """Return an item as feedparser would; an item that is no object has no title, and says so."""
    if not isinstance(item, dict):
        return {}
    contents = (_text(item, "content_html"), html.escape(_text(item, "content_text")))
    entry: dict[str, Any] = {
        "id": _text(item, "id"),
        "link": _text(item, "url") or _text(item, "external_url"),
        "title": _text(item, "title"),
        "summary": _text(item, "summary"),
        "content": [{"value": content} for content in contents if content],
        "authors": _authors(item),
        "tags": [{"term": tag} for tag in _list(item, "tags") if isinstance(tag, str)],
    }
    for name, written in (("published", "date_published"), ("updated", "date_modified")):
        entry[name] = _text(item, written)
        entry[f"{name}_parsed"] = _parsed(entry[name])
    return entry


def _authors(item: dict[str, Any]) -> list[dict[str, str]]:
    listed = [*_list(item, "authors"), item.get("author")]  # 1.0 has a single one
    names = [_text(author, "name") for author in listed if isinstance(author, dict)]
    return [{"name": name} for name in dict.fromkeys(names) if name]


def _text(values: dict[str, Any], name: str) -> str:
    """Return a field's text; a number, as some feeds write their ids, too."""
    value = values.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _list(values: dict[str, Any], name: str) -> list[Any]:
    value = values.get(name)
    return value if isinstance(value, list) else []


def _parsed(written: str) -> Any:
    """Return an RFC 3339 date as feedparser does: a time tuple of UTC."""
    try:
        when = datetime.fromisoformat(written.strip())
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).utctimetuple()
    except (ValueError, OverflowError):
        return None
