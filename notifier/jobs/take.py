"""Read one answer of a source and keep what it holds, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notifier.jobs import freshness
from notifier.papers.paper import Batch, Paper, Problem
from notifier.profiles.keys import stems_in
from notifier.sources.freshness import part_of
from notifier.sources.http import Answer, without_login
from notifier.sources.source import NOTHING_ASKED, Request, Source
from notifier.storage import store_papers, store_sources, store_words
from notifier.storage.database import Database


@dataclass(slots=True)
class Ingested:
    """What came of one source; `failure` says why it could not be read to the end.

    `warning` is something that went wrong and did no harm this time. `following` are the
    addresses that continue an answer, `total` the entries over all of them.
    """

    source: str
    seen: int = 0
    new: int = 0
    updated: int = 0
    merged: int = 0
    rejected: int = 0
    problems: list[Problem] = field(default_factory=list)
    failure: str | None = None
    warning: str | None = None
    following: tuple[str, ...] = ()
    total: int | None = None
    announced: Counter[str] = field(default_factory=Counter)

    def add(self, other: Ingested) -> None:
        """Count another answer of the same source in."""
        for name in ("seen", "new", "updated", "merged", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems += other.problems

    def as_json(self) -> dict[str, Any]:
        """Return the report as `ingest --format json` prints it."""
        problems = [{"entry": p.entry, "reason": p.reason} for p in self.problems]
        for said in (self.warning, self.failure):
            if said:
                problems.insert(0, {"entry": "-", "reason": said})
        counts = ("source", "seen", "new", "updated", "merged", "rejected")
        return {name: getattr(self, name) for name in counts} | {"problems": problems}


def take_body(
    database: Database,
    source: Source,
    body: bytes,
    *,
    now: datetime,
    asked: Request = NOTHING_ASKED,
    answer: Answer | None = None,
    tally: freshness.Tally | None = None,
    news_since: datetime | None = None,
) -> Ingested:
    """Read one answer and commit its papers, their words and its validators together.

    Args:
        answer: Where the body came from; None for a file.
        tally: Of this round; None where the answer says nothing of the source's freshness.
        news_since: See `store_papers.take_in`.

    Raises:
        SourceError: the answer as a whole cannot be read; nothing was changed.
    """
    batch = source.read(body, now=now, asked=asked)
    with database.writing() as conn:
        taken = store_papers.take_in(
            conn, batch.entries, source=source.name, now=now, news_since=news_since
        )
        new = store_papers.load(conn, taken.rows)
        store_words.count(conn, ((paper.first_seen_at, _stems(paper)) for paper in new))
        if tally is not None:
            freshness.note_answer(
                conn, source, asked, batch.entries, taken.first_seen, tally, now=now
            )
        if answer and _is_whole(batch, asked, answer) and (answer.etag or answer.last_modified):
            kept = store_sources.Validators(answer.etag, answer.last_modified)
            store_sources.keep_validators(conn, cache_key(source, answer.url), kept, now=now)
    return Ingested(
        source.name,
        seen=len(batch.entries) + _rejected(batch),
        new=taken.new,
        updated=taken.updated,
        merged=taken.merged,
        rejected=_rejected(batch),
        problems=list(batch.problems),
        following=batch.following,
        total=batch.total,
        announced=_announced(batch, taken.first_seen, asked, now),
    )


def _stems(paper: Paper) -> set[str]:
    """The stems that document frequencies count."""
    return stems_in(paper.title) | stems_in(paper.abstract)


def cache_key(source: Source, url: str) -> str:
    """Return what an answer's validators are kept by: two sources may read one address."""
    return f"{source.name} {source.kind} {url}"


def _is_whole(batch: Batch, asked: Request, answer: Answer) -> bool:
    """Whether "unchanged" (304) next time will mean that there is nothing to read.

    An address with a login or a key in it is not written into the database at all.
    """
    goes_on = batch.following or (asked.pages and answer.next_url)
    return not batch.problems and not goes_on and without_login(answer.url) == answer.url


def _rejected(batch: Batch) -> int:
    """Entries that were lost: problems that are neither the document's nor a left-out date."""
    return sum(p.entry != "-" and not p.reason.startswith("date ") for p in batch.problems)


def _announced(
    batch: Batch, first_seen: Sequence[datetime], asked: Request, now: datetime
) -> Counter[str]:
    """Count, by part, the announcements that were not here before."""
    counts: Counter[str] = Counter()
    for entry, seen in zip(batch.entries, first_seen, strict=True):
        if entry.is_news and seen >= now:
            counts.update(part_of(entry.categories, asked.parts))
    return counts
