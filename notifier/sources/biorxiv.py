"""bioRxiv and medRxiv: the details API of openRxiv, or their RSS feeds. No key is needed.

Sources: https://api.biorxiv.org (the API's own page); what its users found out is in
docs/sources.md. Pages are as long as the service likes (30 or 100 were seen), `total` may promise
more than there is, dates may lack zeros (`2026-6-30`), and DOIs begin with 10.1101 or, since
December 2025, with 10.64898.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from notifier import errors
from notifier.papers import identity
from notifier.papers.identity import Alias
from notifier.papers.paper import Batch, Entry
from notifier.papers.text import one_line
from notifier.sources import cleaning, description, document, feed
from notifier.sources.reading import Rejected, read_each
from notifier.sources.rhythm import MON_FRI, Calendar, Rhythm
from notifier.sources.source import NOTHING_ASKED, Kind, Request

Server = Literal["biorxiv", "medrxiv"]
API = "https://api.biorxiv.org"
DAYS_READ_AGAIN = 7
# Papers are posted all through a working day, Eastern time, and the API may trail by hours. A day
# counts as silent only when it is over and a night has passed.
WORKING_DAYS = Calendar("America/New_York", MON_FRI, time(0), timedelta(hours=30))
_CURSOR = re.compile(r"(/details/[^/?#]+/[^/?#]+/[^/?#]+/)([0-9]{1,9})(?=$|[/?#])")
_DATE = re.compile(r"\s*([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])")
_NONE = ("", "na", "n/a", "none", "null")


@dataclass(frozen=True, slots=True)
class BiorxivSource:
    """The preprints that one server posted in the last `days`, or feeds at addresses given.

    Attributes:
        server: Of the API's two; also the source's kind.
        categories: Only papers of these are kept, in any case, `_` for a space; none: all papers.
            A feed at one of `urls` is taken whole: its address says what is in it.
    """

    name: str
    server: Server = "biorxiv"
    categories: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    api_url: str = API
    days: int = DAYS_READ_AGAIN
    rhythm: Rhythm = WORKING_DAYS
    replay: timedelta | None = None

    @property
    def kind(self) -> Kind:
        """The server's name."""
        return self.server

    @property
    def window(self) -> timedelta | None:
        """The last `days`; a feed holds what it holds."""
        return None if self.urls else timedelta(days=self.days)

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return the first page of the days from `since` on, or the addresses of the feeds."""
        if self.urls:
            return [Request(url) for url in self.urls]
        since = since or now - timedelta(days=self.days)
        days = f"{since.astimezone(UTC):%Y-%m-%d}/{now.astimezone(UTC):%Y-%m-%d}"
        url = f"{self.api_url.rstrip('/')}/details/{self.server}/{days}/0/json"
        return [Request(url, since=since)]

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return the papers of one page of the API, and the address of the next; or of a feed."""
        if not document.is_json(body):
            parsed = document.parse(body)
            return feed.read_entries(parsed, lambda raw: self._read_feed(raw, now))
        answer = document.json_object(body)
        message, papers = _message(answer), _papers(answer)
        if not papers:
            return _nothing(message)
        batch = read_each(
            [paper for paper in papers if self._wanted(paper)],
            lambda paper: self._read(paper, now),
            label=lambda paper: _text(paper, "doi") or _text(paper, "title"),
            date=lambda paper: _text(paper, "date"),
        )
        total = _number(message.get("total"))
        return replace(
            batch,
            following=_following(asked.url, len(papers), total),
            total=None if self.categories else total,
        )

    def _wanted(self, paper: Any) -> bool:
        """Tell whether a paper is of a configured category; what cannot be told is wanted."""
        own = _category(_text(paper, "category"))
        return not self.categories or not own or own in map(_category, self.categories)

    def _read(self, paper: Any, now: datetime) -> Entry:
        aliases, version = _named(paper)
        title, source_title = feed.required_title(_text(paper, "title"))
        described = description.take_apart(_text(paper, "abstract"))
        abstract, source_abstract = cleaning.shown_and_source(described.abstract)
        return Entry(
            aliases=aliases,
            title=title,
            source_title=source_title,
            abstract=abstract,
            source_abstract=source_abstract,
            authors=_authors(_text(paper, "authors")),
            categories=tuple(filter(None, [_known(paper, "category")])),
            organization=_known(paper, "author_corresponding_institution"),
            journal=_known(paper, "published_journal", "journal"),
            version=version,
            published_at=cleaning.believable(_date(_text(paper, "date")), now=now),
            announce="replace" if (version or 1) > 1 else "new",
            urls=self._urls(aliases, version),
            withdrawn="withdrawn" in _text(paper, "type").lower() or feed.says_withdrawn(title),
        )

    def _read_feed(self, raw: feed.Raw, now: datetime) -> Entry:
        """Return an entry of a feed, which shows later versions among the new papers."""
        entry = feed.read_entry(raw, feed=self.name, now=now)
        if (entry.version or 1) > 1:
            entry = replace(entry, announce="replace")
        return replace(entry, urls=dict(entry.urls) | self._urls(entry.aliases, entry.version))

    def _urls(self, aliases: tuple[Alias, ...], version: int | None) -> dict[str, str]:
        urls = identity.urls(aliases[0])
        if aliases[0].scheme == "doi":  # a first version there is of every paper
            page = f"https://www.{self.server}.org/content/{aliases[0].value}v{version or 1}"
            urls |= {"page": page, "pdf": f"{page}.full.pdf"}
        return urls


def _message(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return first if isinstance(first, dict) else {}


def _papers(answer: Mapping[str, Any]) -> list[Any]:
    papers = answer.get("collection")
    return papers if isinstance(papers, list) else []


def _nothing(message: Mapping[str, Any]) -> Batch:
    """Return an empty batch where the service says that there are no papers.

    Raises:
        SourceError: it says something else, or nothing at all.
    """
    said = cleaning.plain(_text(message, "status"))
    if said.lower() == "ok" or "no posts" in said.lower():
        return Batch()
    if said:
        raise errors.SourceError(f"the service answered: {said[:200]} - try again later")
    raise errors.SourceError("the answer is no list of preprints - check the address")


def _following(url: str, received: int, total: int | None) -> tuple[str, ...]:
    """Return the page behind this one: as many papers further on as this one held.

    The cursor only grows, and ends at `total`, or where a page is empty.
    """
    here = _CURSOR.search(url)
    reached = int(here[2]) + received if here else 0
    if here is None or (total and reached >= total):
        return ()
    return (f"{url[: here.start(2)]}{reached}{url[here.end(2) :]}",)


def _named(paper: Any) -> tuple[tuple[Alias, ...], int | None]:
    """Return the preprint's DOI, the journal's DOI where it was published, and the version."""
    written = _text(paper, "doi") or _text(paper, "biorxiv_doi")
    found = identity.parse(written)
    if found is None or found[0].scheme != "doi":
        said = f'unknown DOI "{one_line(written)[:120]}"' if written else "no DOI"
        raise Rejected(said)
    published = identity.parse(_text(paper, "published") or _text(paper, "published_doi"))
    aliases = [found[0], *([published[0]] if published else [])]
    return tuple(dict.fromkeys(aliases)), _number(paper.get("version")) or found[1]


def _authors(written: str) -> tuple[str, ...]:
    """Split at semicolons only: `van der Berg, Jan Peter` is one name."""
    joined, _ = cleaning.shown_and_source(written)
    names = joined.split(";")
    if len(names) == 1:
        return cleaning.people(names)
    return tuple(dict.fromkeys(one_line(name) for name in names if any(map(str.isalnum, name))))


def _text(paper: Any, name: str) -> str:
    value = paper.get(name) if isinstance(paper, Mapping) else None
    return value if isinstance(value, str) else ""


def _known(paper: Any, *names: str) -> str | None:
    """Return the first of the fields that says more than "NA"."""
    found = (cleaning.plain(_text(paper, name)) for name in names)
    return next((text for text in found if text.lower() not in _NONE), None)


def _number(written: object) -> int | None:
    """Return a number above zero, written as one or as text; else None."""
    text = str(written).strip() if isinstance(written, int | str) else ""
    return int(text) or None if re.fullmatch(r"[0-9]{1,9}", text) else None


def _category(written: str) -> str:
    return one_line(written.replace("_", " ")).casefold()


def _date(written: str) -> datetime | None:
    found = _DATE.match(written)
    try:
        return datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC) if found else None
    except ValueError:
        return None
