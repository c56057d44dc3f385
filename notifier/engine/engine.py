"""The port: who has work hands it to an engine, who works takes it from there.

A task is asked for at least once: it must do no harm done twice, by two at the same time, or never.
Arguments are rows and names, never anything about a person: engines may log them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import structlog

from notifier.errors import NotifierError

log = structlog.get_logger()

# Lanes: what waits in one holds up nothing in another. Sources may take an hour to answer, and
# what is written waits for what is matched.
WORK, SOURCES, MATCHING = "notifier", "notifier-sources", "notifier-matching"
LANES = (WORK, SOURCES, MATCHING)


def at_once(tasks: int) -> dict[str, int]:
    """Return how many tasks of each lane a process has in hand at a time."""
    return {lane: tasks if lane == WORK else 1 for lane in LANES}


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done: the name of a handler, and its arguments as JSON of an object."""

    name: str
    text: str = "{}"
    lane: str = WORK

    @classmethod
    def of(cls, name: str, lane: str = WORK, **arguments: Any) -> Task:
        """Return a task; equal arguments make equal tasks."""
        return cls(name, json.dumps(arguments, sort_keys=True), lane)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, by name."""
        found: dict[str, Any] = json.loads(self.text)
        return found


Handler: TypeAlias = Callable[..., Awaitable[None]]


class Engine(Protocol):
    """Hands tasks from who has work to who works.

    `is_shared`: other processes do what is asked for here, and outlive this one; else whoever asks
    must do it, and knows of nothing but that.
    """

    @property
    def is_shared(self) -> bool: ...

    async def dispatch(self, tasks: Sequence[Task]) -> None:
        """Ask that some tasks be done; one that is asked for already and not done is left out.

        From any thread and event loop.

        Raises:
            Busy, Unavailable: nothing is asked for.
        """

    def waiting(self, *names: str) -> int:
        """Return how many tasks nobody has begun, of these names or of all; may ask the
        database."""

    def unfinished(self, *names: str) -> int:
        """Return how many tasks of these names wait, or are at work in a process that lives; may
        ask the database."""

    async def work(self, handlers: Mapping[str, Handler], stop: asyncio.Event) -> None:
        """Do what is asked for, until `stop`: then nothing is begun, and what is at it is awaited.

        A handler that raises stops nothing: it is logged. A task that no handler has a name for is
        logged and dropped.
        """


async def done(handlers: Mapping[str, Handler], task: Task) -> None:
    """Have a task done; whatever comes of it, it is not asked for again by the engine."""
    handler = handlers.get(task.name)
    if handler is None:
        tell_unknown(task.name)
        return
    try:
        await handler(**task.arguments)
    except NotifierError as error:
        log.error("job failed", job=task.name, reason=str(error))
    except Exception:
        log.exception("job failed", job=task.name)


def tell_unknown(name: str) -> None:
    """Say that a task was dropped: it is another version's."""
    log.error("a task that is not known here is dropped", task=name)
