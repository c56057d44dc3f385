"""arXiv by several routes: its feeds of announcements, its OAI-PMH service and its query API.

The feeds hold one day; whatever they lost is made up for through OAI-PMH, or through the query
API where that fails. An answer is known by itself, so each of them can be read from a file, too.

Sources: https://info.arxiv.org/help/rss_specifications.html and atom_specifications.html,
https://info.arxiv.org/help/api/user-manual.html. Ids are kept without version, the version
beside them; the description's head (`arXiv:... Announce Type: ... Abstract:`) is taken off;
authors come as one comma-joined string.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import cast, get_args

from notifier import errors
from notifier.papers import identity
from notifier.papers.paper import Announce, Batch, Entry
from notifier.papers.text import one_line
from notifier.sources import (
    arxiv_api,
    arxiv_json,
    arxiv_oai,
    arxiv_paper,
    cleaning,
    document,
    feed,
    json_items,
)
from notifier.sources.reading import Rejected
from notifier.sources.rhythm import Calendar, Rhythm
from notifier.sources.source import NOTHING_ASKED, Kind, Request

FEEDS = "https://rss.arxiv.org/atom/"
# A feed ends at 2,000 entries and drops the newest beyond: few categories to a request.
CATEGORIES_PER_REQUEST = 4
REPLAY = timedelta(days=7)
# Without an announcement, by https://info.arxiv.org/help/availability.html as of 2026-05-13.
_HOLIDAYS_2026 = (
    *(date(2026, 1, 1), date(2026, 1, 19), date(2026, 6, 19), date(2026, 7, 3), date(2026, 9, 7)),
    *(date(2026, 11, 26), date(2026, 12, 25), date(2026, 12, 29), date(2026, 12, 31)),
)
_MONDAY, _THURSDAY, _FRIDAY = 0, 3, 4


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def usual_holidays(year: int) -> tuple[date, ...]:
    """Return the holidays that arXiv's lists have had in common, for a year without a list.

    A feast on a Saturday is kept on Friday, one on a Sunday on Monday (5 U.S.C. 6103).
    """
    fixed = (date(year, month, day) for month, day in ((1, 1), (6, 19), (7, 4), (12, 25)))
    kept = (day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0)) for day in fixed)
    moving = ((1, _MONDAY, 3), (9, _MONDAY, 1), (11, _THURSDAY, 4))
    return (*kept, *(_nth(year, month, weekday, n) for month, weekday, n in moving))


HOLIDAYS = (
    *_HOLIDAYS_2026,
    *(day for year in range(2027, 2047) for day in usual_holidays(year)),
)


def announcements(holidays: Iterable[date] = HOLIDAYS) -> Calendar:
    """Return arXiv's calendar: Sunday to Thursday at 20:00, Eastern time, but for holidays.

    The feeds are made anew at midnight. What is submitted on a Friday is announced on Sunday; a
    holiday on a Friday may move that, so the Sunday after it is not counted on either.
    """
    days = set(holidays)
    days |= {day + timedelta(days=2) for day in days if day.weekday() == _FRIDAY}
    return Calendar(
        arxiv_paper.EASTERN.key, (6, 0, 1, 2, 3), time(20), timedelta(hours=4.5), 0.5,
        frozenset(days),
    )  # fmt: skip


ANNOUNCEMENTS = announcements()
_HEAD = re.compile(
    r"(?:\s|<p>)*arXiv:\S+\s+Announce Type:\s*(?P<type>[a-z-]+)\s*(?:Abstract:\s*)?", re.I
)
# The feeds of old: "A title. (arXiv:1805.08875v1 [hep-ex] UPDATED)"
_OLD_TITLE = re.compile(
    r"\.? ?\((?P<id>arXiv:\S+) \[(?P<category>[\w.-]+)\](?: (?P<shown>UPDATED|CROSS LISTED))?\)$"
)
_OLD_ANNOUNCE: dict[str, Announce] = {"UPDATED": "replace", "CROSS LISTED": "cross"}


def canonical(category: str) -> str:
    """Return a category as arXiv writes it: `cs.LG`, `cond-mat.str-el`, `hep-th`."""
    archive, dot, subject = category.partition(".")
    archive = archive.lower()
    lower = archive in ("cond-mat", "physics")
    return archive + dot + (subject.lower() if lower else subject.upper())


@dataclass(frozen=True, slots=True)
class ArxivSource:
    """The announcements of some categories, or feeds at addresses given.

    With `urls` nothing else is asked: there is no other route, and papers are looked up only at
    an `api_url` of one's own. The bases `feeds_url`, `oai_url` and `api_url` are for mirrors.
    """

    name: str
    categories: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    rhythm: Rhythm = ANNOUNCEMENTS
    kind: Kind = "arxiv"
    window: timedelta | None = None
    replay: timedelta | None = REPLAY
    feeds_url: str = FEEDS
    oai_url: str = arxiv_oai.OAI
    api_url: str = arxiv_api.API
    scheme: str = "arxiv"

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", tuple(map(canonical, self.categories)))
        if self.urls or not self.categories:
            object.__setattr__(self, "replay", None)

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return one Atom feed for every few categories; with `since` one list of changes each."""
        if self.urls:
            return [Request(url) for url in self.urls]
        named = tuple(dict.fromkeys(self.categories))
        if since is not None:
            return [self._history(category, since=since, now=now) for category in named]
        size = CATEGORIES_PER_REQUEST
        return [self._feed(named[i : i + size]) for i in range(0, len(named), size)]

    def _feed(self, group: tuple[str, ...]) -> Request:
        """One bad name costs the whole feed; its halves find the bad one."""
        half = (len(group) + 1) // 2
        halves = (group[:half], group[half:]) if len(group) > 1 else ()
        instead = tuple(self._feed(part) for part in halves)
        return Request(self.feeds_url + "+".join(group), group, instead=instead)

    def _history(self, category: str, *, since: datetime, now: datetime) -> Request:
        """The set of the category, else that of its archive, else the query API.

        The archive's list is asked once, whichever category comes to need it: so it speaks for
        all categories of the archive, and so does what stands in for it.
        """
        archive = arxiv_oai.archive_of(category)
        parts: tuple[str, ...] = (category,)
        if category != archive:
            parts = tuple(c for c in self.categories if arxiv_oai.archive_of(c) == archive)
        instead = tuple(
            arxiv_api.history(self.api_url, part, since=since, now=now)
            for part in dict.fromkeys(parts)
        )
        whole = arxiv_oai.changes(self.oai_url, archive, parts=parts, since=since, instead=instead)
        if category == archive:
            return whole
        return arxiv_oai.changes(
            self.oai_url, category, parts=(category,), since=since, instead=(whole,)
        )

    def lookup(self, ids: Sequence[str]) -> list[Request]:
        """Return what to ask about these papers, ids as in `identity.Alias`."""
        if self.urls and self.api_url == arxiv_api.API:
            return []
        return arxiv_api.by_ids(self.api_url, ids)

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the papers of a feed, of OAI-PMH, of the query API, or of saved JSON."""
        if arxiv_oai.is_answer(body):
            return arxiv_oai.read(body, now=now, asked=asked)
        if json_items.is_json(json_items.decoded(body)):
            return arxiv_json.read(body, now=now, asked=asked)
        parsed = document.parse(body)
        try:
            feed.failed_query(parsed)
        except errors.SourceError as error:  # a name that arXiv does not know
            raise errors.SourceError(str(error), refused=True) from error
        arxiv_api.failed_request(parsed)
        batch = feed.read_entries(parsed, lambda raw: _read(raw, now, asked))
        return arxiv_api.continued(batch, body, parsed, asked=asked)


def _read(raw: feed.Raw, now: datetime, asked: Request) -> Entry:
    if error := arxiv_api.error(raw):
        raise Rejected(error)
    alias, version = _named(raw)
    whole_title = one_line(str(raw.get("title") or ""))
    old = _OLD_TITLE.search(whole_title)
    if old and version is None and (inside := identity.parse(old.group("id"))):
        version = inside[1]
    title, source_title = feed.required_title(whole_title[: old.start()] if old else whole_title)
    announce, markup = _announced(raw, old)
    abstract, source_abstract = cleaning.shown_and_source(markup)
    comment = feed.field(raw, "arxiv_comment")
    published_at = cleaning.believable(feed.entry_date(raw), now=now)
    if (asked.since is not None and announce is None) or not asked.announces:
        changed = feed.entry_date({"updated_parsed": raw.get("updated_parsed")})
        announce = arxiv_paper.announced(
            alias, version, first=published_at, newest=changed, asked=asked
        )
    elif announce is None and asked.url:
        announce = arxiv_paper.found(version, first=published_at, now=now)
    return Entry(
        aliases=(alias, *arxiv_paper.dois(str(raw.get("arxiv_doi") or ""))),
        title=title,
        source_title=source_title,
        abstract=abstract,
        source_abstract=source_abstract,
        authors=cleaning.people(feed.author_names(raw), always_split=True),
        categories=_categories(raw, old),
        # The API and the feeds name it differently.
        journal=feed.field(raw, "arxiv_journal_ref", "arxiv_journal_reference"),
        comment=comment,
        version=version,
        published_at=published_at,
        announce=announce or "new",
        urls=identity.urls(alias, version),
        withdrawn=arxiv_paper.is_withdrawn(comment, abstract),
    )


def _named(raw: feed.Raw) -> tuple[identity.Alias, int | None]:
    for name in ("id", "link"):
        found = identity.parse(str(raw.get(name) or ""))
        if found and found[0].scheme == "arxiv":
            return found
    raise Rejected("no arXiv id")


def _announced(raw: feed.Raw, old_title: re.Match[str] | None) -> tuple[Announce | None, str]:
    """Return (announce type if it is told, abstract without the head that arXiv puts before it)."""
    summary = str(raw.get("summary") or "")
    head = _HEAD.match(summary)
    written = str(raw.get("arxiv_announce_type") or (head.group("type") if head else "")).lower()
    shown = (old_title.group("shown") or "").upper() if old_title else ""
    announce = _OLD_ANNOUNCE.get(shown, "new") if old_title or written else None
    if written in get_args(Announce):
        announce = cast(Announce, written)
    return announce, summary[head.end() :] if head else summary


def _categories(raw: feed.Raw, old_title: re.Match[str] | None) -> tuple[str, ...]:
    """The categories, the primary one first where the answer names it."""
    primary = str((raw.get("arxiv_primary_category") or {}).get("term") or "")
    in_title = old_title.group("category") if old_title else ""
    named = (primary, *feed.categories(raw), in_title)
    return tuple(dict.fromkeys(c for c in named if c))
