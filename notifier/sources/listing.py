"""Saved Daily Papers listing pages: JSON files, or the page copied as plain text.

A listing bears no ids and no names of authors. The same title is the same paper; an arXiv id or
address that does stand beside it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier import errors
from notifier.papers import identity
from notifier.papers.paper import Batch, Entry
from notifier.papers.text import fold, one_line
from notifier.sources import cleaning, json_items, listing_date, listing_text
from notifier.sources.listing_text import TITLE_LENGTH, Listed
from notifier.sources.reading import Rejected, read_each
from notifier.sources.rhythm import Rhythm, Silence
from notifier.sources.source import NOTHING_ASKED, Kind, Request

NEVER_LATE = Silence(timedelta(days=365))  # a person brings the pages
_LEFT_OVER_SHOWN = 80
_MOST = 10**12
_NO_NAMES = ("title", "abstract", "summary", "organization", "date", "comments")
_SMALL_WORDS = ("of", "and", "for", "the", "in")
_LETTERS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class ListingSource:
    """Listing pages that a person has saved; nothing is ever asked."""

    name: str
    rhythm: Rhythm = NEVER_LATE
    kind: Kind = "listing"
    window: timedelta | None = None
    replay: timedelta | None = None

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return nothing."""
        return []

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the papers of a saved page, in its order."""
        text = decoded(body)
        defect: str | None
        if json_items.is_json(text):
            items, defect = json_items.read(body)
        else:
            items, defect = _copied(text)
        return read_each(
            items, lambda item: _read(item, now), label=_label, date=_written_date, defect=defect
        )


def decoded(body: bytes) -> str:
    """Return the text of a saved page: Unicode with or without its mark, or Windows' own letters.

    Broken bytes in a UTF-8 text are marked; one that has more of them than good ones is no UTF-8.
    """
    text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff")
    broken = text.count("\ufffd")
    good = len(text) - len(text.encode("ascii", "ignore")) - broken
    if broken > good:
        text = body.decode("windows-1252", "replace")
    return text.strip("\x00 \t\r\n")


def _copied(text: str) -> tuple[list[Any], str | None]:
    if not text:
        raise errors.SourceError("the file is empty")
    if text.startswith("<"):
        raise errors.SourceError(
            "a listing is read from JSON or plain text, this is HTML or XML - open the page in a "
            "browser and copy its text"
        )
    papers, left_over = listing_text.papers(text)
    if not papers:
        raise errors.SourceError(
            'no papers: a title, an abstract and a line such as "• 7 authors · Jan 9, 2026" make '
            "one - copy the page with its line breaks, or give another --kind"
        )
    shown = left_over[:_LEFT_OVER_SHOWN]
    return list(papers), f'text after the last paper left out: "{shown}"' if shown else None


def _label(item: Any) -> str:
    return _listed(item).title


def _written_date(item: Any) -> str:
    return _listed(item).date


def _listed(item: Any) -> Listed:
    """Return an item of a file as the page shows it; without a title where it is no paper."""
    if isinstance(item, Listed):
        return item
    if not isinstance(item, Mapping):
        return Listed("")
    comments = item.get("comments")
    title, names = listing_text.titled(_text(item, "title"))
    known = isinstance(comments, int) and not isinstance(comments, bool) and 0 <= comments < _MOST
    return Listed(
        title=title,
        abstract=_text(item, "abstract", "summary"),
        organization=_text(item, "organization"),
        date=one_line(_text(item, "date")),
        comments=comments if known else None,
        names=(*names, *(v for k, v in item.items() if k not in _NO_NAMES and _is_name(v))),
    )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and identity.parse(value) is not None


def _text(item: Mapping[str, Any], *names: str) -> str:
    found = (item.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value.strip()), "")


def _read(item: Any, now: datetime) -> Entry:
    if not isinstance(item, Listed | Mapping):
        raise Rejected("no object")
    listed = _listed(item)
    title, source_title = cleaning.shown_and_source(listed.title)
    if not title:
        raise Rejected("no title")
    if not listed.abstract and len(title) > TITLE_LENGTH:
        raise Rejected(
            "title and abstract stand on one line - put a line break between them, or save the "
            "page as JSON"
        )
    abstract, source_abstract = cleaning.shown_and_source(listed.abstract)
    aliases = _aliases(title, listed.names)
    day, glued = listing_date.read(listed.date, now=now)
    comments = glued if listed.comments is None else listed.comments
    return Entry(
        aliases=aliases,
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        organization=organization(listed.organization),
        published_at=cleaning.believable(day, now=now),
        signals={} if comments is None else {"comments": float(comments)},
        urls=identity.urls(aliases[0]),
    )


def _aliases(title: str, names: tuple[str, ...]) -> tuple[identity.Alias, ...]:
    """Return the arXiv id where one stands beside the title, and the title as its own name."""
    found = [parsed[0] for name in names if (parsed := identity.parse(name))]
    known = [alias for alias in found if alias.scheme == "arxiv"] or found
    letters = "".join(fold(word) for word in _LETTERS.findall(title))
    key = identity.title_key(title) or letters or title  # no key tells short titles apart
    return (*known[:1], identity.guid("listing", key))


def organization(written: str) -> str | None:
    """Return the name of an organisation without the handle before it.

    `qualcomm Qualcomm` is Qualcomm. A handle is a first word that is like the rest (its letters,
    its initials, a part of it), or has no capital letter where the name has one.
    """
    name = cleaning.plain(written)
    handle, _, rest = name.partition(" ")
    return (rest if rest and _is_handle(handle, rest) else name) or None


def _is_handle(word: str, name: str) -> bool:
    short, long = (re.sub(r"[\W_]", "", fold(text)) for text in (word, name))
    words = [fold(w) for w in name.split() if fold(w) not in _SMALL_WORDS]
    if short and (short in long or (long and long in short)):
        return True
    if short == "".join(w[:1] for w in words):
        return True
    return word == word.lower() and "." not in word and name[:1].isupper()
