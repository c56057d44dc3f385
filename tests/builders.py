"""Papers, entries, matches and feeds for tests, showing only what matters there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.hits import Match, match
from notifier.profiles.parser import parse

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_paper(title: str = "A title", abstract: str = "", **values: Any) -> Paper:
    """Return a paper, first seen at noon of 2026-11-20."""
    row = values.pop("row", 1)
    fixed = {"id": f"arxiv:2611.{row:05d}", "authors": (), "categories": (), "first_seen_at": NOON}
    return Paper(row=row, title=title, abstract=abstract, **(fixed | values))


def an_entry(number: int = 1, title: str = "A title", **values: Any) -> Entry:
    """Return what a source read; the id is `arxiv:2611.0000N` unless `aliases` are given."""
    aliases = values.pop("aliases", (Alias("arxiv", f"2611.{number:05d}"),))
    return Entry(aliases=aliases, title=title, **values)


def a_match(rules: str, paper: Paper) -> Match | None:
    """Return the match of a profile's text with a paper."""
    return match(parse(rules), IndexedPaper(paper))


def atom(entries: Iterable[Mapping[str, Any]], *, day: str = "2026-11-20") -> bytes:
    """Return an arXiv Atom feed; entries have id, title, abstract, authors, categories, type."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2005/Atom">'
        "<id>http://rss.arxiv.org/atom/cs</id><title>cs updates on arXiv.org</title>"
        f"<updated>{day}T05:00:10+00:00</updated>"
        + "".join(_atom_entry(entry, day) for entry in entries)
        + "</feed>"
    ).encode()


def _atom_entry(entry: Mapping[str, Any], day: str) -> str:
    number, kind = entry["id"], entry.get("type", "new")
    version = entry.get("version", 1)
    categories = "".join(f'<category term="{c}"/>' for c in entry.get("categories", ("cs.LG",)))
    return (
        f"<entry><id>oai:arXiv.org:{number}v{version}</id><title>{escape(entry['title'])}</title>"
        f"<updated>{day}T05:00:09+00:00</updated>"
        f'<link href="https://arxiv.org/abs/{number}" rel="alternate" type="text/html"/>'
        f"<summary>arXiv:{number}v{version} Announce Type: {kind} \nAbstract: "
        f"{escape(entry.get('abstract', ''))}</summary>{categories}"
        f"<published>{day}T00:00:00-05:00</published>"
        f"<arxiv:announce_type>{kind}</arxiv:announce_type>"
        f"<dc:creator>{escape(', '.join(entry.get('authors', ('Ada Lovelace',))))}</dc:creator>"
        "</entry>"
    )


def daily_papers(items: Iterable[Mapping[str, Any]]) -> bytes:
    """Return a Hugging Face answer; items have id, title, and what else stands under `paper`."""
    return json.dumps(
        [{"paper": dict(item), "title": item.get("title", ""), "numComments": 0} for item in items]
    ).encode()
