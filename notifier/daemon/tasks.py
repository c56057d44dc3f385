"""Pieces of work by name, each as a task of ours and at most once at a time.

The scheduler's own jobs only start them: what it runs itself it would cancel at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

import structlog

from notifier import errors
from notifier.patience import Patience

log = structlog.get_logger()

Work: TypeAlias = Callable[[], Awaitable[Any]]


class Tasks:
    """What this process is doing; a piece of work that fails is logged, and stops no other."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._patience = Patience()
        self._is_closed = False

    def start(self, name: str, work: Work, *, again: bool = False) -> asyncio.Task[None] | None:
        """Start some work, unless it is still at it; return its task, None when closed, or when it
        waits since the database could not be used.

        Args:
            again: Where it is still at it, do it once more afterwards: there is something new.
        """
        running = self._tasks.get(name)
        if self._is_closed:
            return None
        if running and not running.done():
            if again:
                self._again.add(name)
            return running
        if self._patience.has_to_wait(name, _seconds()):
            return None
        self._tasks[name] = asyncio.ensure_future(self._run(name, work))
        return self._tasks[name]

    async def _run(self, name: str, work: Work) -> None:
        await self._patiently(name, work)
        while name in self._again and not self._is_closed:
            self._again.discard(name)
            await self._patiently(name, work)

    async def _patiently(self, name: str, work: Work) -> None:
        """Do some work; where the database cannot be used now, it waits longer and longer."""
        await tried(name, partial(guarded, name, work), self._patience)

    def close(self) -> None:
        """Start nothing any more."""
        self._is_closed = True

    def cancel(self, name: str) -> None:
        """Cut some work off."""
        if task := self._tasks.get(name):
            task.cancel()

    def forget(self, *names: str) -> None:
        """Wait for the database no more with work of these names: it is begun by others."""
        for name in names:
            self._patience.forget(name)

    def running(self, *names: str) -> set[asyncio.Task[None]]:
        """Return what is still at it, of these names or of all."""
        wanted = names or tuple(self._tasks)
        found = (self._tasks[name] for name in wanted if name in self._tasks)
        return {task for task in found if not task.done()}


async def tried(name: str, work: Work, patience: Patience) -> bool:
    """Do some work, and return whether the database could be used; that it cannot is said once, and
    that it can again."""
    try:
        await work()
    except errors.NOT_NOW as error:
        if patience.failed(name, _seconds()):
            log.error("the database cannot be used: waiting", job=name, reason=str(error))
        return False
    if patience.went_well(name, _seconds()):
        log.info("the database can be used again")
    return True


async def guarded(name: str, work: Work) -> None:
    """Do some work; a failure is logged.

    Raises:
        Busy, Unavailable: the database cannot be used now.
    """
    try:
        await work()
    except errors.NOT_NOW:
        raise
    except errors.NotifierError as error:
        log.error("job failed", job=name, reason=str(error))
    except Exception:
        log.exception("job failed", job=name)


def _seconds() -> float:
    return asyncio.get_running_loop().time()
