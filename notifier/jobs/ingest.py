"""Fetch what a source shows, and keep it. The same answer again changes nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from notifier.errors import NOT_NOW, NotifierError, SourceError
from notifier.jobs import freshness
from notifier.jobs.take import Ingested, cache_key, take_body
from notifier.papers.paper import Problem
from notifier.sources.freshness import Part, Reading, to_replay
from notifier.sources.http import Client, host_of, without_login
from notifier.sources.source import LooksUp, Request, Source, TakesTurns
from notifier.storage import store_papers, store_sources
from notifier.storage.database import Database

log = structlog.get_logger()

# However long nobody asked, no more than this is made up for; `ingest --since` reaches further.
LONGEST_GAP = timedelta(days=60)
LOOKED_UP_FOR = timedelta(days=2)
LOOKED_UP_AT_ONCE = 100
# A service that never comes to an end holds up the others no longer than this.
LONGEST_ROUND = timedelta(hours=1)
LONGEST_BACK_FILL = timedelta(hours=24)
VALIDATORS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a round is: answers read, requests still to ask, entries read, entries in all."""

    answers: int
    waiting: int
    entries: int
    total: int | None


Tell = Callable[[Progress], None]
Ready = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """Wait for nothing."""


async def ingest(
    database: Database,
    source: Source,
    client: Client,
    *,
    now: datetime,
    since: datetime | None = None,
    news_since: datetime | None = None,
    tell: Tell = lambda progress: None,
    ready: Ready = at_once,
) -> Ingested:
    """Fetch what a source shows, by all its routes, keep what came, and record how it went.

    Never raises for a source's own failure: the report and the source's health say it.

    Args:
        since: Read everything since then (a back-fill), instead of an ordinary round.
        news_since: In a back-fill, what was published before is history and no news.
        tell: Called after each answer.
        ready: Returns when something may be asked, or kept; whoever may no longer is cancelled.
    """
    round_ = _Round(database, source, client, now, news_since, tell, ready)
    if since is not None:  # says nothing of how the source does today
        await round_.ask(source.requests(now=now, since=since))
        round_.refusals()
        return round_.total
    await round_.ordinary()
    round_.refusals()
    await ready()
    await asyncio.to_thread(round_.record)
    return round_.total


class _Round:
    """One round of questions to one source."""

    def __init__(
        self,
        database: Database,
        source: Source,
        client: Client,
        now: datetime,
        news_since: datetime | None,
        tell: Tell,
        ready: Ready,
    ) -> None:
        self.total = Ingested(source.name)
        self._database, self._source, self._client = database, source, client
        self._now, self._news_since, self._tell, self._ready = now, news_since, tell, ready
        self._answers = 0  # good or bad
        self._good = 0
        self._tally: freshness.Tally = {}
        self._continued: set[str] = set()  # addresses that go on where another ended
        self._unreachable: set[str] = set()  # hosts
        self._failed: set[str] = set()  # parts of which something could not be read
        self._refused: dict[str, str] = {}

    async def ordinary(self) -> None:
        """What is announced now; then the other route, where it is time for it; then the gaps."""
        source, now = self._source, self._now
        last = (await asyncio.to_thread(self._reading)).last_success_at
        since = _since(source.window, last, now) if source.window is not None else None
        requests = source.requests(now=now, since=since)
        await self.ask(requests)
        parts = await asyncio.to_thread(self._parts, requests)
        if source.replay is not None:
            due = to_replay(parts, source.rhythm, now=now)
            read = [part.replayed_at or last for part in parts if part.name in due]
            oldest = min((when for when in read if when), default=None)
            await self._replay(set(due), _since(source.replay, oldest, now))
        if isinstance(source, LooksUp):
            ids = await asyncio.to_thread(self._undescribed, source)
            await self._in_passing(source.lookup(ids))

    def _reading(self) -> Reading:
        with self._database.reading() as conn:
            return freshness.readings(conn).get(self._source.name, Reading())

    def _parts(self, requests: Sequence[Request]) -> list[Part]:
        """What is known of the parts that these requests ask for; what is no part any more goes."""
        names = {name for request in requests for name in request.parts}
        with self._database.writing() as conn:
            store_sources.forget_parts(conn, self._source.name, but=names - set(self._refused))
            known = freshness.parts_of(conn, self._source)
        asked = sorted(names - set(self._refused))
        return [known.get(name, Part(name, self._now)) for name in asked]

    def _undescribed(self, source: LooksUp) -> list[str]:
        """Ids of papers of this source that others showed us and did not describe."""
        with self._database.reading() as conn:
            return store_papers.without_categories(
                conn,
                scheme=source.scheme,
                source=self._source.name,
                since=self._now - LOOKED_UP_FOR,
                limit=LOOKED_UP_AT_ONCE,
            )

    async def _replay(self, due: set[str], since: datetime) -> None:
        """Read the last days again by the other route."""
        requests = self._source.requests(now=self._now, since=since)
        self._failed.clear()
        self.total.announced.clear()
        await self._in_passing([request for request in requests if due & set(request.parts)])
        await asyncio.to_thread(self._note_replay, due - self._failed)

    def _note_replay(self, done: set[str]) -> None:
        with self._database.writing() as conn:
            freshness.note_replay(conn, self._source, self.total.announced, done, now=self._now)

    async def _in_passing(self, requests: Sequence[Request]) -> None:
        """Ask what does no harm if it fails: a warning, and the next round asks again."""
        failure, self.total.failure = self.total.failure, None
        await self.ask(requests)
        self.total.warning = self.total.failure or self.total.warning
        self.total.failure = failure

    async def ask(self, requests: Sequence[Request]) -> None:
        """Ask all of them and whatever their answers lead to; each address once."""
        waiting, asked = deque(requests), set[str]()
        clock = asyncio.get_running_loop().time
        until = clock() + (LONGEST_BACK_FILL if self._news_since else LONGEST_ROUND).total_seconds()
        while waiting:
            request = waiting.popleft()
            if request.url in asked:
                continue
            if clock() > until:
                self._fail(
                    request, f"{without_login(request.url)}: no end after {len(asked)} answers"
                )
                return
            asked.add(request.url)
            waiting.extendleft(reversed(await self._one(request)))
            self._answers += 1
            seen, total = self.total.seen, self.total.total
            self._tell(Progress(self._answers, len(waiting), seen, total))

    async def _one(self, request: Request) -> list[Request]:
        """Ask one thing and keep what came; return what to ask next."""
        try:
            found = await self._fetch(request)
            await self._note_turn(request, known=True)
            return found
        except SourceError as error:
            if error.unreachable:
                self._unreachable.add(host_of(request.url))
            if request.instead and (error.refused or request.when == "failed"):
                return list(request.instead)
            named = any(request.parts) and len(request.parts) == 1
            if error.refused and named and request.since is None:
                self._refused[request.parts[0]] = str(error)
                await self._note_turn(request, known=False)
            else:
                self._fail(request, str(error))
        except NOT_NOW:
            raise  # the source is not to blame: it is asked again
        except NotifierError as error:
            self._fail(request, str(error))
        except Exception as error:  # one broken answer must not stop the other sources
            log.exception("source could not be read", source=self._source.name)
            said = f"{type(error).__name__} (a bug: see the log)"
            self._fail(request, f"{without_login(request.url)}: {said}")
        return []

    async def _note_turn(self, request: Request, *, known: bool) -> None:
        if isinstance(self._source, TakesTurns):
            await asyncio.to_thread(self._source.asked, request.parts[0], known)

    def _validators(self, url: str) -> store_sources.Validators:
        with self._database.reading() as conn:
            return store_sources.validators(conn, cache_key(self._source, url))

    async def _fetch(self, request: Request) -> list[Request]:
        host = host_of(request.url)
        if host in self._unreachable:  # waiting for it again and again would hold up all others
            raise SourceError(f"{host} could not be reached a moment ago", unreachable=True)
        kept = await asyncio.to_thread(self._validators, request.url)
        await self._ready()
        answer = await self._client.fetch(
            request.url, etag=kept.etag, last_modified=kept.last_modified
        )
        await self._ready()
        if answer.body is None:
            self._good += 1
            await asyncio.to_thread(self._unchanged, request)
            return []
        try:
            report = await asyncio.to_thread(
                take_body, self._database, self._source, answer.body,
                now=self._now, asked=request, answer=answer,
                tally=self._tally if self._is_telling(request) else None,
                news_since=self._news_since,
            )  # fmt: skip
        except SourceError as error:
            said = f"{without_login(request.url)}: {error}"
            raise SourceError(said, refused=error.refused) from error
        self._count(report, request)
        follow = [*report.following]
        if request.pages and answer.next_url:
            follow.append(answer.next_url)
        self._continued.update(follow)
        return [replace(request, url=url, instead=()) for url in follow]

    def _count(self, report: Ingested, request: Request) -> None:
        self._good += 1
        self.total.add(report)
        if any(problem.entry == "-" for problem in report.problems):
            self._failed.update(request.parts)  # cut off: the other route is not read to its end
        self.total.announced.update(report.announced)
        if report.total is not None and request.url not in self._continued:
            self.total.total = (self.total.total or 0) + report.total

    def _is_telling(self, asked: Request) -> bool:
        """Whether the answer shows what the source announces now, and so how current it is."""
        first_route = asked.since is None or self._source.window is not None
        return asked.announces and first_route and self._news_since is None

    def _unchanged(self, request: Request) -> None:
        if self._is_telling(request):
            with self._database.writing() as conn:
                freshness.note_unchanged(conn, self._source, request, now=self._now)

    def _fail(self, request: Request, said: str) -> None:
        self.total.failure = self.total.failure or said
        self._failed.update(request.parts)

    def refusals(self) -> None:
        """Say which parts the service refused; all of them are a failure of the source."""
        for name, said in self._refused.items():
            self.total.problems.insert(0, Problem(name, f"refused: {said}"))
        if self._refused and not self._good and not isinstance(self._source, TakesTurns):
            self.total.failure = next(iter(self._refused.values()))
        elif self._refused:
            refused = ", ".join(self._refused)
            self.total.warning = f"the service refuses {refused} - check the spelling"

    def record(self) -> None:
        """Keep how the round went."""
        total, source = self.total, self._source
        with self._database.writing() as conn:
            store_sources.forget_validators(conn, before=self._now - VALIDATORS_KEPT)
            if total.failure:
                failures = store_sources.failed(
                    conn, source.name, source.kind, total.failure, now=self._now
                )
                log.warning(
                    "source failed", source=source.name, failures=failures, reason=total.failure
                )
                return
            store_sources.succeeded(
                conn, source.name, source.kind,
                counts=(total.seen, total.new, total.rejected), warning=total.warning,
                now=self._now,
            )  # fmt: skip
        log.info("source read", source=source.name, seen=total.seen, new=total.new)


def _since(reach: timedelta, last: datetime | None, now: datetime) -> datetime:
    """Return from when on to read: `reach` back, or to where it was read to the end `last`."""
    since = now - reach
    if last is not None:
        since = min(since, last)
    return max(since, now - max(LONGEST_GAP, reach))
