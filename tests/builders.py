"""Papers, entries, matches and feeds for tests, showing only what matters there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from notifier.papers.identity import Alias
from notifier.papers.paper import Entry, Paper
from notifier.profiles.hits import Match, is_trending, match
from notifier.profiles.indexed import IndexedPaper
from notifier.profiles.matching.compiled import Compiled
from notifier.profiles.matching.concordance import concordance
from notifier.profiles.matching.joining import decide
from notifier.profiles.matching.leaves import Batch
from notifier.profiles.parser import parse
from notifier.ranking.best import Selection, best
from notifier.ranking.order import Fit, OrderSettings, Ranked, rank
from notifier.ranking.relevance import Bm25f, WordStatistics

NO_STATISTICS = WordStatistics(0, {})
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


def a_batch(papers: Sequence[Paper]) -> Batch:
    """Return papers ready to be matched, each with the trend it has."""
    trends = np.array([np.nan if p.trend is None else p.trend for p in papers], np.float64)
    trending = np.array([is_trending(paper) for paper in papers], bool)
    return Batch(concordance(papers), trends, trending, np.ones(len(papers), bool))


def relevances(
    rules: str, papers: Sequence[Paper], statistics: WordStatistics = NO_STATISTICS
) -> dict[int, float]:
    """Return how well papers fit a profile, by row; those that do not match are left out."""
    profile = Compiled()
    profile.put(1, rules)
    runs = decide(profile.clauses, a_batch(papers), rarities=statistics.rarities, strengths=Bm25f())
    ranks = np.arange(len(papers), dtype=np.int32)
    selection = Selection(max(len(papers), 1), np.ones(len(papers)), ranks)
    out: dict[int, float] = {}
    for block in best(profile, runs, selection):
        for paper, fits in zip(block.papers.tolist(), block.relevances.tolist(), strict=True):
            out[papers[paper].row] = fits
    return out


def ranked(
    rules: str,
    papers: Sequence[Paper],
    statistics: WordStatistics = NO_STATISTICS,
    settings: OrderSettings = OrderSettings(),  # noqa: B008  # frozen
) -> list[Ranked]:
    """Return the papers that a profile wants, best first, as of `NOON`."""
    found = relevances(rules, papers, statistics)
    fits = [Fit.of(paper, found[paper.row]) for paper in papers if paper.row in found]
    return rank(fits, now=NOON, settings=settings)


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
