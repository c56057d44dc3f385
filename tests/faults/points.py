"""Where a process can be killed: the named points of a run, and the part of its work it is in.

A process tells of every commit, of every write to the mail server, of every answer of it and of a
source. Only the harness changes the product so, in the process that is to be killed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier import app as application
from notifier.delivery.replies import Replies
from notifier.intake import Intake
from notifier.jobs import ingest
from notifier.storage.database import Database

from . import news

SENDING = ("before commit", "after commit", "before write", "after write", "at answer", "by time")
# What can be met in each part.
OF_PHASE = {
    "ingest": ("before commit", "after commit", "at answer", "by time"),
    "match": ("before commit", "after commit", "by time"),
    "compose": ("before commit", "after commit", "by time"),
    "deliver": SENDING,
}
_BEGINNINGS = {
    "ingest": (Intake, "ingest"),
    "match": (application.App, "match"),
    "compose": (application, "compose"),
    "deliver": (application.App, "deliver"),
}

Passed = Callable[[str], None]

_MOST_PASSINGS, _OF_ANNOUNCEMENT = 4, 6
_SECONDS_AT_MOST = 0.1


@dataclass(frozen=True, slots=True)
class Kill:
    """From a moment on: in a part of the work, at the nth passing of a point, or so long after its
    beginning."""

    since: datetime
    phase: str
    point: str
    passing: int
    seconds: float


def kills(count: int, chance: random.Random) -> list[Kill]:
    """Return kills at random moments of the day, in order; in every part as many.

    A few more stand at the announcement of most papers: after each commit of the process that reads
    it, one kill after the other.
    """
    phases, day = list(OF_PHASE), timedelta(hours=20).total_seconds()
    announced = [
        Kill(news.ANNOUNCED_AT, "ingest", "after commit", passing, 0.0)
        for passing in range(1, min(_OF_ANNOUNCEMENT, count) + 1)
    ]
    moments = sorted(chance.random() * day for _ in range(count - len(announced)))
    others = [
        Kill(
            news.DAY + timedelta(hours=0.5, seconds=moment), phase := phases[n % len(phases)],
            chance.choice(OF_PHASE[phase]), chance.randint(1, _MOST_PASSINGS),
            chance.random() * _SECONDS_AT_MOST,
        )
        for n, moment in enumerate(moments)
    ]  # fmt: skip
    return sorted([*announced, *others], key=lambda kill: kill.since)


def watch(passed: Passed) -> None:
    """Have `passed` told of every commit, every write to the server and every answer."""
    write, received = Replies.write, Replies.data_received
    writing, sharing = Database.writing, Database.sharing
    take: Any = ingest.take_body

    @contextmanager
    def watched(self: Database) -> Iterator[Any]:
        with writing(self) as conn:
            yield conn
            passed("before commit")
        passed("after commit")

    @contextmanager
    def watched_sharing(self: Database) -> Iterator[Any]:
        with sharing(self) as conn:
            yield conn
            if not self.is_sqlite:  # where it is writing
                passed("before commit")
        if not self.is_sqlite:
            passed("after commit")

    def watched_write(self: Replies, data: bytes) -> None:
        passed("before write")
        write(self, data)
        passed("after write")

    def watched_answer(self: Replies, data: bytes) -> None:
        passed("at answer")
        received(self, data)

    def watched_body(*arguments: Any, **named: Any) -> Any:
        passed("at answer")
        return take(*arguments, **named)

    patched: Any = Replies
    patched.write, patched.data_received = watched_write, watched_answer
    database: Any = Database
    database.writing, database.sharing = watched, watched_sharing
    source: Any = ingest
    source.take_body = watched_body


def watch_phases(begun: Callable[[str], None]) -> None:
    """Have `begun` told of the beginning of each part of a pass."""
    for phase, (owner, name) in _BEGINNINGS.items():
        setattr(owner, name, _telling(getattr(owner, name), phase, begun))


def _telling(work: Callable[..., Any], phase: str, begun: Callable[[str], None]) -> Any:
    def told(*arguments: Any, **named: Any) -> Any:
        begun(phase)
        return work(*arguments, **named)

    return told
