"""The daemon as a process: it does what is due, alone, and ends cleanly when asked to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.app import App
from notifier.config import Settings
from notifier.jobs.take import take_body
from notifier.profiles.profile import Schedule
from notifier.storage import store_subscribers
from notifier.storage.database import Database

from .builders import atom
from .databases import database_url
from .sink import Sink, listening

READERS = 30


class SlowSink(Sink):
    """Takes its time for each mail and tells when the first and when the last one has come."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.started = asyncio.Event()
        self.complete = asyncio.Event()

    async def handle_DATA(self, *arguments: object) -> str:
        self.started.set()
        await asyncio.sleep(self.seconds)  # the server's own pace, on the other side of the wire
        answer = await super().handle_DATA(*arguments)  # type: ignore[arg-type]
        if len(self.received) >= READERS:
            self.complete.set()
        return answer


def prepare(folder: Path, port: int) -> Path:
    """An instance in which thirty digests are due now; returns its configuration."""
    path = folder / "notifier.toml"
    path.write_text(
        f"[site]\nlisten = ''\n[smtp]\nhost = '127.0.0.1'\nport = {port}\n"
        f"[database]\nurl = '{database_url(folder, 'notifier')}'\n"
        "[mail]\nfrom = 'P <p@example.org>'\n[daemon]\ntick_seconds = 1\n"
    )
    now = datetime.now(UTC)
    app = App(Settings(database={"url": database_url(folder, "notifier")}), clock=lambda: now)
    body = atom([{"id": "2611.00001", "title": "RAGs that forget"}])
    take_body(app.database, app.intake.source_for_file("arxiv", "arxiv"), body, now=now)
    for number in range(READERS):
        address = f"reader{number}@example.org"
        found = app.subscriptions.request(
            address, now=now, schedule=Schedule("UTC", days=tuple(range(7)))
        )
        app.subscriptions.confirm(address, now=now, because="asked")
        app.subscriptions.add_profile(address, "p", "RAG", now=now)
        with app.database.writing() as conn:
            store_subscribers.change(conn, found.row, next_due_at=now - timedelta(minutes=1))
    app.close()
    return path


@asynccontextmanager
async def process(*arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `notifier ARGUMENTS` and make sure that it is gone at the end."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from notifier.cli import main; main()", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


@asynccontextmanager
async def sending(config: Path, sink: SlowSink) -> AsyncIterator[asyncio.subprocess.Process]:
    """A daemon in the middle of its first run: the server has begun to take a mail."""
    async with process("run", "--config", config) as daemon:
        await asyncio.wait_for(sink.started.wait(), 30)
        yield daemon


async def code_after_sigterm(daemon: asyncio.subprocess.Process) -> int:
    """Ask the daemon to stop and return its exit code."""
    daemon.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(daemon.wait(), 10)


def states(folder: Path) -> dict[str, int]:
    return dict(rows_of(folder, "SELECT state, count(*) FROM delivery GROUP BY state"))


def rows_of(folder: Path, query: str) -> list[Any]:
    """The rows that the instance's database answers with."""
    database = Database(database_url(folder, "notifier"))
    with database.reading() as conn:
        rows = [tuple(row) for row in conn.exec_driver_sql(query)]
    database.close()
    return rows


def recipients(sink: Sink) -> list[str]:
    return sorted(mail.recipient for mail in sink.received)


@pytest.mark.both
@pytest.mark.anyio
async def test_sigterm_in_the_middle_of_a_run_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with listening(SlowSink(0.1)) as sink:
        config = prepare(tmp_path, sink.port)
        async with sending(config, sink) as daemon:
            assert await code_after_sigterm(daemon) == 0
        before = len(sink.received)
        assert 0 < before < READERS
        found = states(tmp_path)
        assert found.get("sent") == before, "what the server took is recorded, mail by mail"
        assert "claimed" not in found, "nothing is left claimed"
        async with process("run", "--config", config) as daemon:
            await asyncio.wait_for(sink.complete.wait(), 60)
            assert await code_after_sigterm(daemon) == 0
        assert recipients(sink) == sorted(f"reader{n}@example.org" for n in range(READERS))
        assert states(tmp_path) == {"sent": READERS}


@pytest.mark.anyio
async def test_a_killed_daemon_delays_and_loses_nothing(tmp_path: Path) -> None:
    async with listening(SlowSink(0.05)) as sink:
        config = prepare(tmp_path, sink.port)
        async with sending(config, sink) as daemon:
            daemon.kill()
            await daemon.wait()
        later = (datetime.now(UTC) + timedelta(minutes=16)).isoformat()
        async with process("tick", "--config", config, "--now", later) as tick:
            assert await asyncio.wait_for(tick.wait(), 60) == 0
        got = recipients(sink)
        assert set(got) == {f"reader{n}@example.org" for n in range(READERS)}
        assert len(got) <= READERS + 2, "at most one copy for each of two connections"


async def says(running: asyncio.subprocess.Process, words: str) -> str:
    """Wait until a process says something, and return the line."""
    assert running.stderr is not None
    async with asyncio.timeout(30):
        while words not in (line := (await running.stderr.readline()).decode()):
            assert line, f"it ended and never said: {words}"
    return line


@pytest.mark.anyio
async def test_a_second_daemon_stands_by_and_takes_over_from_one_that_was_killed(
    tmp_path: Path,
) -> None:
    async with listening(SlowSink(0.2)) as sink:
        config = prepare(tmp_path, sink.port)
        async with process("run", "--config", config) as first:
            await says(first, "this process is the scheduler")
            async with process("run", "--config", config) as second:
                assert f"pid={first.pid}" in await says(second, "this one stands by")
                first.kill()
                await first.wait()
                await says(second, "this process is the scheduler")
                assert await code_after_sigterm(second) == 0


@pytest.mark.anyio
async def test_two_ticks_at_once_send_each_digest_once(tmp_path: Path) -> None:
    async with listening(SlowSink(0.01)) as sink:
        config = prepare(tmp_path, sink.port)
        async with (
            process("tick", "--config", config) as one,
            process("tick", "--config", config) as two,
        ):
            codes = await asyncio.wait_for(asyncio.gather(one.wait(), two.wait()), 60)
        assert codes == [0, 0]
        assert recipients(sink) == sorted(f"reader{n}@example.org" for n in range(READERS))


@pytest.mark.anyio
async def test_a_source_that_never_answers_does_not_delay_the_end(tmp_path: Path) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with listening() as sink:
        config = prepare(tmp_path, sink.port)
        with config.open("a") as file:
            file.write(
                f"[[source]]\nname = 'slow'\nkind = 'feed'\nurls = ['http://127.0.0.1:{port}/']\n"
            )
        async with process("run", "--config", config) as daemon:
            await asyncio.wait_for(asked.wait(), 30)
            daemon.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(daemon.wait(), 8) == 0
    over.set()
    server.close()
    await server.wait_closed()


@pytest.mark.anyio
async def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    async with listening() as sink:
        config = prepare(tmp_path, sink.port)
        text = config.read_text().replace("listen = ''", f"listen = '127.0.0.1:{sink.port}'")
        config.write_text(text)
        async with process("run", "--config", config) as daemon:
            _, err = await asyncio.wait_for(daemon.communicate(), 30)
        assert daemon.returncode == 5
        assert f"error: 127.0.0.1:{sink.port} is in use" in err.decode()
        assert "Traceback" not in err.decode()


@pytest.mark.anyio
async def test_sigterm_waits_for_the_answer_of_a_channel_and_posts_once(tmp_path: Path) -> None:
    asked, told = asyncio.Event(), asyncio.Event()
    count = 0

    async def hook(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        await reader.readuntil(b"\r\n\r\n")
        count += 1
        asked.set()
        await told.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hook, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, listening() as sink:
        config = prepare(tmp_path, sink.port)
        with config.open("a") as file:
            file.write("[channels]\nallowed = ['webhook']\nhosts = ['127.0.0.1']\n")
        async with process(
            "channel", "add", "reader0@example.org", "p", f"json://127.0.0.1:{port}/x",
            "--config", config,
        ) as adding:  # fmt: skip
            assert await adding.wait() == 0
        async with process("run", "--config", config) as daemon:
            await asyncio.wait_for(asked.wait(), 30)
            daemon.send_signal(signal.SIGTERM)
            await says(daemon, "waiting for the answer")
            told.set()
            assert await asyncio.wait_for(daemon.wait(), 20) == 0
    assert rows_of(tmp_path, "SELECT state, attempts FROM post") == [("sent", 1)]
    assert count == 1


@pytest.mark.anyio
async def test_no_address_stands_in_the_log(tmp_path: Path) -> None:
    async with listening() as sink:
        config = prepare(tmp_path, sink.port)
        async with process("tick", "--config", config, "-v") as tick:
            out, err = await asyncio.wait_for(tick.communicate(), 60)
        assert len(sink.received) == READERS
        assert b"digest sent" in err
        assert b"@example.org" not in out + err
