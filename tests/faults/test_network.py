"""Workers whose way to PostgreSQL fails, who sleep, or whose mail server is slow: nothing is lost,
and only what was on the wire comes twice."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from notifier.errors import Busy, Unavailable
from notifier.storage import tables as t
from notifier.storage.database import Database

from ..databases import cluster, skip_without_postgres
from ..sending import post
from .recorder import recording, took
from .wire import Wire, wired

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

MAILS, CONNECTIONS, LEASE_SECONDS = 40, 3, 5.0
PATIENCE_SECONDS = 60.0
TAKEN_OVER = "another worker had taken over"
TROUBLES = ("the database cannot be used: waiting", "an answer cannot be written down yet",
            "the heartbeat is not written")  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    skip_without_postgres()
    with cluster().cleared():
        made = cluster().database(tmp_path / "network", is_empty=False)
        name = made.partition("@/")[2].partition("?")[0]
        yield Place(tmp_path, Database(made), name)


@dataclass
class Place:
    """A database with mails, and a file where a mail server writes down what it took."""

    folder: Path
    database: Database
    name: str
    posted: int = 0

    @property
    def file(self) -> Path:
        return self.folder / "took"

    async def post(self, count: int = MAILS) -> None:
        """Let so many more mails wait."""
        await asyncio.to_thread(self._post, count)  # what holds the turn may need our wires

    def _post(self, count: int) -> None:
        rows = range(self.posted, self.posted + count)
        since = datetime.now(UTC) - timedelta(minutes=1)
        post(self.database, [f"r{n}@uni{n % 7}.example" for n in rows], since=since)
        self.posted += count

    def count(self, *states: str) -> int:
        d = t.delivery.c
        with self.database.reading() as conn:
            return conn.scalar(select(func.count()).where(d.state.in_(states))) or 0

    @property
    def came(self) -> Counter[str]:
        return Counter(one.key for one in took(self.file))

    @property
    def copies(self) -> int:
        return self.came.total() - len(self.came)

    async def all_sent(self) -> None:
        """Wait until everything is recorded as sent; nothing is lost then."""
        await so(lambda: self.count("sent") == self.posted)
        assert len(self.came) == self.posted


async def so(is_so: Callable[[], bool]) -> None:
    """Return once something is so, of what other processes do."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with suppress(Unavailable):  # the server was restarted under us, too
                if await asyncio.to_thread(is_so):
                    return
            await asyncio.sleep(0.05)


@dataclass
class Running:
    """A worker, and what it has logged."""

    process: asyncio.subprocess.Process
    logged: list[dict[str, Any]] = field(default_factory=list)

    async def listen(self) -> None:
        assert self.process.stderr
        while line := await self.process.stderr.readline():
            self.logged.append(json.loads(line))  # one line each: a traceback would be none

    def said(self, *words: str) -> int:
        return sum(one["event"].startswith(words) for one in self.logged)


@asynccontextmanager
async def working(
    place: Place, *, by: int, smtp: int, connections: int = CONNECTIONS,
    lease: float = LEASE_SECONDS,
) -> AsyncIterator[Running]:  # fmt: skip
    """A worker that reaches the database by a port; asked to stop, it ends well."""
    login = cluster().url(place.name, password=cluster().password)
    url = login.replace(f":{cluster().port}/", f":{by}/")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.worker", url, str(smtp), str(connections), str(lease),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    made = Running(process)
    listening = asyncio.ensure_future(made.listen())
    try:
        await so(lambda: made.said("daemon started") > 0)
        yield made
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


async def some_were_sent(place: Place) -> None:
    before = len(took(place.file))
    await so(lambda: len(took(place.file)) > before + 5)


async def cut(wire: Wire) -> None:
    for _ in range(3):
        wire.cut()
        await asyncio.sleep(0.05)


async def refuse(wire: Wire) -> None:
    wire.is_open = False
    wire.cut()
    await asyncio.sleep(1.0)  # so long is nobody there
    wire.is_open = True


async def stall(wire: Wire) -> None:
    wire.flows.clear()
    await asyncio.sleep(1.0)
    wire.flows.set()


async def lose_answers(wire: Wire) -> None:
    """What was asked is done, a COMMIT among it, and nobody hears of it."""
    wire.hears = False
    await so(lambda: wire.lost > 0)
    await asyncio.sleep(0.2)
    wire.cut()
    wire.hears = True


async def restart(_: Wire) -> None:
    await asyncio.to_thread(cluster().stop)
    await asyncio.to_thread(cluster().start)


async def slow_down(wire: Wire) -> None:
    wire.delay_seconds = 0.01
    await asyncio.sleep(0.5)
    wire.delay_seconds = 0.0


async def test_whatever_befalls_the_way_to_the_database_a_worker_goes_on_and_no_mail_comes_twice(
    place: Place,
) -> None:
    async with AsyncExitStack() as stack:
        smtp = stack.enter_context(recording(place.file, 20.0))
        wire = await stack.enter_async_context(wired(cluster().port))
        worker = await stack.enter_async_context(working(place, by=wire.port, smtp=smtp))
        for fault in (cut, refuse, stall, lose_answers, slow_down, restart):
            await place.post()
            await some_were_sent(place)
            said = worker.said(*TROUBLES)
            await fault(wire)
            await place.all_sent()
            assert place.copies == 0, fault.__name__
            assert worker.said(*TROUBLES) - said <= CONNECTIONS + 2, "a line each, not a flood"
            assert place.count("claimed", "failed", "held") == 0
    assert worker.said(*TROUBLES) > 0
    assert worker.said("the database can be used again", "the answer is written down") > 0
    assert worker.said("job failed") == 0
    assert "example" not in json.dumps(worker.logged), "no address in any log"
    place.database.close()


async def put_to_sleep(place: Place, worker: Running) -> None:
    """Stop a process that is in no transaction: else all wait until the server ends that."""
    soon = Database(place.database.url.update_query_pairs(
        [("options", "-c lock_timeout=500ms")]).render_as_string(hide_password=False)
    )  # fmt: skip

    def is_free() -> bool:
        try:
            with soon.writing():
                return True
        except Busy:
            return False

    worker.process.send_signal(signal.SIGSTOP)
    while not await asyncio.to_thread(is_free):
        worker.process.send_signal(signal.SIGCONT)
        worker.process.send_signal(signal.SIGSTOP)
    soon.close()


async def test_a_worker_that_sleeps_beyond_its_lease_confirms_nothing_that_another_sent(
    place: Place,
) -> None:
    async with AsyncExitStack() as stack:
        smtp = stack.enter_context(recording(place.file, 20.0))
        port = cluster().port
        first = await stack.enter_async_context(working(place, by=port, smtp=smtp))
        second = await stack.enter_async_context(working(place, by=port, smtp=smtp))
        await place.post(3 * MAILS)
        await some_were_sent(place)
        await put_to_sleep(place, first)
        await place.all_sent()
        first.process.send_signal(signal.SIGCONT)
        await place.post(2)
        await place.all_sent()
        await so(lambda: place.count("claimed") == 0)
    assert place.copies <= CONNECTIONS, "what was on its wire"
    assert first.said(TAKEN_OVER) <= CONNECTIONS
    assert second.said(TAKEN_OVER) == 0
    place.database.close()


class Slow:
    """A mail server that says a letter at a time, and thinks long about each mail."""

    def __init__(self) -> None:
        self.came = Counter[bytes]()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            for sign in f"{line}\r\n":
                writer.write(sign.encode())
                await asyncio.sleep(0.02)

        try:
            await say("220 slow")
            while line := await reader.readline():
                verb = line[:4].upper()
                await say({b"DATA": "354 go", b"QUIT": "221 bye"}.get(verb, "250 ok"))
                if verb == b"DATA":
                    text = await reader.readuntil(b"\r\n.\r\n")
                    self.came[text.partition(b"Message-ID: <")[2].partition(b"@")[0]] += 1
                    await asyncio.sleep(4.0)  # several looks of both workers for what was lost
                    await say("250 taken")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()


async def test_a_mail_server_that_takes_its_time_gets_each_mail_once_of_two_workers(
    place: Place,
) -> None:
    slow = Slow()
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(slow.meet, "127.0.0.1", 0)
        smtp, port = server.sockets[0].getsockname()[1], cluster().port
        for _ in range(2):
            await stack.enter_async_context(working(place, by=port, smtp=smtp, lease=20.0))
        await place.post(3)
        await so(lambda: place.count("sent") == 3)
    server.close()
    assert sorted(slow.came.values()) == [1] * 3
    place.database.close()
