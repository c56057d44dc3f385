"""What the tasks of the engine do, in whatever process takes them.

Each may be done twice, or by two at the same time: what must not happen twice is guarded in the
tables. Where the database cannot be used a task waits for it, in the hands of its process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import structlog

from notifier import errors
from notifier.app import App
from notifier.daemon.making import is_matched, write_some
from notifier.daemon.tasks import tried
from notifier.engine.engine import MATCHING, SOURCES, Handler, Task
from notifier.jobs.ingest import Ready, at_once
from notifier.patience import Patience
from notifier.runs import one_run
from notifier.storage.part import Part

log = structlog.get_logger()

ENGINE = "engine"
INGEST, MATCH, DELIVER = "ingest", "match", "deliver"
# A digest waits so long for papers that are being matched; then it is left to the next look.
_MATCHING_SECONDS = 60.0
_LOOK_SECONDS = 0.5


def ingest(source: str) -> Task:
    """Read a source."""
    return Task.of(INGEST, SOURCES, source=source)


def match(*, parts: int) -> list[Task]:
    """Match what is new in papers and profiles, those of each part by whoever is free."""
    return [Task.of(MATCH, MATCHING, number=number, of=parts) for number in range(parts)]


def deliver(rows: Sequence[int], *, shard: int) -> list[Task]:
    """Write the digests of these subscribers that are planned, and send them: `shard` a task."""
    return [Task.of(DELIVER, ids=rows[at : at + shard]) for at in range(0, len(rows), shard)]


@dataclass(slots=True)
class Asking:
    """Whether this process asks sources itself: `ready` returns while it may."""

    may: Callable[[], bool] = lambda: True
    ready: Ready = at_once
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    def drop(self) -> None:
        """Leave what is being fetched: the next one asks again."""
        self.ends.set()
        self.ends = asyncio.Event()


class Work:
    """The work of one process; from `stop` on nothing more is begun, and what is at it ends soon.

    Args:
        current: The instance that is in force.
        made: Called when digests were made.
        asking: For whom asking sources depends on more than `due`.
    """

    def __init__(
        self,
        current: Callable[[], App],
        stop: asyncio.Event,
        made: Callable[[], None],
        asking: Asking | None = None,
    ) -> None:
        self._current, self._stop, self._made = current, stop, made
        self._asking = asking or Asking()
        self._patience, self._numbers = Patience(), count(1)

    def handlers(self) -> Mapping[str, Handler]:
        """What does the tasks, by name."""
        does: dict[str, Handler] = {
            INGEST: self.ingest, MATCH: self.match, DELIVER: self.deliver
        }  # fmt: skip
        return {name: partial(_in_a_run, work) for name, work in does.items()}

    async def ingest(self, source: str) -> None:
        """Read a source, if it is due still: then nobody else has read it meanwhile."""
        app, asking = self._current(), self._asking
        for due in await asyncio.to_thread(app.intake.due_sources, app.clock()):
            if due.name == source and asking.may() and not self._stop.is_set():
                await app.intake.ingest_until(asking.ends, due, ready=asking.ready)

    async def match(self, number: int = 0, of: int = 1) -> None:
        """Match what is new with a part of the profiles."""

        async def once() -> None:
            run, part = self._current().matchers.run, Part(number, of)
            await asyncio.to_thread(run, part, stopping=self._stop.is_set)

        await self._patiently(MATCH, once)

    async def deliver(self, ids: Sequence[int]) -> None:
        """Write the digests of these subscribers that are planned, and have what is open sent.

        Papers that come meanwhile are matched first; then those are written that are left.
        """
        clock, part, is_left = asyncio.get_running_loop().time, str(next(self._numbers)), True
        until = clock() + _MATCHING_SECONDS

        async def once() -> None:
            nonlocal is_left, until
            app = self._current()
            written = await asyncio.to_thread(
                write_some, app, ids, part=part, stopping=self._stop.is_set
            )
            is_left = written.unmatched > 0
            if written.made or written.nothing:  # that nothing matched may be told, too
                until = clock() + _MATCHING_SECONDS
                self._made()

        while is_left and await self._matched(until):
            await self._patiently(DELIVER, once)
            if is_left:
                await self._pause(_LOOK_SECONDS)

    async def _matched(self, until: float) -> bool:
        """Wait until all papers are matched; False where they are not before we are to stop, or by
        a time of the loop's clock."""
        while not self._stop.is_set() and asyncio.get_running_loop().time() < until:
            with suppress(*errors.NOT_NOW):
                if await asyncio.to_thread(is_matched, self._current()):
                    return True
            await self._pause(_LOOK_SECONDS)
        return False

    async def _patiently(self, name: str, once: Callable[[], Awaitable[None]]) -> None:
        """Do some work, as often as it takes until the database can be used, or until `stop`."""
        clock = asyncio.get_running_loop().time
        while not await tried(name, once, self._patience):
            while self._patience.has_to_wait(name, clock()):
                if self._stop.is_set():
                    return
                await self._pause(_LOOK_SECONDS)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


async def _in_a_run(work: Handler, **arguments: Any) -> None:
    with one_run():
        await work(**arguments)
