"""Hugging Face Daily Papers: `https://huggingface.co/api/daily_papers`, no key needed.

Source: https://huggingface.co/docs/hub/api. Fields come and go between years: everything but
id and title is optional, and may stand at the item or under its `paper`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from notifier import errors
from notifier.papers import identity
from notifier.papers.paper import Batch, Entry
from notifier.papers.text import one_line
from notifier.sources import cleaning
from notifier.sources.reading import Rejected, read_each
from notifier.sources.rhythm import MON_FRI, Calendar, Rhythm
from notifier.sources.source import NOTHING_ASKED, Kind, Request

API = "https://huggingface.co/api/daily_papers"
# A day's list still grows late in the day, and upvotes for some days after.
DAYS_READ_AGAIN = 3
LONGEST_LIST = 100  # the most the service gives; without `limit` a long day stops at 50
# A list begins in the small hours (UTC) of a working day and grows until the evening.
WORKING_DAYS = Calendar("UTC", MON_FRI, time(0), timedelta(hours=14))
_MOST = 1e12
_SIGNALS = {"upvotes": "upvotes", "numComments": "comments", "githubStars": "stars"}


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    """The Daily Papers of today and the days before, or answers at addresses given."""

    name: str
    urls: tuple[str, ...] = ()
    rhythm: Rhythm = WORKING_DAYS
    kind: Kind = "huggingface"
    window: timedelta | None = timedelta(days=DAYS_READ_AGAIN - 1)
    replay: timedelta | None = None

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return one address a day, the oldest first."""
        days = [(now - timedelta(days=n)).date() for n in range(DAYS_READ_AGAIN - 1, -1, -1)]
        bases = self.urls or (API,)
        return [
            Request(f"{base}{'&' if '?' in base else '?'}date={day}&limit={LONGEST_LIST}")
            for base in bases
            for day in days
        ]

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the papers of one answer, with their signals as they stand."""
        items, defect = _items(body)
        return read_each(
            items, lambda item: _read(item, now), label=_label, date=_written_date, defect=defect
        )


def _items(body: bytes) -> tuple[list[Any], str | None]:
    """Return the answer's items, and what was wrong: a cut-off answer keeps its whole items."""
    text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff \t\r\n\x00")
    if not text:
        raise errors.SourceError("the answer is empty - try again later")
    if text.startswith("<"):
        raise errors.SourceError(
            "an HTML page came instead of JSON - check the address (a login or error page?)"
        )
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        items = list(_whole_items(text))
        if not items:
            raise errors.SourceError(
                f"the answer is no JSON: {error} - try again later, or check the address"
            ) from error
        return items, f"the answer is cut off or broken after item {len(items)}: {error}"
    if isinstance(answer, dict) and isinstance(said := answer.get("error"), str):
        raise errors.SourceError(f"the service answered: {cleaning.plain(said)}")
    if not isinstance(answer, list):
        raise errors.SourceError("the answer is no list of papers - check the address")
    return answer, None


def _whole_items(text: str) -> Iterator[Any]:
    decoder, place = json.JSONDecoder(), 1
    while text.startswith("[") and place < len(text):
        try:
            item, place = decoder.raw_decode(text, _next(text, place))
        except (ValueError, RecursionError):
            return
        yield item


def _next(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n,":
        place += 1
    return place


def _parts(item: Any) -> list[Mapping[str, Any]]:
    """The paper, then the item round it: either may hold a field."""
    paper = item.get("paper") if isinstance(item, Mapping) else None
    return [part for part in (paper, item) if isinstance(part, Mapping)]


def _text(item: Any, *names: str) -> str:
    """Return the first of the named fields that holds text, else ""."""
    found = (part.get(name) for name in names for part in _parts(item))
    return next((value for value in found if isinstance(value, str) and value.strip()), "")


def _label(item: Any) -> str:
    return _text(item, "id", "title")


def _written_date(item: Any) -> str:
    return _text(item, "publishedAt")


def _read(item: Any, now: datetime) -> Entry:
    if not _parts(item):
        raise Rejected("no object")
    written = _text(item, "id")
    found = identity.parse(written)
    if not found:
        raise Rejected(f'unknown id "{one_line(str(written))[:120]}"' if written else "no paper id")
    title, source_title = cleaning.shown_and_source(_text(item, "title"))
    if not title:
        raise Rejected("no title")
    abstract, source_abstract = cleaning.shown_and_source(_text(item, "summary"))
    return Entry(
        aliases=(found[0],),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=_authors(item),
        organization=_named(item, "organization"),
        submitted_by=_named(item, "submittedBy", "submittedOnDailyBy"),
        published_at=cleaning.believable(_date(_written_date(item)), now=now),
        signals=_signals(item),
        urls=identity.urls(found[0]) | _urls(item, found[0]),
    )


def _authors(item: Any) -> tuple[str, ...]:
    listed = next((a for part in _parts(item) if isinstance(a := part.get("authors"), list)), [])
    return cleaning.people(
        [
            name
            for author in listed
            if not (isinstance(author, Mapping) and author.get("hidden"))
            and (name := _name(author))
        ]
    )


def _name(who: Any) -> str:
    """The readable name of a person or organisation."""
    names = (who.get("fullname"), who.get("name")) if isinstance(who, Mapping) else (who,)
    return next((name for name in names if isinstance(name, str) and name.strip()), "")


def _named(item: Any, *fields: str) -> str | None:
    found = (cleaning.plain(_name(part.get(f))) for f in fields for part in _parts(item))
    return next((name for name in found if name), None)


def _date(written: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return None


def _signals(item: Any) -> dict[str, float]:
    counts = {name: _count(item, key) for key, name in _SIGNALS.items()}
    return {name: count for name, count in counts.items() if count is not None}


def _count(item: Any, name: str) -> float | None:
    for part in _parts(item):
        value = part.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST:
            return float(value)
    return None


def _urls(item: Any, alias: identity.Alias) -> dict[str, str]:
    urls = {"code": _text(item, "githubRepo"), "project": _text(item, "projectPage")}
    urls["discussion"] = f"https://huggingface.co/papers/{alias.value}"
    return {name: url for name, written in urls.items() if (url := cleaning.link(written))}
