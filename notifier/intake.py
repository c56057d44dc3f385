"""What is taken in: the sources of an instance, which are due, and reading them politely."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import cached_property

from pydantic import ValidationError

from notifier import errors
from notifier.adapters import make_source
from notifier.config import Settings
from notifier.config_sources import SourceSettings
from notifier.jobs import freshness
from notifier.jobs.edition import Outlook
from notifier.jobs.ingest import Ready, Tell, at_once, ingest
from notifier.jobs.take import Ingested
from notifier.metrics.meters import Meters
from notifier.sources.freshness import Freshness, Reading
from notifier.sources.http import (
    LONGEST_WAIT_SECONDS,
    Answer,
    Client,
    HttpSettings,
    at_rest,
    open_client,
)
from notifier.sources.source import Kind, Source
from notifier.storage import store_authors, store_sources
from notifier.storage.database import Database
from notifier.storage.turns import SharedTurns

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return now, aware UTC."""
    return datetime.now(UTC)


class Intake:
    """The sources of one instance."""

    def __init__(
        self, settings: Settings, database: Database, clock: Clock, meters: Meters | None = None
    ) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._meters = meters or Meters(clock)

    @property
    def lookback(self) -> timedelta:
        """What is older than this is mailed to nobody."""
        return timedelta(days=self._settings.digest.lookback_days)

    @cached_property
    def http_settings(self) -> HttpSettings:
        http = self._settings.http
        contact = self._settings.site.contact
        size = http.max_megabytes * 1_000_000
        return HttpSettings(http.timeout_seconds, size, contact, http.pause_seconds)

    def _client(self) -> AbstractAsyncContextManager[Client]:
        """A client that takes turns with all processes on this database."""
        turns = SharedTurns(
            self._database,
            clock=system_clock,  # also where `--now` shows the rest another time
            hold=timedelta(seconds=self.http_settings.timeout_seconds + 5),
            longest_wait_seconds=LONGEST_WAIT_SECONDS,
            too_long=at_rest,
        )
        return open_client(self.http_settings, turns)

    def _made(self, settings: SourceSettings) -> Source:
        contact = self._settings.site.contact
        return make_source(settings, contact=contact, followed=self._followed, note=self._note)

    def _followed(self) -> Sequence[str]:
        """The ids of the authors whom readers follow."""
        with self._database.reading() as conn:
            return store_authors.followed(conn)

    def _note(self, author: str, known: bool) -> None:
        with self._database.writing() as conn:
            store_authors.note_asked(conn, author, known=known, now=self._clock())

    def sources(self, names: tuple[str, ...] = ()) -> list[Source]:
        """Return the enabled sources that are not paused, or those named.

        Raises:
            NotFound: a name that no source has.
        """
        known = {source.name: source for source in self._settings.source}
        for name in names:
            if name not in known:
                there = ", ".join(known) or "none: add a [[source]] to notifier.toml"
                raise errors.NotFound(f'no source "{name}"; there are {there}')
        with self._database.reading() as conn:
            paused = {one.name for one in store_sources.health(conn) if one.paused_at}
        wanted = [s for s in known.values() if s.enabled and s.name not in paused]
        return [self._made(s) for s in ([known[n] for n in names] or wanted)]

    def source_for_file(self, kind: Kind, name: str) -> Source:
        """Return an adapter of a kind that reads saved answers under a source's name."""
        here = "http://localhost/"  # never fetched; a feed must have an address
        try:
            return self._made(SourceSettings(name=name, kind=kind, urls=(here,), enabled=False))
        except ValidationError:
            raise errors.UsageError(
                f"--name {name!r}: a source's name has letters, digits, dots, dashes"
            ) from None

    def due_sources(self, now: datetime) -> list[Source]:
        """Return the enabled sources whose time has come."""
        with self._database.reading() as conn:
            known = freshness.readings(conn)
        enabled = [(s, self._made(s)) for s in self._settings.source if s.enabled]
        return [
            source
            for settings, source in enabled
            if freshness.is_due(
                known.get(source.name, Reading()),
                source,
                every=timedelta(minutes=settings.every_minutes),
                now=now,
            )
        ]

    def freshness(self, now: datetime) -> dict[str, Freshness]:
        """Return how current each enabled source is, by name."""
        asked = [
            (self._made(s), timedelta(minutes=s.every_minutes))
            for s in self._settings.source
            if s.enabled
        ]
        with self._database.reading() as conn:
            return freshness.freshness(conn, asked, now=now)

    def outlook(self, now: datetime) -> Outlook:
        """Return what the sources are, for who gets a digest now."""
        states = self.freshness(now)
        notes = (freshness.missing_note(name, state) for name, state in states.items())
        return Outlook(
            waits=any(freshness.awaited(state, now=now) for state in states.values()),
            notes=tuple(note for note in notes if note),
            sources=tuple(states),
        )

    def states(self, now: datetime) -> dict[str, str]:
        """Return the state of each enabled source, by name."""
        return {name: found.state for name, found in self.freshness(now).items()}

    def pause(self, name: str, *, at: datetime | None) -> bool:
        """Pause a source, or (None) let it go on; False when it was so already."""
        (source,) = self.sources((name,))
        with self._database.writing() as conn:
            return store_sources.pause(conn, name, source.kind, at=at)

    async def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Answer:
        """Return what an address answers, politely; nothing is kept.

        Raises:
            SourceError: no good answer.
        """
        async with self._client() as client:
            return await client.fetch(url, etag=etag, last_modified=last_modified)

    async def time_at(self, url: str) -> datetime | None:
        """Return what time it is where a source is read, None where nobody says; asks once."""
        async with self._client() as client:
            return await client.time_at(url)

    async def ingest(
        self,
        sources: list[Source],
        *,
        since: datetime | None = None,
        tell: Tell = lambda progress: None,
        ready: Ready = at_once,
    ) -> list[Ingested]:
        """Fetch the sources one after the other and return their reports.

        Args:
            since: Back-fill from then on; what is older than a digest looks back is no news.
            ready: See `jobs.ingest.ingest`.
        """
        reports = []
        for source in sources:
            now = self._clock()
            news_since = now - self.lookback if since else None
            timed = self._meters.job("ingest", source=source.name)
            async with self._client() as client:
                with timed:
                    reports.append(await ingest(
                        self._database, source, client,
                        now=now, since=since, news_since=news_since, tell=tell, ready=ready,
                    ))  # fmt: skip
            self._count(reports[-1])
        return reports

    def _count(self, report: Ingested) -> None:
        for outcome in ("new", "updated", "merged", "rejected"):
            number, about = getattr(report, outcome), {"source": report.source, "outcome": outcome}
            self._meters.count("source_entries_total", number, **about)

    async def ingest_until(
        self, stop: asyncio.Event, source: Source, *, ready: Ready = at_once
    ) -> list[Ingested]:
        """Fetch a source; cut off at `stop`, it brings nothing and is asked again next time."""
        fetching = asyncio.ensure_future(self.ingest([source], ready=ready))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({fetching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not fetching.done():
            fetching.cancel()
            await asyncio.wait({fetching})
            return []
        return fetching.result()
