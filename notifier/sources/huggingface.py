"""Hugging Face Daily Papers: `https://huggingface.co/api/daily_papers`, no key needed.

Source: https://huggingface.co/docs/hub/api. Fields come and go between years: everything but
id and title is optional, and may stand at the item or under its `paper`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier import errors
from notifier.papers import identity
from notifier.papers.paper import Batch, Entry, Problem
from notifier.papers.text import one_line
from notifier.sources import cleaning
from notifier.sources.feed import Rejected
from notifier.sources.source import Kind

API = "https://huggingface.co/api/daily_papers"
# A day's list still grows late in the day, and upvotes for some days after.
DAYS_READ_AGAIN = 3
_SIGNALS = {"upvotes": "upvotes", "numComments": "comments", "githubStars": "stars"}


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    """The Daily Papers of today and the days before, or answers at addresses given."""

    name: str
    urls: tuple[str, ...] = ()
    kind: Kind = "huggingface"

    def addresses(self, *, now: datetime) -> list[str]:
        """Return one address a day, the oldest first."""
        days = [(now - timedelta(days=n)).date() for n in range(DAYS_READ_AGAIN - 1, -1, -1)]
        bases = self.urls or (API,)
        return [f"{base}?date={day}" for base in bases for day in days]

    def read(self, body: bytes, *, now: datetime) -> Batch:
        """Return the papers of one answer, with their signals as they stand."""
        items, defect = _items(body)
        entries: list[Entry] = []
        problems = [Problem("-", defect)] if defect else []
        for place, item in enumerate(items, 1):
            try:
                entries.append(_read(item, now))
            except Rejected as error:
                problems.append(Problem(_label(item, place), str(error)))
        return Batch(tuple(entries), tuple(problems))


def _items(body: bytes) -> tuple[list[Any], str | None]:
    """Return the answer's items, and what was wrong: a cut-off answer keeps its whole items."""
    if not body.strip():
        raise errors.SourceError("the answer is empty - try again later")
    text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        raise errors.SourceError(
            "an HTML page came instead of JSON - check the address (a login or error page?)"
        )
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        items = list(_whole_items(text))
        if not items:
            raise errors.SourceError(f"the answer is no JSON: {error}") from error
        return items, f"the answer is cut off or broken after item {len(items)}: {error}"
    if isinstance(answer, dict) and "error" in answer:
        raise errors.SourceError(f"the service answered: {cleaning.plain(str(answer['error']))}")
    if not isinstance(answer, list):
        raise errors.SourceError("the answer is no list of papers")
    return answer, None


def _whole_items(text: str) -> Iterator[Any]:
    decoder, place = json.JSONDecoder(), text.find("[") + 1
    while 0 < place < len(text):
        try:
            item, place = decoder.raw_decode(text, place + _blank(text, place))
        except (ValueError, RecursionError):
            return
        yield item


def _blank(text: str, place: int) -> int:
    """How many spaces and commas follow."""
    return len(text[place:]) - len(text[place:].lstrip(" \t\r\n,"))


def _label(item: Any, place: int) -> str:
    paper = item.get("paper") if isinstance(item, Mapping) else None
    for part in (paper, item):
        if isinstance(part, Mapping) and (name := part.get("id") or part.get("title")):
            return one_line(str(name))[:120]
    return f"#{place}"


def _read(item: Any, now: datetime) -> Entry:
    if not isinstance(item, Mapping):
        raise Rejected("no object")
    inner = item.get("paper")
    paper: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    both = {**item, **{name: value for name, value in paper.items() if value is not None}}
    found = identity.parse(str(paper.get("id") or item.get("id") or ""))
    if not found:
        raise Rejected("no paper id" if not both.get("id") else f'unknown id "{both["id"]}"')
    title, source_title = cleaning.shown_and_source(_text(both, "title"))
    if not any(char.isalnum() for char in title):
        raise Rejected("no title")
    abstract, source_abstract = cleaning.shown_and_source(_text(both, "summary"))
    return Entry(
        aliases=(found[0],),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=_authors(both.get("authors")),
        organization=_named(both.get("organization")),
        submitted_by=_named(item.get("submittedBy")) or _named(paper.get("submittedOnDailyBy")),
        published_at=cleaning.believable(_date(paper.get("publishedAt")), now=now),
        signals=_signals(both),
        urls=identity.urls(found[0]) | _urls(both, found[0]),
    )


def _text(both: Mapping[str, Any], name: str) -> str:
    value = both.get(name)
    return value if isinstance(value, str) else ""


def _authors(listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list):
        return ()
    names = [
        str(author.get("name") or "") if isinstance(author, Mapping) else str(author)
        for author in listed
        if not (isinstance(author, Mapping) and author.get("hidden"))
    ]
    return cleaning.people([name for name in names if name])


def _named(who: Any) -> str | None:
    """The readable name of a person or organisation."""
    if isinstance(who, Mapping):
        who = who.get("fullname") or who.get("name")
    return cleaning.plain(who) or None if isinstance(who, str) else None


def _date(written: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(written))
    except ValueError:
        return None


def _signals(both: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for key, name in _SIGNALS.items()
        if isinstance(value := both.get(key), int | float) and 0 <= value < 1e12
    }


def _urls(both: Mapping[str, Any], alias: identity.Alias) -> dict[str, str]:
    urls = {"code": both.get("githubRepo"), "project": both.get("projectPage")}
    urls["discussion"] = f"https://huggingface.co/papers/{alias.value}"
    return {
        name: url
        for name, url in urls.items()
        if isinstance(url, str) and url.startswith(("http://", "https://"))
    }
