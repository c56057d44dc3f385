"""What the scheduler does: fetch, make the digests that are due, read the mailbox of bounces.

One process at a time does it. Whoever is held up beyond its lease stops before its next step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from notifier import errors
from notifier.app import App
from notifier.daemon.standing import Standing
from notifier.daemon.tasks import Tasks, guarded

# The first pass waits for the sources, but not for ever for services that do not answer.
FIRST_SOURCES_SECONDS = 600.0

MAILBOX, PLAN, SOURCES, LOOK, HOUSE = "mailbox", "pass", "sources", "look", "house"
NAMES = (MAILBOX, PLAN, SOURCES, LOOK, HOUSE)


class Planner:
    """The scheduler's work, of one process.

    `made` is called when digests were made.
    """

    def __init__(
        self, tasks: Tasks, stop: asyncio.Event, standing: Standing, made: Callable[[], None]
    ) -> None:
        self._tasks, self._stop, self._standing, self._made = tasks, stop, standing, made
        self._is_new = True

    def look(self, app: App) -> None:
        """Start what is due, where this process is the scheduler."""
        if self._standing.holds:
            self._tasks.start(MAILBOX, partial(self._mailbox, app))
            self._tasks.start(PLAN, partial(self._pass, app))
            if not self._is_new:  # until then everything is late
                self._tasks.start(LOOK, partial(self._watch, app))

    def drop(self) -> None:
        """Begin nothing any more, and leave what is being fetched: the next one asks again."""
        self._tasks.cancel(SOURCES)
        self._tasks.forget(*NAMES)
        self._is_new = True

    def _must_stop(self) -> bool:
        return self._stop.is_set() or not self._standing.holds

    async def _pass(self, app: App) -> None:
        """Fetch in the background, and make what is due.

        The first pass waits for the sources, so that a digest that makes up for a downtime holds
        the papers of that time.
        """
        sources = self._tasks.start(SOURCES, partial(self._sources, app))
        if self._is_new and sources:
            await asyncio.wait([sources], timeout=FIRST_SOURCES_SECONDS)
            self._is_new = self._must_stop()
        if self._must_stop():
            return
        try:
            async with app.health.ping.around() as this:
                composed = await asyncio.to_thread(app.compose, stopping=self._must_stop)
                if composed.made or composed.nothing:  # that nothing matched may be told, too
                    self._made()
                this.reasons += await app.health.reasons(failed=composed.failed)
        finally:
            if not self._must_stop():
                self._tasks.start(HOUSE, partial(self._house, app))

    async def _watch(self, app: App) -> None:
        """Have the operator told of what needs them, whatever becomes of the pass."""
        await asyncio.to_thread(app.health.look)

    async def _house(self, app: App) -> None:
        await asyncio.to_thread(app.keep_house, stopping=self._must_stop)

    async def _mailbox(self, app: App) -> None:
        """Read the mailbox of bounces, where there is one; a failure is noted, and told once."""
        with suppress(errors.MailboxError):
            await asyncio.to_thread(app.returned.poll_if_due, stopping=self._must_stop)

    async def _sources(self, app: App) -> None:
        for source in await asyncio.to_thread(app.intake.due_sources, app.clock()):
            if not self._must_stop():
                fetching = partial(app.intake.ingest, [source], ready=self._standing.confirmed)
                await guarded(source.name, fetching)
