"""The engine of a process that needs no other: its tasks wait in memory, and end with it."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock

from notifier.engine.engine import LANES, Handler, Task, at_once, done


class Inline:
    """Tasks of one process; those that nobody works on wait."""

    is_shared = False

    def __init__(self, *, tasks: int = 2) -> None:
        """
        Args:
            tasks: So many are in hand at a time, but for lanes where it is one.
        """
        self._at_once = at_once(tasks)
        self._waiting: dict[str, deque[Task]] = {lane: deque() for lane in LANES}
        self._unfinished: Counter[Task] = Counter()
        self._lock = Lock()
        self._listening: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    async def dispatch(self, tasks: Sequence[Task]) -> None:
        with self._lock:
            for task in tasks:
                if task not in self._unfinished:
                    self._unfinished[task] += 1
                    self._waiting[task.lane].append(task)
            listening = list(self._listening)
        for loop, news in listening:
            with suppress(RuntimeError):  # its loop has just ended
                loop.call_soon_threadsafe(news.set)

    def waiting(self, *names: str) -> int:
        with self._lock:
            every = [task for lane in self._waiting.values() for task in lane]
        return sum(not names or task.name in names for task in every)

    def unfinished(self, *names: str) -> int:
        with self._lock:
            return sum(task.name in names for task in self._unfinished)

    async def work(self, handlers: Mapping[str, Handler], stop: asyncio.Event) -> None:
        news = asyncio.Event()
        listening = (asyncio.get_running_loop(), news)
        self._listening.add(listening)
        works = [
            self._one_after_another(lane, handlers, stop, news)
            for lane, number in self._at_once.items()
            for _ in range(number)
        ]
        try:
            await asyncio.gather(*works)
        finally:
            self._listening.discard(listening)

    async def _one_after_another(
        self, lane: str, handlers: Mapping[str, Handler], stop: asyncio.Event, news: asyncio.Event
    ) -> None:
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                if task := self._taken(lane):
                    await self._done(task, handlers)
                    continue
                news.clear()
                if self._waiting[lane]:  # it came in between
                    continue
                heard = asyncio.ensure_future(news.wait())
                await asyncio.wait({heard, stopped}, return_when=asyncio.FIRST_COMPLETED)
                heard.cancel()
        finally:
            stopped.cancel()

    def _taken(self, lane: str) -> Task | None:
        with self._lock:
            return self._waiting[lane].popleft() if self._waiting[lane] else None

    async def _done(self, task: Task, handlers: Mapping[str, Handler]) -> None:
        try:
            await done(handlers, task)
        finally:
            with self._lock:
                del self._unfinished[task]
