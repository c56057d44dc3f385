"""Where a process can be killed: the named points of a run, and the part of its work it is in.

A process tells of every commit, of every write to the mail server, of every answer of it and of a
source. Only the harness changes the product so, in the process that is to be killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from notifier import app as application
from notifier.delivery.replies import Replies
from notifier.intake import Intake
from notifier.jobs import ingest
from notifier.storage.database import Database

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


def watch(passed: Passed) -> None:
    """Have `passed` told of every commit, every write to the server and every answer."""
    writing, write, received = Database.writing, Replies.write, Replies.data_received
    take: Any = ingest.take_body

    @contextmanager
    def watched(self: Database) -> Iterator[Any]:
        with writing(self) as conn:
            yield conn
            passed("before commit")
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
    database.writing = watched
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
