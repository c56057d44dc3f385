"""An instance with some readers of one topic, by a clock that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from notifier.app import App
from notifier.cli.status import collect
from notifier.config import Settings
from notifier.profiles.profile import Schedule
from notifier.storage import promises, store_papers
from notifier.ticked import Ticked
from tests.builders import an_entry
from tests.sink import Sink

SIX = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
EVERY_DAY = tuple(range(7))


def address(number: int) -> str:
    """Return a reader's address."""
    return f"reader{number}@example.org"


class Instance:
    """Readers 0, 1, … follow "lattice" since a time; digests come at six (UTC)."""

    def __init__(
        self,
        folder: Path,
        *,
        readers: int = 3,
        port: int = 25,
        since: datetime = SIX - timedelta(hours=1),
        at: Callable[[int], tuple[int, int]] = lambda number: (6, 0),
        **settings: Any,
    ) -> None:
        self.now = since
        given = {
            "database": {"url": f"sqlite:///{folder}/test.db"},
            "digest": {"sample": False, "wait_minutes": 0},
            "smtp": {"host": "127.0.0.1", "port": port},
            "mail": {"from": "Papers <papers@example.org>"},
        }
        self.settings = Settings(**(given | settings))
        self.app = App(self.settings, clock=lambda: self.now)
        for number in range(readers):
            self.join(number, Schedule("UTC", *at(number), EVERY_DAY))

    def join(self, number: int, schedule: Schedule) -> None:
        """Let a reader subscribe, confirm and follow the topic."""
        people = self.app.subscriptions
        people.request(address(number), now=self.now, schedule=schedule)
        people.confirm(address(number), now=self.now, because="asked")
        people.add_profile(address(number), "topic", "lattice", now=self.now)

    def take(self, *numbers: int) -> None:
        """Take papers of the topic in, by their numbers."""
        entries = [an_entry(n, title(n), authors=("Ada Lovelace",)) for n in numbers]
        with self.app.database.writing() as conn:
            store_papers.take_in(conn, entries, source="arxiv", now=self.now)

    async def pass_to(self, until: datetime, step: timedelta) -> Ticked:
        """Make a pass now, and one after every step; return what the last one did."""
        done = await self.app.tick()
        while self.now + step <= until:
            self.now += step
            done = await self.app.tick()
        return done

    @property
    def status(self) -> dict[str, Any]:
        """What `notifier status` shows."""
        return collect(self.app)

    @property
    def broken(self) -> list[str]:
        """Which promises are not kept, as `notifier db check` tells."""
        with self.app.database.reading() as conn:
            return [one.promise for one in promises.broken(conn)]


def title(number: int) -> str:
    """Return the title of a paper of the topic."""
    return f"A lattice, part {number:03d}"


def text(content: bytes) -> str:
    """Return what a mail says."""
    body = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert body is not None
    said: str = body.get_content()
    return said


def papers(sink: Sink, recipient: str) -> list[list[int]]:
    """Return the numbers of the papers in each mail to somebody, as far as there are fifty."""
    return [
        [number for number in range(50) if title(number) in text(one.content)]
        for one in sink.received
        if one.recipient == recipient
    ]


async def until(is_so: Callable[[], bool]) -> None:
    """Let others work until something is so; a minute at most."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110  # of what another thread or process does
            await asyncio.sleep(0.02)
