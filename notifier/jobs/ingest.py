"""Fetch what a source shows, and keep it. The same answer again changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from notifier.errors import NotifierError, SourceError
from notifier.papers.paper import Batch, Problem
from notifier.profiles.indexed import IndexedPaper
from notifier.sources.http import Answer, Client, without_login
from notifier.sources.source import Source
from notifier.storage import store_papers, store_sources, store_words
from notifier.storage.database import Database

log = structlog.get_logger()


@dataclass(slots=True)
class Ingested:
    """What came of one source; `failure` says why it could not be read to the end."""

    source: str
    seen: int = 0
    new: int = 0
    updated: int = 0
    merged: int = 0
    rejected: int = 0
    problems: list[Problem] = field(default_factory=list)
    failure: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report as `ingest --format json` prints it."""
        problems = [{"entry": p.entry, "reason": p.reason} for p in self.problems]
        if self.failure:
            problems.insert(0, {"entry": "-", "reason": self.failure})
        counts = ("source", "seen", "new", "updated", "merged", "rejected")
        return {name: getattr(self, name) for name in counts} | {"problems": problems}


def take_body(
    database: Database, source: Source, body: bytes, *, now: datetime, answer: Answer | None = None
) -> Ingested:
    """Read one answer and commit its papers, their words and its validators together.

    Raises:
        SourceError: the answer as a whole cannot be read; nothing was changed.
    """
    batch = source.read(body, now=now)
    with database.writing() as conn:
        taken = store_papers.take_in(conn, batch.entries, source=source.name, now=now)
        new = store_papers.load(conn, taken.rows)
        store_words.count(conn, (IndexedPaper(paper).stems for paper in new), now=now)
        if answer and not batch.problems:
            kept = store_sources.Validators(answer.etag, answer.last_modified)
            store_sources.keep_validators(conn, answer.url, kept, now=now)
    return Ingested(
        source.name,
        seen=len(batch.entries) + _rejected(batch),
        new=taken.new,
        updated=taken.updated,
        merged=taken.merged,
        rejected=_rejected(batch),
        problems=list(batch.problems),
    )


def _rejected(batch: Batch) -> int:
    """Entries that were lost: problems that are neither the document's nor a left-out date."""
    return sum(p.entry != "-" and not p.reason.startswith("date ") for p in batch.problems)


async def ingest(database: Database, source: Source, client: Client, *, now: datetime) -> Ingested:
    """Fetch all addresses of a source, keep what came, and record how it went.

    Never raises for a source's own failure: the report and the source's health say it.
    """
    total = Ingested(source.name)
    for address in source.addresses(now=now):
        try:
            report = await _ingest_one(database, source, client, address, now)
        except NotifierError as error:
            total.failure = str(error)
            continue
        except Exception as error:  # one broken answer must not stop the other sources
            log.exception("source could not be read", source=source.name)
            total.failure = f"{without_login(address)}: {type(error).__name__} (a bug: see the log)"
            continue
        for name in ("seen", "new", "updated", "merged", "rejected"):
            setattr(total, name, getattr(total, name) + getattr(report, name))
        total.problems += report.problems
    await asyncio.to_thread(_record, database, source, total, now)
    return total


async def _ingest_one(
    database: Database, source: Source, client: Client, address: str, now: datetime
) -> Ingested:
    with database.reading() as conn:
        kept = store_sources.validators(conn, address)
    answer = await client.fetch(address, etag=kept.etag, last_modified=kept.last_modified)
    if answer.body is None:
        return Ingested(source.name)
    try:
        return await asyncio.to_thread(
            take_body, database, source, answer.body, now=now, answer=answer
        )
    except SourceError as error:
        raise SourceError(f"{without_login(address)}: {error}") from error


def _record(database: Database, source: Source, report: Ingested, now: datetime) -> None:
    with database.writing() as conn:
        if report.failure:
            failures = store_sources.failed(conn, source.name, source.kind, report.failure, now=now)
            log.warning(
                "source failed", source=source.name, failures=failures, reason=report.failure
            )
        else:
            store_sources.succeeded(
                conn, source.name, source.kind,
                counts=(report.seen, report.new, report.rejected), now=now,
            )  # fmt: skip
            log.info("source read", source=source.name, seen=report.seen, new=report.new)
