"""A paper, and what a source says about one.

Pure values. Times are aware UTC. An `Entry` is one reading of one paper by one source;
a `Paper` is what we keep after all readings, under one id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from notifier.papers.identity import Alias

# arXiv's announce types; "update" is none of them: known data of a paper came by, no announcement.
Announce = Literal["new", "cross", "replace", "replace-cross", "update"]

NO_SIGNALS: Mapping[str, float] = MappingProxyType({})
NO_URLS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Entry:
    """One paper as one source shows it, cleaned.

    `aliases` holds at least one; the first is the best id. `version` is None where the source
    does not say. `announce` is how it was shown. `signals` are counts as read now (upvotes,
    comments, stars), never negative. `withdrawn`: this version says that the paper is.
    `author_ids`: of those authors whose it is beyond doubt (see `author_id`).
    """

    aliases: tuple[Alias, ...]
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    organization: str | None = None
    journal: str | None = None
    comment: str | None = None
    submitted_by: str | None = None
    version: int | None = None
    published_at: datetime | None = None
    announce: Announce = "new"
    signals: Mapping[str, float] = field(default_factory=lambda: NO_SIGNALS)
    urls: Mapping[str, str] = field(default_factory=lambda: NO_URLS)
    source_title: str | None = None
    source_abstract: str | None = None
    withdrawn: bool = False
    author_ids: tuple[str, ...] = ()

    @property
    def is_news(self) -> bool:
        """True when the source announces the paper, as new or to the readers of one more field."""
        return self.announce in ("new", "cross")

    @property
    def is_replacement(self) -> bool:
        """True when the source shows a new version of something announced before."""
        return self.announce in ("replace", "replace-cross")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a source showed that could not be used: which entry, and why.

    `entry` is its id, else its title, else `#7` by its place; `-` for the document itself.
    """

    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one document of a source held: the good entries and, beside them, the problems.

    `following` are the addresses that continue it. `total` is how many entries there are over
    all such pages, where the source says.
    """

    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    following: tuple[str, ...] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper as it is kept.

    `id` is the canonical alias it was first known by (`arxiv:2508.13426`). `arrival` numbers
    the moments at which papers became news, growing in the order of commits; None for one that
    never was (seen only as a replacement); `revision` numbers new versions in the same row.
    `trend` is None without signals, else in [0, 1].
    `withdrawn_at`: when we learnt that its authors or the service took it back.
    """

    row: int
    id: str
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    first_seen_at: datetime
    version: int | None = None
    aliases: tuple[str, ...] = ()
    organization: str | None = None
    journal: str | None = None
    comment: str | None = None
    submitted_by: str | None = None
    published_at: datetime | None = None
    arrival: int | None = None
    revision: int | None = None
    announce: Announce = "new"
    sources: tuple[str, ...] = ()
    signals: Mapping[str, float] = field(default_factory=lambda: NO_SIGNALS)
    urls: Mapping[str, str] = field(default_factory=lambda: NO_URLS)
    trend: float | None = None
    withdrawn_at: datetime | None = None
    author_ids: tuple[str, ...] = ()
