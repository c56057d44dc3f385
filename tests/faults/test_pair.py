"""Two daemons on one database for a day: one scheduler at any time, and no digest twice."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from notifier.app import App
from notifier.errors import Busy
from notifier.profiles.profile import Schedule
from notifier.storage import database as storage
from notifier.storage import tables as t

from ..builders import atom
from ..databases import database_url
from . import pair
from .recorder import recording, took

HOURS = range(1, 24)
READERS_AN_HOUR = 2
PATIENCE_SECONDS = 45
OURS = "d9"
TAKES, LOSES = "this process is the scheduler", "no longer the scheduler"
WAITS = "another process is the scheduler"


@dataclass
class Feed:
    """A source with a new paper every hour; `asked`: when, and by which daemon."""

    begin: Path
    port: int = 0
    asked: list[tuple[float, str]] = field(default_factory=list)
    unread: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.unread += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:  # it was killed before it could ask
            writer.close()
            return
        finally:
            self.unread -= 1
        name = re.search(r"User-Agent: .*?(d\d)", head)
        assert name, head
        if name[1] != OURS:
            self.asked.append((time.time(), name[1]))
        papers = range(3 + int(pair.hours(self.begin)))
        body = atom([{"id": f"2611.{n:05}", "title": f"RAGs, number {n}"} for n in papers])
        said = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(said.encode() + body)
        await writer.drain()
        writer.close()

    async def has_read(self) -> float:
        """Return when all that was on the wire until now is read: what we ask comes behind it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET / HTTP/1.1\r\nUser-Agent: {OURS}\r\n\r\n".encode())
        await reader.read()
        writer.close()
        return time.time()


@dataclass
class Daemon:
    """One of them, with what it has logged so far."""

    name: str
    running: asyncio.subprocess.Process
    logged: list[dict[str, Any]] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)
    leads_since: float | None = None
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self) -> None:
        """Read its log to the end."""
        assert self.running.stderr
        while line := await self.running.stderr.readline():
            self.logged.append(json.loads(line))
            said, at = self.logged[-1]["event"], self.logged[-1]["timestamp"]
            if said.startswith(TAKES):
                self.leads_since = datetime.fromisoformat(at).timestamp()
            elif said.startswith(LOSES):
                self.ends(datetime.fromisoformat(at).timestamp())
            async with self.news:
                self.news.notify_all()

    def ends(self, at: float) -> None:
        """Note that it leads no longer."""
        if self.leads_since is not None:
            self.spans.append((self.leads_since, at))
        self.leads_since = None

    async def says(self, words: str, count: int = 1) -> None:
        """Wait until it has said so."""

        def has_said() -> bool:
            return sum(one["event"].startswith(words) for one in self.logged) >= count

        async with asyncio.timeout(PATIENCE_SECONDS), self.news:
            await self.news.wait_for(has_said)

    async def stands(self) -> None:
        """Wait until it leads, or knows who does."""

        def knows() -> bool:
            return any(one["event"].startswith((TAKES, WAITS)) for one in self.logged)

        async with asyncio.timeout(PATIENCE_SECONDS), self.news:
            await self.news.wait_for(knows)


@dataclass
class Day:
    """The place of the day: a database, a source, a mail server."""

    folder: Path
    url: str
    feed: Feed
    smtp_port: int
    daemons: list[Daemon] = field(default_factory=list)

    @property
    def begin(self) -> Path:
        return self.folder / "begin"

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Daemon]:
        name = f"d{len(self.daemons)}"
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.pair", self.url, str(self.smtp_port),
            self.feed.url, name, str(self.begin), stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        made = Daemon(name, running)
        self.daemons.append(made)
        listening = asyncio.ensure_future(made.listen())
        try:
            yield made
        finally:
            if running.returncode is None:
                running.kill()
            await running.wait()
            await listening

    def app(self) -> App:
        made = pair.settings(self.url, self.smtp_port, self.feed.url, OURS)
        return App(made, clock=lambda: pair.BEGUN + timedelta(hours=pair.hours(self.begin)))

    def subscribe(self) -> int:
        """Let some readers be due at each hour of the day; return how many."""
        app, count = self.app(), 0
        for hour in HOURS:
            for number in range(READERS_AN_HOUR):
                address = f"reader{hour}-{number}@example.org"
                schedule = Schedule("UTC", hour, 0, days=tuple(range(7)))
                app.subscriptions.request(address, now=pair.BEGUN, schedule=schedule)
                app.subscriptions.confirm(address, now=pair.BEGUN, because="asked")
                app.subscriptions.add_profile(address, "p", "RAG", now=pair.BEGUN)
                count += 1
        app.close()
        return count

    def leader(self) -> Daemon:
        (found,) = [one for one in self.daemons if one.leads_since is not None]
        return found


@asynccontextmanager
async def a_day(folder: Path, url: str) -> AsyncIterator[Day]:
    feed = Feed(folder / "begin")
    server = await asyncio.start_server(feed.serve, "127.0.0.1", 0)
    feed.port = server.sockets[0].getsockname()[1]
    with recording(folder / "took") as port:
        try:
            yield Day(folder, url, feed, port)
        finally:
            server.close()


async def paused(day: Day, daemon: Daemon) -> float:
    """Stop a process where it holds no lock of the database and is asking nobody; return when."""
    database = storage.Database(day.url)
    try:
        while True:
            daemon.running.send_signal(signal.SIGSTOP)
            at = await day.feed.has_read()
            try:
                await asyncio.to_thread(_written, database)
                if not day.feed.unread:
                    return at
            except Busy:
                pass
            daemon.running.send_signal(signal.SIGCONT)
    finally:
        database.close()


def _written(database: storage.Database) -> None:
    with database.engine.connect() as raw:
        if database.is_sqlite:
            raw.connection.execute("PRAGMA busy_timeout = 500")  # type: ignore[attr-defined]
    with database.writing():
        pass


async def everything_is_made(day: Day, count: int) -> None:
    """Wait until the digests of the day are made; a minute at most."""
    database = storage.Database(day.url)
    of_today = select(func.count()).where(t.digest.c.period == f"{pair.BEGUN:%Y-%m-%d}")
    try:
        async with asyncio.timeout(60):
            while True:
                with database.reading() as conn:
                    if conn.scalar(of_today) == count:
                        return
                await asyncio.sleep(0.2)
    finally:
        database.close()


def overlaps(spans: list[tuple[float, float, str]]) -> list[tuple[str, str]]:
    """Return which of them led at the same time as which other."""
    return [(one[2], two[2]) for one, two in pairwise(sorted(spans)) if one[1] > two[0]]


@pytest.mark.both
@pytest.mark.timeout(300)
@pytest.mark.anyio
async def test_two_daemons_for_a_day_with_one_killed_and_one_that_sleeps(tmp_path: Path) -> None:
    await through_the_day(tmp_path, database_url(tmp_path, "notifier", is_empty=True))


async def through_the_day(folder: Path, url: str) -> None:
    """Live through the day on a database that is empty."""
    async with a_day(folder, url) as day, AsyncExitStack() as running:
        count = day.subscribe()
        for _ in range(2):
            await running.enter_async_context(day.daemon())
        first, second = day.daemons
        for one in day.daemons:
            await one.says("daemon started")
            await one.stands()
        day.begin.write_text(str(time.monotonic()))
        await asyncio.sleep(pair.DAY_SECONDS / 4)

        first, second = day.leader(), next(x for x in day.daemons if x is not day.leader())
        first.running.kill()
        await first.running.wait()
        first.ends(killed_at := await day.feed.has_read())
        await second.says(TAKES)
        assert second.leads_since
        assert second.leads_since - killed_at < 2 * pair.LEASE_SECONDS + 2
        third = await running.enter_async_context(day.daemon())
        await third.says(WAITS)

        slept_at = await paused(day, second)
        await third.says(TAKES)
        woken_at = time.time()
        second.running.send_signal(signal.SIGCONT)
        await second.says(LOSES)
        await second.says(WAITS)

        await asyncio.sleep((pair.END_HOURS - pair.hours(day.begin)) * 3600 / pair.FASTER)
        await everything_is_made(day, count)
        for one in (second, third):
            one.running.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(one.running.wait(), 20) == 0
        app = day.app()  # what the killed one had claimed is free when its claim ends
        app.clock = lambda: pair.BEGUN + timedelta(hours=72)
        await app.deliver()
        with app.database.reading() as conn:
            made = conn.execute(select(t.digest.c.key, t.digest.c.period)).all()
        app.close()

    second.spans = [(a, slept_at if b > woken_at > a else b) for a, b in second.spans]
    spans = [(a, b, one.name) for one in day.daemons for a, b in one.spans]
    assert len(spans) >= 3
    assert overlaps(spans) == []
    for at, name in day.feed.asked:
        mine = [(a, b) for a, b, of in spans if of == name]
        assert any(a <= at <= b for a, b in mine), f"{name} asked a source and was no scheduler"
    came = Counter(one.key for one in took(folder / "took"))
    assert set(came) == {key for key, _ in made}, "what was made has come"
    assert sum(period == f"{pair.BEGUN:%Y-%m-%d}" for _, period in made) == count
    assert came.total() - len(came) <= 2, "what the killed one had on its two connections"
