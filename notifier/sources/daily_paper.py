"""One item of Hugging Face's Daily Papers to an entry.

Pure. Fields come and go between years: everything but id and title is optional, and may stand at
the item or under its `paper`. What language models wrote (`ai_summary`, `ai_keywords`) is left
out: a mail quotes the authors, and a keyword is no field of arXiv for `cat:` rules to ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notifier.papers import identity
from notifier.papers.paper import Entry
from notifier.papers.text import one_line
from notifier.sources import cleaning
from notifier.sources.reading import Rejected

_MOST = 1e12
_SIGNALS = {"upvotes": "upvotes", "numComments": "comments", "githubStars": "stars"}
_SHOWN_LENGTH = 120


def read(item: Any, *, now: datetime) -> Entry:
    """Return the paper of one item.

    Raises:
        Rejected: no object, no title, or no id of a paper.
    """
    if not _parts(item):
        raise Rejected("no object")
    alias = _alias(item)
    title, source_title = cleaning.shown_and_source(_text(item, "title"))
    if not title:
        raise Rejected("no title")
    abstract, source_abstract = cleaning.shown_and_source(_text(item, "summary", "abstract"))
    return Entry(
        aliases=(alias,),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=_authors(item),
        organization=_named(item, "organization"),
        submitted_by=_named(item, "submittedBy", "submittedOnDailyBy"),
        published_at=cleaning.believable(_date(written_date(item)), now=now),
        signals=_signals(item),
        urls=identity.urls(alias) | _urls(item, alias),
        withdrawn=_is_withdrawn(item),
    )


def label(item: Any) -> str:
    """Return what the item calls itself, or ""."""
    return _text(item, "id", "title")


def written_date(item: Any) -> str:
    """Return the paper's own date as written, or ""."""
    return _text(item, "publishedAt")


def shown_at(item: Any, *, now: datetime) -> datetime | None:
    """Return when the paper came to Daily Papers, else when it was published; None: unknown."""
    written = (_text(item, "submittedOnDailyAt"), written_date(item))
    dates = (cleaning.believable(_date(text), now=now) for text in written)
    return next((date for date in dates if date), None)


def _parts(item: Any) -> list[Mapping[str, Any]]:
    """The paper, then the item round it: either may hold a field."""
    paper = item.get("paper") if isinstance(item, Mapping) else None
    return [part for part in (paper, item) if isinstance(part, Mapping)]


def _text(item: Any, *names: str) -> str:
    """Return the first of the named fields that holds text, else ""."""
    found = (part.get(name) for name in names for part in _parts(item))
    return next((value for value in found if isinstance(value, str) and value.strip()), "")


def _alias(item: Any) -> identity.Alias:
    written = _text(item, "id")
    found = identity.parse(written)
    if not found:
        shown = one_line(written)[:_SHOWN_LENGTH]
        raise Rejected(f'unknown id "{shown}"' if written else "no paper id")
    return found[0]


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


def _is_withdrawn(item: Any) -> bool:
    """True when the service says since when; a date that cannot be read is still a withdrawal."""
    return any(part.get("withdrawnAt") for part in _parts(item))


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
