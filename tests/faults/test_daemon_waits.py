"""A daemon whose disk is full, or whose database another process keeps: it waits, says so once,
and goes on by itself."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.storage import store_subscribers
from tests.sink import Sink, listening
from tests.test_daemon import process

from .instance import Instance, address
from .storms import Disk, a_disk, settle

READERS = 3
STORED = "%Y-%m-%d %H:%M:%S.%f"  # as SQLite keeps a time
WAITS, GOES_ON = "the database cannot be used: waiting", "the database can be used again"


@dataclass
class Log:
    """What a daemon has said so far."""

    text: str = ""

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Read on to its end."""
        while line := await stream.readline():
            self.text += line.decode()

    async def has(self, words: str) -> None:
        """Return once these have been said; half a minute at most."""
        try:
            async with asyncio.timeout(30):
                while words not in self.text:  # noqa: ASYNC110  # of what another process says
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f'"{words}" was not said, but: {self.text}')


@asynccontextmanager
async def daemon(folder: Path, port: int) -> AsyncIterator[tuple[Process, Log]]:
    """A daemon that has begun its passes; nobody is due today."""
    instance = Instance(folder, readers=READERS, port=port, since=datetime.now(UTC))
    instance.take(1)
    with instance.app.database.writing() as conn:
        for row in range(1, READERS + 1):
            later = instance.now + timedelta(days=1)
            store_subscribers.change(conn, row, next_due_at=later)
    instance.app.compose()
    instance.app.close()
    config = folder / "notifier.toml"
    config.write_text(
        f"[site]\nlisten = ''\n[smtp]\nhost = '127.0.0.1'\nport = {port}\n"
        "[mail]\nfrom = 'P <p@example.org>'\n[digest]\nsample = false\nwait_minutes = 0\n"
        f"[database]\nurl = 'sqlite:///{folder}/test.db'\n[daemon]\ntick_seconds = 1\n"
    )
    async with process("run", "--config", config) as running:
        log = Log()
        assert running.stderr
        following = asyncio.ensure_future(log.follow(running.stderr))
        await log.has("this process is the scheduler")
        yield running, log
        running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), 30) == 0
        await following


async def meanwhile(running: Process, work: Callable[[], None]) -> None:
    """Do something while a process does nothing, between two of its transactions."""
    async with asyncio.timeout(30):
        while True:
            running.send_signal(signal.SIGSTOP)
            try:
                return work()
            except sqlite3.OperationalError:
                pass  # it was in the middle of one
            finally:
                running.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.1)


def all_are_due(database: Path, *, after: timedelta = timedelta(0)) -> None:
    due = datetime.now(UTC) + after
    with closing(sqlite3.connect(database, timeout=0)) as conn, conn:
        conn.execute("UPDATE subscriber SET next_due_at = ?", [f"{due:{STORED}}"])


async def waits_and_goes_on(log: Log, sink: Sink, end: Callable[[], None]) -> None:
    await log.has(WAITS)
    await asyncio.sleep(2.5)  # two more ticks of the daemon's own clock
    assert log.text.count(WAITS) == 1
    assert sink.received == []
    end()
    await log.has(GOES_ON)
    async with asyncio.timeout(30):
        while len(sink.received) < READERS:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert sorted(one.recipient for one in sink.received) == [address(n) for n in range(READERS)]
    assert log.text.count(GOES_ON) == 1
    assert "Traceback" not in log.text
    assert not re.search(r"reader\d", log.text)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with a_disk(tmp_path / "disk", megabytes=8) as made:
        yield made


@pytest.mark.anyio
async def test_on_a_full_disk_it_waits_and_goes_on(disk: Disk) -> None:
    database = disk.folder / "test.db"

    def befall() -> None:
        settle(database)  # or nothing is done: who is due goes on at once
        all_are_due(database)
        try:
            disk.fill(database, patience_seconds=0)
        except sqlite3.OperationalError:  # it was stopped while it read: not yet, then
            all_are_due(database, after=timedelta(days=1))
            raise

    async with listening() as sink, daemon(disk.folder, sink.port) as (running, log):
        await meanwhile(running, befall)
        await waits_and_goes_on(log, sink, disk.empty)
