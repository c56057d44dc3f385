"""What the scheduler does: have sources read, what is new matched, and what is due written, by
whoever works; plan it, and read the mailbox of bounces, itself.

One process at a time does it. Whoever is held up beyond its lease stops before its next step. Each
look asks the tables anew what is open, so whatever the engine forgot is asked for once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

import structlog

from notifier import errors
from notifier.app import App
from notifier.daemon import making, working
from notifier.daemon.standing import Standing
from notifier.daemon.tasks import Tasks
from notifier.daemon.working import DELIVER, INGEST, MATCH, Asking
from notifier.engine.engine import Engine, Task

log = structlog.get_logger()

# The first pass waits for the sources, but not for ever for services that do not answer.
FIRST_SOURCES_SECONDS = 600.0
# What was planned so long ago, and is nobody's work while nothing waits, was forgotten; the engine
# of a process that does its own work knows it at once.
GRACE_SECONDS = 30
# A piece of work that nobody begins is told, once.
_NOBODY_SECONDS = 60.0

MAILBOX, PLAN, SWEEP, LOOK, HOUSE = "mailbox", "pass", "sweep", "look", "house"
NAMES = (MAILBOX, PLAN, SWEEP, LOOK, HOUSE)


class Planner:
    """The scheduler's work, of one process."""

    def __init__(
        self,
        tasks: Tasks,
        stop: asyncio.Event,
        standing: Standing,
        engine: Engine,
        asking: Asking,
    ) -> None:
        self._tasks, self._stop, self._standing = tasks, stop, standing
        self._engine, self._asking = engine, asking
        self._is_new = True
        self._is_late = False

    def look(self, app: App) -> None:
        """Start what is due, where this process is the scheduler."""
        if self._standing.holds:
            self._tasks.start(MAILBOX, partial(self._mailbox, app))
            self._tasks.start(PLAN, partial(self._pass, app))
            if not self._is_new:  # until then everything is late
                self._tasks.start(SWEEP, partial(self._sweep, app))
                self._tasks.start(LOOK, partial(self._watch, app))

    def drop(self) -> None:
        """Begin nothing any more, and leave what is being fetched: the next one asks again."""
        self._asking.drop()
        self._tasks.forget(*NAMES)
        self._is_new = True

    def _must_stop(self) -> bool:
        return self._stop.is_set() or not self._standing.holds

    async def _pass(self, app: App) -> None:
        """Have sources read, and what is due made.

        The first pass waits for the sources, so that a digest that makes up for a downtime holds
        the papers of that time.
        """
        due = await asyncio.to_thread(app.intake.due_sources, app.clock())
        await self._dispatch([working.ingest(one.name) for one in due])
        if self._is_new:
            await self._done(INGEST, FIRST_SOURCES_SECONDS)
            self._is_new = self._must_stop()
        if self._must_stop():
            return
        try:
            async with app.health.ping.around() as this:
                failed = await self._make(app)
                this.reasons += await app.health.reasons(failed=failed)
                this.reasons += self._late()
        finally:
            if not self._must_stop():
                self._tasks.start(HOUSE, partial(self._house, app))

    async def _make(self, app: App) -> int:
        """Have everything matched, plan what is due, and have it written; return how many digests
        cannot be made at present."""
        last = await asyncio.to_thread(making.last_change, app)
        await self._dispatch(working.match(parts=app.settings.engine.match_parts))
        await self._done(MATCH)
        if self._must_stop():
            return 0
        self._is_late = not await asyncio.to_thread(making.is_matched, app, upto=last)
        planned = await asyncio.to_thread(making.plan, app, stopping=self._must_stop)
        await self._dispatch(working.deliver(planned.rows, shard=app.settings.engine.shard))
        return planned.failed + await asyncio.to_thread(making.failing, app)

    def _late(self) -> list[str]:
        """Why the pass did not go well, though nothing failed here."""
        said = "new papers are not matched with all profiles - see the log"
        return [said] if self._is_late else []

    async def _sweep(self, app: App) -> None:
        """Have written what was planned and forgotten: by a process that ended, or by the engine.

        The engine is not asked to do this, since it is what may have forgotten.
        """
        is_idle, own = await self._is_idle(), app.settings.engine
        if self._must_stop():
            return
        grace = timedelta(seconds=GRACE_SECONDS if self._engine.is_shared else 0)
        left_over = partial(making.left_over, app, never_claimed_for=grace if is_idle else None)
        rows = await asyncio.to_thread(left_over)
        if rows:
            log.info("planned digests that nobody writes are asked for again", count=len(rows))
            await self._dispatch(working.deliver(rows, shard=own.shard))

    async def _is_idle(self) -> bool:
        """Whether nobody is about to claim what is planned and was never claimed."""
        if self._engine.is_shared:
            return not await asyncio.to_thread(self._engine.waiting, DELIVER)
        return not self._engine.unfinished(DELIVER)

    async def _dispatch(self, tasks: Sequence[Task]) -> None:
        """Ask for some work, unless another process is the scheduler by now."""
        if tasks and not self._must_stop():
            await self._engine.dispatch(tasks)

    async def _done(self, name: str, seconds: float | None = None) -> None:
        """Return when no task of a name is open any more, when we are to stop, or so late."""
        clock = asyncio.get_running_loop().time
        begun, pause, is_told = clock(), 0.02, False
        while await asyncio.to_thread(self._engine.unfinished, name) and not self._must_stop():
            waited = clock() - begun
            if seconds is not None and waited > seconds:
                return
            if waited > _NOBODY_SECONDS and not is_told:
                log.warning("work waits for a worker", cure="notifier run --only worker")
                is_told = True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
            pause = min(1.5 * pause, 1.0)

    async def _watch(self, app: App) -> None:
        """Have the operator told of what needs them, whatever becomes of the pass."""
        await asyncio.to_thread(app.health.look)

    async def _house(self, app: App) -> None:
        await asyncio.to_thread(app.keep_house, stopping=self._must_stop)

    async def _mailbox(self, app: App) -> None:
        """Read the mailbox of bounces, where there is one; a failure is noted, and told once."""
        with suppress(errors.MailboxError):
            await asyncio.to_thread(app.returned.poll_if_due, stopping=self._must_stop)
