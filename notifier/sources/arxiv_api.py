"""arXiv's query API: what to ask of it, and where an answer goes on.

Source: https://info.arxiv.org/help/api/user-manual.html, sections 3.1.1 (parameters, paging and
its limits), 3.4 (errors) and 5.1 (search fields). Its answers are Atom, read as the feeds are.
Its `submittedDate` is that of the first version: replacements do not come by this route.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from notifier import errors
from notifier.papers.paper import Batch, Problem
from notifier.sources import cleaning, feed
from notifier.sources.arxiv_paper import MODERATION
from notifier.sources.document import Document
from notifier.sources.source import Request

API = "https://export.arxiv.org/api/query"
# The manual asks for slices of this size rather than the 2,000 that it allows; arXiv needs about
# four seconds for one, and a week of a large category is one to three.
PAGE = 1_000
MOST = 30_000  # reached by no page of one query
IDS_PER_REQUEST = 100
_DIVIDED = (  # archives whose papers are all in categories of theirs
    *("astro-ph", "cond-mat", "cs", "econ", "eess", "math", "nlin", "physics", "q-bio", "q-fin"),
    "stat",
)
_FIGURE = re.compile(rb"<(?:[\w.-]+:)?(totalResults|startIndex)\b[^>]*>\s*(\d{1,9})\s*<")


def history(base: str, category: str, *, since: datetime, now: datetime) -> Request:
    """Ask for what was submitted to a category; from earlier on, for what moderation held."""
    name = f"{category}.*" if category in _DIVIDED else category
    first, last = (since - MODERATION).astimezone(UTC), now.astimezone(UTC)
    span = f"[{first:%Y%m%d%H%M} TO {last:%Y%m%d}2359]"
    asked: dict[str, str | int] = {
        "search_query": f"cat:{name} AND submittedDate:{span}",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",  # what is submitted meanwhile comes behind, and moves no page
        "start": 0,
        "max_results": PAGE,
    }
    return Request(_url(base, asked), (category,), since=since)


def by_ids(base: str, ids: Sequence[str]) -> list[Request]:
    """Ask for single papers, each once."""
    once = list(dict.fromkeys(ids))
    groups = [once[i : i + IDS_PER_REQUEST] for i in range(0, len(once), IDS_PER_REQUEST)]
    return [
        Request(
            _url(base, {"id_list": ",".join(group), "max_results": IDS_PER_REQUEST}),
            announces=False,
        )
        for group in groups
    ]


def _url(base: str, asked: dict[str, str | int]) -> str:
    return f"{base}?{urlencode(asked, safe=':,/*')}"


def failed_request(parsed: Document) -> None:
    """Refuse an answer that holds nothing but error entries.

    Raises:
        SourceError: with arXiv's own words.
    """
    said = [error(raw) for raw in parsed.entries]
    if said and all(said):
        raise errors.SourceError(f"{said[0]} - check the address")


def error(raw: feed.Raw) -> str | None:
    """Return what arXiv's API has to say, if this entry is no paper but an error."""
    if "/api/errors" not in str(raw.get("id") or ""):
        return None
    return f"arXiv's API answered: {cleaning.plain(str(raw.get('summary') or 'an error'))}"


def continued(batch: Batch, body: bytes, parsed: Document, *, asked: Request) -> Batch:
    """Return the batch with its total and the page that follows.

    Only a history is read to its end: an address that somebody configured says itself how many
    papers it wants, and the total of single ids counts those that do not exist.
    """
    figures = _figures(body)
    total = figures.get(b"totalResults")
    if asked.since is None or total is None:
        return batch
    start = _start(asked.url)
    received = len(parsed.entries) - bool(parsed.defect and parsed.entries)  # the last may be half
    after = min(figures.get(b"startIndex", start), start) + received
    batch = replace(batch, total=total)
    if after >= total:
        return batch
    if problem := _standstill(start, after, total):
        return replace(batch, problems=(*batch.problems, Problem("-", problem)))
    return replace(batch, following=(_page(asked.url, after),))


def _figures(body: bytes) -> dict[bytes, int]:
    head = body.partition(b"<entry")[0]
    return {name: int(number) for name, number in _FIGURE.findall(head)}


def _standstill(start: int, after: int, total: int) -> str | None:
    """Say why there is no next page although papers are missing."""
    if after <= start:
        return f"no papers at {start:,} of {total:,}: the rest is missing - ask again later"
    if after >= MOST:
        return (
            f"arXiv's API gives {MOST:,} of {total:,} papers and no more - "
            "ask again for a shorter time"
        )
    return None


def _start(url: str) -> int:
    written = dict(parse_qsl(urlsplit(url).query)).get("start", "")
    return int(written) if re.fullmatch(r"[0-9]{1,9}", written) else 0


def _page(url: str, start: int) -> str:
    """Return the address with another `start`, and no slice that reaches past the last page."""
    base, _, query = url.partition("?")
    asked: dict[str, str | int] = dict(parse_qsl(query, keep_blank_values=True))
    return _url(base, asked | {"start": start, "max_results": min(PAGE, MOST - start)})
