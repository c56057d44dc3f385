"""arXiv's feeds of single authors: exactly their papers, by ORCID iD or arXiv author id.

Source: https://info.arxiv.org/help/author_identifiers.html (`/a/ID.atom2`). A feed lists an
author's papers of all years: what is older than a week is no news, and than two months, not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from notifier.papers.author_id import author_id
from notifier.papers.paper import Batch, Entry
from notifier.sources.arxiv import ArxivSource
from notifier.sources.rhythm import Rhythm, Silence
from notifier.sources.source import NOTHING_ASKED, Kind, Request

FEEDS = "https://arxiv.org/a/"
# As long as moderation may hold a paper back.
NEWS = timedelta(days=7)
# Rules are asked of the papers of a month.
OLDEST = timedelta(days=60)
# Of so many one round asks, an hour at arXiv's pace; of more each has its turn in a later one.
MOST_IN_A_ROUND = 1_000


def nobody() -> Sequence[str]:
    """Return whom readers follow, where nobody can be asked."""
    return ()


def unnoted(author: str, known: bool) -> None:
    """Note nothing."""


@dataclass(frozen=True, slots=True)
class AuthorsSource:
    """The feeds of those authors whom readers follow.

    `followed` says their ids, those asked longest ago first; `note` is told who was
    asked, and whether arXiv knows the id.
    """

    name: str
    followed: Callable[[], Sequence[str]] = nobody
    note: Callable[[str, bool], None] = unnoted
    feeds_url: str = FEEDS
    rhythm: Rhythm = Silence(timedelta(days=3650))  # noqa: RUF009  # frozen
    kind: Kind = "arxiv-authors"
    window: timedelta | None = None
    replay: timedelta | None = None

    def requests(self, *, now: datetime, since: datetime | None = None) -> list[Request]:
        """Return one feed for each author; of very many those asked longest ago."""
        return [
            Request(f"{self.feeds_url}{one}.atom2", (one,), announces=False)
            for one in self.followed()[:MOST_IN_A_ROUND]
        ]

    def asked(self, part: str, known: bool) -> None:
        """Note that an author was asked, and whether there is a feed."""
        self.note(part, known)

    def read(self, body: bytes, *, now: datetime, asked: Request = NOTHING_ASKED) -> Batch:
        """Return an author's papers, each with the author's id.

        Raises:
            SourceError: this is no feed of papers.
        """
        batch = ArxivSource(self.name, urls=(self.feeds_url,)).read(body, now=now)
        whose = _whose(asked)
        entries = tuple(
            self._told(one, whose, now)
            for one in batch.entries
            if one.published_at is None or now - one.published_at < OLDEST
        )
        return replace(batch, entries=entries)

    def _told(self, entry: Entry, whose: tuple[str, ...], now: datetime) -> Entry:
        is_new = entry.published_at is not None and now - entry.published_at < NEWS
        return replace(entry, announce="new" if is_new else "update", author_ids=whose)


def _whose(asked: Request) -> tuple[str, ...]:
    written = urlsplit(asked.url).path.rpartition("/")[2].removesuffix(".atom2")
    found = author_id(written)
    return (found,) if found else ()
