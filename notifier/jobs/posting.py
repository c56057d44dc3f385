"""Send posts to channels: claim one, send it, record what became of it, and again.

Between two of these steps the process may die: the claim's lease ends, and the same text is sent
again. So a post comes at least once, twice where the service had it and we died before writing so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from notifier.delivery import answered, channels
from notifier.delivery.answered import Decision
from notifier.delivery.backoff import Tried
from notifier.delivery.networks import Reach
from notifier.delivery.poster import Answer, Poster
from notifier.storage import store_channels, store_posting, store_posts
from notifier.storage.database import Database
from notifier.storage.store_posting import Claimed, Fate

log = structlog.get_logger()

# Messages on their way at a time: one service that is silent holds back only half of the others.
WORKERS = 2


@dataclass(frozen=True, slots=True)
class PostingSettings:
    """Which services are allowed, what may be reached beside their hosts, how long one may take.

    A claim holds for `lease`, longer than any message takes.
    """

    services: Sequence[str]
    reach: Reach
    timeout_seconds: float
    lease: timedelta

    def poster(self) -> Poster:
        """Return what sends messages; close it at the end."""
        return Poster(self.reach, self.timeout_seconds)


@dataclass(slots=True)
class Posted:
    """What a run did; `paused` are channels that take nothing more. `lacks`: what is not installed
    that is needed for what waits."""

    sent: int = 0
    later: int = 0
    failed: int = 0
    expired: int = 0
    dropped: int = 0
    paused: list[int] = field(default_factory=list)
    lacks: str = ""


async def send_posts(
    database: Database,
    settings: PostingSettings,
    *,
    clock: Callable[[], datetime],
    is_installed: bool = True,
    stop: asyncio.Event | None = None,
) -> Posted:
    """Send every post that is due; stops at `stop`, after what is on its way."""
    done, stop = Posted(), stop or asyncio.Event()
    if not await asyncio.to_thread(_prepare, database, settings, done, clock()):
        return done
    if not is_installed:
        done.lacks = "Apprise"
        log.error("nothing goes to channels: Apprise is not installed")
        return done
    run = _Run(database, settings, clock, done, stop)
    ended = await asyncio.gather(*(run.work() for _ in range(WORKERS)), return_exceptions=True)
    for error in ended:  # only after all have ended: none is left on its way unattended
        if isinstance(error, BaseException):
            raise error
    return done


def _prepare(database: Database, settings: PostingSettings, done: Posted, now: datetime) -> bool:
    """End what can no longer be sent; return whether anything waits."""
    with database.asking() as conn:
        if not store_posts.is_any_waiting(conn):
            return False
    with database.writing() as conn:
        store_posting.take_over(conn, now=now, until=now + settings.lease)
        done.expired, done.dropped = store_posting.close_stale(conn, now=now)
        return store_posts.is_any_waiting(conn)


@dataclass(slots=True)
class _Run:
    database: Database
    settings: PostingSettings
    clock: Callable[[], datetime]
    done: Posted
    stop: asyncio.Event

    async def work(self) -> None:
        poster = self.settings.poster()
        try:
            while not self.stop.is_set() and (mine := await asyncio.to_thread(self._claim)):
                address = channels.parsed(mine.url)
                answer = await poster.send(address, mine.title, mine.body, now=self.clock())
                await asyncio.to_thread(self._record, mine, answer)
        finally:
            await poster.close()

    def _claim(self) -> Claimed | None:
        with self.database.writing() as conn:
            now = self.clock()  # of our turn to write, which may have been waited for
            return store_posting.claim(
                conn, services=self.settings.services, now=now, until=now + self.settings.lease
            )

    def _record(self, mine: Claimed, answer: Answer) -> None:
        now = self.clock()
        tried = Tried(f"{mine.digest}:{mine.channel}", mine.attempts, mine.expires_at)
        decision = answered.decide(answer, tried, now=now)
        fate = Fate(
            decision.state, answer.status, str(answer), decision.not_before, decision.counts
        )
        with self.database.writing() as conn:
            kept = store_posting.record(conn, mine, fate, now=now)
            if kept and decision.pauses:
                reason = f"{decision.pauses} ({answer.said})" if answer.said else decision.pauses
                store_channels.pause(conn, mine.channel, reason=reason, now=now)
            elif kept and decision.rests and decision.not_before:
                store_channels.rest(conn, mine.channel, until=decision.not_before)
        self._tell(mine, answer, decision, kept=kept)

    def _tell(self, mine: Claimed, answer: Answer, decision: Decision, *, kept: bool) -> None:
        about = {"channel": mine.channel, "digest": mine.digest, "attempt": mine.attempts}
        if not kept:
            log.warning("another worker had taken over", **about)
        if decision.state == "sent":
            self.done.sent += 1
            log.info("post sent", **about)
            return
        if decision.pauses:
            self.done.paused.append(mine.channel)
            log.error("channel is paused", status=answer.status, **about)
        elif decision.state == "failed":
            self.done.failed += 1
        else:
            self.done.later += 1
        log.warning("post not sent", status=answer.status, state=decision.state, **about)
